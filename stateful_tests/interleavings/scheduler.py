"""The scheduler: lets one request run at a time, and so knows whose every statement is.

Requests are sent one after another, each only until its first statement is held. From then on one of them runs, the
one whose statement was let go, until its next statement is held, its answer is there, or the database says that it
waits for a lock. When a lock wait ends, the database's answer is kept back until nobody else runs.
"""

import asyncio
import time
from collections.abc import Sequence
from dataclasses import dataclass, field

from load.client.ask import Ask
from load.client.asker import Asker
from load.client.release import now_ns
from reports.history import events
from stateful_tests.interleavings.faults import FAULTS
from stateful_tests.interleavings.locks import Locks, is_stuck
from stateful_tests.interleavings.proxy import Connection, Proxy
from stateful_tests.interleavings.schedule import (
    DIVERGED,
    OUTCOMES_BY_SQLSTATE,
    SERIALISED,
    UNKNOWN,
    WAITED,
    Choice,
    Choose,
    Option,
    Pairing,
    Step,
    Trace,
)
from stateful_tests.interleavings.sender import Sender
from stateful_tests.interleavings.statements import commits
from stateful_tests.interleavings.task import Task

# How long a request may take to the database, or from it, before it is taken to wait for another one.
PATIENCE_S = 0.75
POLL_S = 0.002


class AmbiguousError(Exception):
    """A statement could belong to two requests."""


class HungError(Exception):
    """Nothing moved for as long as a request may take."""


@dataclass
class Scheduler:
    """Runs schedules over the HTTP connections of the numbers `lines`. `struck`: it met a fault that is not told;
    `restless` are connections that the service keeps at work whether it is asked or not.
    """

    proxy: Proxy
    locks: Locks
    asker: Asker
    sender: Sender
    lines: Sequence[int] = tuple(range(8))
    patience_s: float = PATIENCE_S
    struck: Trace | None = None
    restless: set[Connection] = field(default_factory=set)

    async def run(
        self, pairing: Pairing, workflows: Sequence[str], asks: Sequence[Ask], race: str | None, choose: Choose
    ) -> Trace:
        """One schedule, to its end. Whatever happens, everything is released afterwards and every answer is in."""
        execution = Execution(self, Trace(pairing, tuple(workflows)), [Task(number) for number in range(len(asks))])
        await self.await_quiet()
        self.proxy.watch()
        tasks: list[asyncio.Task[None]] = []
        try:
            for task, ask in zip(execution.tasks, asks, strict=True):
                tasks.append(asyncio.ensure_future(self._ask(task, ask, race)))
                execution.current = task
                await execution.settle(task)
            await execution.play(choose)
        except AmbiguousError:
            execution.trace.remarks.add(UNKNOWN)
        except HungError:
            execution.trace.remarks |= {UNKNOWN, "hung"}
        finally:
            self.proxy.release()
            await asyncio.gather(*tasks)
        execution.trace.answers = [task.reply.outcome if task.reply else UNKNOWN for task in execution.tasks]
        return execution.trace

    async def await_quiet(self) -> None:
        """Until nobody who was answered before has anything left to do: a service may commit after its answer."""
        deadline = time.monotonic() + self.patience_s
        while True:
            at_work = {connection for connection in self.proxy.connections if connection.is_at_work}
            self.restless &= at_work
            if at_work == self.restless:
                return
            left_s = deadline - time.monotonic()
            if left_s <= 0 or not await self.proxy.bell.wait(left_s):
                self.restless = at_work
                return

    async def _ask(self, task: Task, ask: Ask, race: str | None) -> None:
        id_, request = self.asker.begin(ask, race if ask.contends else None, task.number + 1)
        exchange = await self.sender.send(self.lines[task.number], request)
        task.reply = self.asker.finish(ask, id_, exchange)
        self.proxy.bell.ring()


