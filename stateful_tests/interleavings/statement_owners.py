"""Which request sent a held statement. One request runs at a time, so it is known unless two may have sent it. Pure."""

from dataclasses import dataclass, field

from load.client.ask import Reply
from stateful_tests.interleavings.connection import Connection
from stateful_tests.interleavings.messages import REQUEST
from stateful_tests.interleavings.proxy import Proxy


@dataclass
class Task:
    """One request of a schedule, with the connections on which it has something open: on `held` a statement is held, on
    `waiting` one waits for a lock. `is_late`: it will send its next statement at an unknown time. `is_accepted`: it was
    answered, and a poll will tell its outcome once everything passes the proxy.
    """

    number: int
    reply: Reply | None = None
    is_accepted: bool = False
    is_late: bool = False
    connections: set[Connection] = field(default_factory=set)
    held: list[Connection] = field(default_factory=list)
    waiting: Connection | None = None

    @property
    def busy(self) -> list[Connection]:
        """Where the database works for it."""
        return [connection for connection in self.connections if not connection.is_answered]

    @property
    def is_answered(self) -> bool:
        return self.reply is not None or self.is_accepted

    @property
    def is_over(self) -> bool:
        """Whether it was answered and has nothing open."""
        return self.is_answered and not any(connection.is_at_work for connection in self.connections)


@dataclass
class StatementOwners:
    """The owners of one schedule's statements. `current` is the request that runs; `last` has the last request of each
    connection, `assigned` are the connections whose held statement has an owner.
    """

    proxy: Proxy
    tasks: list[Task]
    current: Task | None = None
    last: dict[Connection, Task] = field(default_factory=dict)
    assigned: set[Connection] = field(default_factory=set)

    @property
    def is_one_unknown(self) -> bool:
        """Whether a statement is held that two requests may have sent."""
        return any(each.protocol.held is not None and each not in self.assigned for each in self.proxy.connections)

    def assign(self) -> None:
        """Assigns every held statement to the request that sent it, where that is certain."""
        for connection in list(self.proxy.connections):
            if connection.protocol.held is None or connection in self.assigned:
                continue
            owner = self.last.get(connection)
            if owner is None or connection.protocol.claim != REQUEST:
                # Nothing of the last request is open on it: a pool may have lent the connection to another one.
                candidates = self.list_candidates()
                if len(candidates) != 1:
                    continue
                owner = candidates[0]
            owner.is_late = False
            owner.held.append(connection)
            for task in self.tasks:
                task.connections.discard(connection)
            owner.connections.add(connection)
            self.last[connection] = owner
            self.assigned.add(connection)

    def list_candidates(self) -> list[Task]:
        """The requests that may have sent a statement that belongs to no open transaction."""
        current = self.current
        late = [task for task in self.tasks if task.is_late and not task.is_answered]
        if current is not None and current not in late and not current.is_answered and not current.held:
            return [current, *late]
        return late or ([current] if current is not None else [])

    def take_held(self, task: Task) -> Connection:
        """The connection of the request's first held statement, which is let go: the request runs now."""
        connection = task.held.pop(0)
        self.assigned.discard(connection)
        task.connections.add(connection)
        self.last[connection] = task
        self.current = task
        return connection

    def drop_closed(self) -> None:
        """Drops the statements that were held on connections that are closed. Their service may send another one."""
        for task in self.tasks:
            lost = [connection for connection in task.held if connection.is_closed]
            task.held = [connection for connection in task.held if connection not in lost]
            self.assigned.difference_update(lost)
            task.is_late = task.is_late or bool(lost)
