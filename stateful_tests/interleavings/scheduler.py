"""The scheduler: lets one request run at a time; the explorer chooses which one.

It sends the requests one after another, each until the proxy holds its first statement. From then on one of them runs:
the request whose statement was let go. It runs until its next statement is held, its answer arrives, or the database
says that it waits for a lock. When a lock wait ends, the proxy keeps the database's answer until no other request runs.
"""

import asyncio
import time
from collections.abc import Collection, Sequence
from dataclasses import dataclass, field

from load.client.ask import Ask
from load.client.asker import Asker
from load.client.release import now_ns
from reports.history import events
from stateful_tests.interleavings.connection import Connection
from stateful_tests.interleavings.locks import Locks, is_stuck
from stateful_tests.interleavings.proxy import Proxy
from stateful_tests.interleavings.schedule import (
    ACCEPTED,
    DIVERGED,
    GIVEN_UP,
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
from stateful_tests.interleavings.statement_faults import DELAYED, FAULTS
from stateful_tests.interleavings.statement_owners import StatementOwners, Task
from stateful_tests.interleavings.statements import commits

# A request that takes longer to the database, or from it to its answer, waits for another request.
WAIT_LIMIT_S = 0.75
# After a fault the service may have to connect anew first, which waits for no other request.
RECONNECT_LIMIT_S = 3.0
POLL_S = 0.002


class UndecidedError(Exception):
    """The outcome of a schedule is not known; its arguments are the remarks that say so."""


@dataclass
class Scheduler:
    """Runs schedules over the HTTP connections with the numbers `channels`. `faulted` is a schedule whose fault is not
    recorded as over yet; `restless` are connections that the service keeps busy without being asked.
    """

    proxy: Proxy
    locks: Locks
    asker: Asker
    sender: Sender
    channels: Sequence[int] = tuple(range(8))
    faulted: Trace | None = None
    restless: set[Connection] = field(default_factory=set)

    async def run(
        self, pairing: Pairing, workflows: Sequence[str], asks: Sequence[Ask], race: str | None, choose: Choose
    ) -> Trace:
        """One schedule, to its end. In the end everything passes, and every request has its answer."""
        tasks = [Task(number) for number in range(len(asks))]
        execution = Execution(self, Trace(pairing, tuple(workflows)))
        passes = asyncio.Event()
        await self.await_quiet()
        self.proxy.watch()
        sending: list[asyncio.Task[None]] = []

        def send(task: Task) -> None:
            sending.append(asyncio.ensure_future(self._ask(task, asks[task.number], race, passes)))

        wait = pairing.wait if pairing.wait is not None and pairing.wait.lead else None
        try:
            for task in tasks:
                if task.number and wait is not None:
                    await execution.run(choose, steps_max=wait.lead)
                    await execution.wait(wait.seconds)
                    wait = None
                send(task)
                await execution.begin(task)
            await execution.run(choose)
        except UndecidedError as error:
            execution.trace.remarks |= set(error.args)
        finally:
            self.proxy.release()
            passes.set()
            for task in tasks[len(sending) :]:
                send(task)
            await asyncio.gather(*sending)
        execution.trace.remarks |= {ACCEPTED} if any(task.is_accepted for task in tasks) else set()
        execution.trace.answers = [task.reply.outcome if task.reply else UNKNOWN for task in tasks]
        return execution.trace

    async def await_quiet(self) -> None:
        """Until no earlier request has an open transaction: a service may commit after its answer."""
        deadline = time.monotonic() + WAIT_LIMIT_S
        while True:
            at_work = {connection for connection in self.proxy.connections if connection.is_at_work}
            self.restless &= at_work
            if at_work == self.restless:
                return
            left_s = deadline - time.monotonic()
            if left_s <= 0 or not await self.proxy.changed.wait(left_s):
                self.restless = at_work
                return

    async def _ask(self, task: Task, ask: Ask, race: str | None, passes: asyncio.Event) -> None:
        """Its outcome is polled for once everything `passes`: the statements of a poll belong to no order."""
        id_, request = self.asker.begin(ask, race if ask.contends else None, task.number + 1)
        exchange = await self.sender.send(self.channels[task.number], request)
        polling = self.asker.begin_polling(ask, id_, exchange)
        if polling is not None:
            task.is_accepted = True
            self.proxy.changed.notify()
            await passes.wait()
            await self.sender.poll(self.channels[task.number], polling)
        task.reply = self.asker.finish(ask, id_, exchange, polling)
        self.proxy.changed.notify()


@dataclass
class Execution:
    """One schedule while it runs. `tasks` are the requests that were sent."""

    scheduler: Scheduler
    trace: Trace
    tasks: list[Task] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.proxy = self.scheduler.proxy
        self.owners = StatementOwners(self.proxy, self.tasks)
        self.limit_s = self.scheduler.sender.timeout_s

    @property
    def wait_limit_s(self) -> float:
        return WAIT_LIMIT_S if self.trace.fault in (None, DELAYED) else RECONNECT_LIMIT_S

    async def begin(self, task: Task) -> None:
        """A request that was just sent runs until it stops."""
        self.tasks.append(task)
        self.owners.current = task
        await self.await_stop(task)

    async def wait(self, seconds: float) -> None:
        """Until so many seconds after the begin. No request runs meanwhile: what comes then is background.

        A service may give up a request that stands still. The schedule does that to it, so it is recorded as a fault.
        """
        began_ns, held = now_ns(), [task for task in self.tasks if not task.is_answered]
        self.proxy.is_idle = not any(task.is_late for task in self.tasks)
        try:
            await asyncio.sleep(seconds - (began_ns - self.trace.began_ns) / 1e9)
        finally:
            self.proxy.is_idle = False
        if any(task.is_answered for task in held):
            self.trace.remarks.add(GIVEN_UP)
            fault = events.Fault(at_ns=began_ns, until_ns=now_ns(), what=GIVEN_UP, **self.trace.name_workflows())
            self.scheduler.asker.journal.write(fault)
        await self.resume_answered()

    async def run(self, choose: Choose, steps_max: int | None = None) -> None:
        """Lets statements go, one by one, until every request is over, or so many have gone."""
        while not all(task.is_over and not task.held for task in self.tasks):
            if steps_max is not None and len(self.trace.steps) >= steps_max:
                return
            held = [task for task in self.tasks if task.held]
            if not held:
                await self.await_held()
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
        connection = self.owners.take_held(task)
        sql = connection.protocol.held or ""
        is_commit = commits(sql, in_transaction=connection.protocol.in_transaction)
        step = Step(task.number, sql, options, choice.fault, commits=is_commit)
        self.trace.steps.append(step)
        if choice.fault is None:
            connection.let_go()
        else:
            await self.inject(connection, choice.fault)
        await self.await_stop(task)
        if task.waiting is not None:
            step.effect = WAITED
            self.trace.remarks.add(WAITED)
        self.note_sqlstate(connection, step)
        await self.resume_answered()

    async def inject(self, connection: Connection, fault: str) -> None:
        """Injects a fault at the held statement, and drops the statements that were held on connections it broke."""
        self.trace.fault_ns, self.scheduler.faulted = now_ns(), self.trace
        begun = events.FaultBegun(at_ns=self.trace.fault_ns, what=fault, **self.trace.name_workflows())
        self.scheduler.asker.journal.write(begun)
        await FAULTS[fault](connection, self.scheduler.locks)
        self.trace.remarks.add(fault)
        self.owners.drop_closed()

    def note_sqlstate(self, connection: Connection, step: Step) -> None:
        sqlstate = connection.protocol.sqlstate
        if sqlstate and not step.fault:
            step.effect = OUTCOMES_BY_SQLSTATE.get(sqlstate, f"SQLSTATE {sqlstate}")
            self.trace.remarks.add(step.effect)

    async def await_stop(self, task: Task) -> None:
        """Until the request is held, is over, or waits: for a lock, or inside the service for another request."""
        deadline = time.monotonic() + 2 * self.limit_s
        while True:
            self.owners.assign()
            if task.held or task.is_over:
                break
            if busy := task.busy:
                if not await self.proxy.changed.wait(POLL_S) and await self.are_stuck(busy[:1]):
                    busy[0].keep_answers()
                    task.waiting = busy[0]
                    break
                deadline = max(deadline, time.monotonic() + self.limit_s)
            elif not await self.proxy.changed.wait(self.wait_limit_s):
                self.give_up(task)
                break
            refuse_after(deadline)
        self.owners.assign()
        if self.owners.is_one_unknown:
            raise UndecidedError(UNKNOWN)

    def give_up(self, task: Task) -> None:
        """Without an answer, it waits for another request inside the service; with one, a transaction stays open."""
        if task.is_answered:
            self.trace.remarks.add("transaction left open")
            task.connections.clear()
            return
        task.is_late = True
        self.trace.remarks.add(SERIALISED)

    async def are_stuck(self, connections: Collection[Connection]) -> bool:
        """Asks the database whether the statements on all of these wait for connections without a statement."""
        ours = {each.protocol.pid: each for each in self.proxy.connections if each.protocol.pid}
        blockers = await self.scheduler.locks.find_blockers(ours)
        parked = {pid for pid, each in ours.items() if not each.protocol.is_busy}
        return all(not each.is_answered and is_stuck(each.protocol.pid, blockers, parked) for each in connections)

    async def resume_answered(self) -> None:
        """Lets every request whose lock wait has ended run until it stops, one after the other."""
        deadline = time.monotonic() + 2 * self.limit_s
        while waiting := {task.waiting: task for task in self.tasks if task.waiting is not None}:
            answered = next((connection for connection in waiting if connection.is_answered), None)
            if answered is not None:
                await self.resume(waiting[answered], answered)
                continue
            if await self.are_stuck(waiting):
                return
            await self.proxy.changed.wait(POLL_S)
            refuse_after(deadline)

    async def resume(self, task: Task, connection: Connection) -> None:
        task.waiting = None
        self.owners.current = task
        step = next(step for step in reversed(self.trace.steps) if step.task == task.number)
        self.note_sqlstate(connection, step)
        connection.hand_answers()
        await self.await_stop(task)

    async def await_held(self) -> None:
        """Until a statement is held, or every request is over. A request that waits in the service may continue now."""
        deadline = time.monotonic() + 2 * self.limit_s
        while True:
            self.owners.assign()
            await self.resume_answered()
            self.owners.assign()
            if any(task.held for task in self.tasks) or all(task.is_over for task in self.tasks):
                return
            await self.proxy.changed.wait(POLL_S * 10)
            refuse_after(deadline)


def refuse_after(deadline: float) -> None:
    """Raises UndecidedError after that moment: no request moved for as long as one may take."""
    if time.monotonic() > deadline:
        raise UndecidedError(UNKNOWN, "hung")