@dataclass
class Execution:
    """One schedule while it runs. `current` is the request that runs."""

    scheduler: Scheduler
    trace: Trace
    tasks: list[Task]
    current: Task | None = None
    owners: dict[Connection, Task] = field(default_factory=dict)
    assigned: set[Connection] = field(default_factory=set)

    def __post_init__(self) -> None:
        self.proxy = self.scheduler.proxy
        self.limit_s = self.scheduler.sender.timeout_s

    async def play(self, choose: Choose) -> None:
        """Lets statements go, one by one, until every request is over."""
        while not all(task.is_over and not task.held for task in self.tasks):
            held = [task for task in self.tasks if task.held]
            if not held:
                await self.await_anyone()
                continue
            options = tuple(Option(task.number, task.held[0].protocol.held or "") for task in held)
            choice = choose(options)
            if choice is None:
                return
            if choice.task not in [option.task for option in options]:
                self.trace.remarks.add(DIVERGED)
                return
            await self.let_go(self.tasks[choice.task], choice, options)

    async def let_go(self, task: Task, choice: Choice, options: tuple[Option, ...]) -> None:
        connection = task.held.pop(0)
        self.assigned.discard(connection)
        sql = connection.protocol.held or ""
        last = commits(sql, in_transaction=connection.protocol.in_transaction)
        step = Step(task.number, sql, options, choice.fault, commits=last)
        self.trace.steps.append(step)
        task.connections.add(connection)
        self.owners[connection] = task
        self.current = task
        if choice.fault is None:
            connection.let_go()
        else:
            self.trace.fault_ns, self.scheduler.struck = now_ns(), self.trace
            begun = events.FaultBegun(at_ns=self.trace.fault_ns, what=choice.fault, **self.trace.name_workflows())
            self.scheduler.asker.journal.write(begun)
            await FAULTS[choice.fault](connection, self.scheduler.locks)
            self.trace.remarks.add(choice.fault)
            self.drop_lost()
        await self.settle(task)
        if task.waiting is not None:
            step.effect = WAITED
            self.trace.remarks.add(WAITED)
        self.note_sqlstate(connection, step)
        await self.wake()

    def drop_lost(self) -> None:
        """What was held on a connection that a fault took along is held no more; whoever sent it may send another."""
        for task in self.tasks:
            lost = [connection for connection in task.held if connection.is_closed]
            task.held = [connection for connection in task.held if connection not in lost]
            self.assigned.difference_update(lost)
            task.is_late = task.is_late or bool(lost)

    def note_sqlstate(self, connection: Connection, step: Step) -> None:
        if connection.protocol.sqlstate and not step.fault:
            step.effect = OUTCOMES_BY_SQLSTATE.get(
                connection.protocol.sqlstate, f"SQLSTATE {connection.protocol.sqlstate}"
            )
            self.trace.remarks.add(step.effect)

    async def settle(self, task: Task) -> None:
        """Until the request is held, over, or known to wait: for a lock, or for another request (late)."""
        began = time.monotonic()
        quiet_since = began
        while True:
            self.attribute()
            if task.held or task.is_over:
                break
            if task.is_busy:
                if not await self.proxy.bell.wait(POLL_S) and await self.is_blocked(task):
                    break
                quiet_since = time.monotonic()
            elif not await self.proxy.bell.wait(self.scheduler.patience_s):
                self.give_up(task)
                break
            if time.monotonic() - max(began, quiet_since - self.limit_s) > 2 * self.limit_s:
                raise HungError
        self.attribute()
        self.reject_strays()

    def give_up(self, task: Task) -> None:
        """It neither reaches the database nor answers: it waits for another request, inside of the service."""
        if task.reply is not None:
            # It was answered, and leaves a transaction open that nobody ends.
            self.trace.remarks.add("transaction left open")
            task.connections.clear()
            return
        task.is_late = True
        self.trace.remarks.add(SERIALISED)

    async def is_blocked(self, task: Task) -> bool:
        """Asks the database whether the request's statement waits for one of those that are parked."""
        connection = next(
            (connection for connection in task.connections if connection.protocol.is_busy and not connection.is_closed),
            None,
        )
        if connection is None:
            return False
        ours = {other.protocol.pid: other for other in self.proxy.connections if other.protocol.pid}
        blockers = await self.scheduler.locks.find_blockers(ours)
        parked = {pid for pid, other in ours.items() if not other.protocol.is_busy}
        if not connection.protocol.is_busy or not is_stuck(connection.protocol.pid, blockers, parked):
            return False
        connection.keep_answers()
        task.waiting = connection
        return True

    def attribute(self) -> None:
        """Gives every statement that has come to a protocol to the request that sent it, where that is certain."""
        for connection in list(self.proxy.connections):
            if connection.protocol.held is None or connection in self.assigned:
                continue
            owner = self.owners.get(connection)
            if owner is None or not connection.protocol.in_transaction:
                candidates = self.list_candidates()
                if len(candidates) != 1:
                    continue
                owner = candidates[0]
            owner.is_late = False
            owner.held.append(connection)
            owner.connections.add(connection)
            self.owners[connection] = owner
            self.assigned.add(connection)

    def list_candidates(self) -> list[Task]:
        """The requests that may have sent a statement on a connection that is in nobody's transaction."""
        current = self.current
        late = [task for task in self.tasks if task.is_late and task.reply is None]
        if current is not None and current not in late and current.reply is None and not current.held:
            return [current, *late]
        return late or ([current] if current is not None else [])

    def reject_strays(self) -> None:
        """Raises AmbiguousError when a statement is held that could belong to two requests."""
        if any(
            connection.protocol.held is not None and connection not in self.assigned
            for connection in self.proxy.connections
        ):
            raise AmbiguousError

    async def wake(self) -> None:
        """Lets every request whose lock wait has ended run until it settles, one after the other."""
        began = time.monotonic()
        while waiting := [task for task in self.tasks if task.waiting is not None]:
            ready = next((task for task in waiting if is_answered(task.waiting)), None)
            if ready is not None:
                await self.resume(ready)
                continue
            if await self.are_stuck(waiting):
                return
            await self.proxy.bell.wait(POLL_S)
            if time.monotonic() - began > 2 * self.limit_s:
                raise HungError

    async def resume(self, task: Task) -> None:
        connection = task.waiting
        assert connection is not None
        task.waiting = None
        self.current = task
        step = next(step for step in reversed(self.trace.steps) if step.task == task.number)
        self.note_sqlstate(connection, step)
        connection.hand_answers()
        await self.settle(task)

    async def are_stuck(self, waiting: Sequence[Task]) -> bool:
        ours = {other.protocol.pid: other for other in self.proxy.connections if other.protocol.pid}
        blockers = await self.scheduler.locks.find_blockers(ours)
        parked = {pid for pid, other in ours.items() if not other.protocol.is_busy}
        return all(
            task.waiting is not None and is_stuck(task.waiting.protocol.pid, blockers, parked) for task in waiting
        ) and not any(is_answered(task.waiting) for task in waiting)

    async def await_anyone(self) -> None:
        """Nobody is held: until one is, or is over. Who waits inside of the service may go on now."""
        began = time.monotonic()
        while not any(task.held for task in self.tasks):
            self.attribute()
            if all(task.is_over for task in self.tasks):
                return
            await self.wake()
            self.attribute()
            if any(task.held for task in self.tasks):
                return
            await self.proxy.bell.wait(POLL_S * 10)
            if time.monotonic() - began > 2 * self.limit_s:
                raise HungError


def is_answered(connection: Connection | None) -> bool:
    return connection is not None and (connection.is_closed or not connection.protocol.is_busy)
