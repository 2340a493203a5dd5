"""An task: one request of a schedule, and what it has under way."""

from dataclasses import dataclass, field

from load.client.ask import Reply
from stateful_tests.interleavings.proxy import Connection


@dataclass
class Task:
    """One request of a schedule. `connections` are the connections on which it has something under way."""

    number: int
    reply: Reply | None = None
    is_late: bool = False
    held: list[Connection] = field(default_factory=list)
    connections: set[Connection] = field(default_factory=set)
    waiting: Connection | None = None

    @property
    def is_busy(self) -> bool:
        return any(connection.protocol.is_busy and not connection.is_closed for connection in self.connections)

    @property
    def is_over(self) -> bool:
        """Whether it was answered and has left nothing open."""
        return self.reply is not None and not any(connection.is_at_work for connection in self.connections)
