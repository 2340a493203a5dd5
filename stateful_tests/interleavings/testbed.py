"""The testbed: a service behind the proxy, and the parts that run schedules on it."""

import asyncio
import contextlib
import os
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import partial
from pathlib import Path
from typing import ClassVar

from engine.provision.database import Database, list_values
from engine.provision.ports import find_free_port
from engine.provision.service import RestartableService, run_service
from engine.target.call import Call
from engine.target.target import NotBuiltError, Target
from engine.target.template import substitute
from engine.target.workflow_source import CreateCommand
from load.client.ask import Ask, bind
from load.client.asker import Asker
from load.client.release import Release, now_ns
from reports.history import events
from reports.history.journal import Journal
from stateful_tests.interleavings.fresh_workflows import FreshWorkflows, StateNotReachedError
from stateful_tests.interleavings.locks import Locks
from stateful_tests.interleavings.proxy import Proxy, do_nothing
from stateful_tests.interleavings.schedule import NAMES, Choose, Pairing, Trace
from stateful_tests.interleavings.scheduler import Scheduler
from stateful_tests.interleavings.sender import Sender
from stateful_tests.interleavings.statement_faults import DELAYED, describe_meeting

# How long the proxy observes the service before the first request: what the service sends then is background.
OBSERVE_S = 0.5
# A service that does not answer may end soon, or may have ended without its exit being noticed yet.
END_LIMIT_S = 2.0
WORKFLOWS_AHEAD = 4
DEFAULTS = {"isolation": "read committed", "workers": "2"}


@dataclass(frozen=True)
class LaunchSpec:
    """How the service is started: it gets `arguments`, and every database session begins with `parameters`.

    `values` replace {isolation} and {workers} in the service's command and env.
    """

    target: Target
    database: Database
    journal: Path
    log: Path
    arguments: Sequence[str] = ()
    parameters: Mapping[str, str] = field(default_factory=dict)
    values: Mapping[str, str] = field(default_factory=dict)
    environment: Mapping[str, str] = field(default_factory=lambda: dict(os.environ))


@dataclass
class Testbed:
    """Runs schedules, each on a fresh workflow, and records them all in one journal. `describe_end` says in words that
    the service ended by itself, or does so within that many seconds; None while it runs. `restart` starts it again, if
    it may be restarted; `last_fault` is the last fault injected since its start.
    """

    # The name begins like that of a class of tests.
    __test__: ClassVar[bool] = False

    target: Target
    proxy: Proxy
    scheduler: Scheduler
    fresh: FreshWorkflows
    asker: Asker
    describe_end: Callable[[float], str | None]
    restart: Callable[[], None] | None = None
    last_fault: str | None = None
    unread: list[str] = field(default_factory=list)
    _statements: dict[str, int] = field(default_factory=dict)
    _keyed: dict[str, str] = field(default_factory=dict)

    @property
    def has_held(self) -> bool:
        """Whether a statement of the service was held in any recorded schedule."""
        return bool(self._statements)

    async def run(self, pairing: Pairing, choose: Choose, workflow: str | None = None) -> Trace:
        """One schedule, on workflows that are in the pairing's state. Raises StateNotReachedError."""
        await self.refuse_silent()
        owners = [call.tenant for call in pairing.calls] if pairing.apart else [self.target.owner]
        workflows = [workflow or await self.take(pairing.state, owner) for owner in owners]
        if pairing.wait is not None and not pairing.wait.lead:
            await asyncio.sleep(pairing.wait.seconds)
        workflows = self.name_created(workflows) if pairing.calls[0].creates else workflows
        asked = workflows if pairing.apart else workflows * len(pairing.calls)
        asks = [self.build(each, call, asked[0]) for each, call in zip(asked, pairing.calls, strict=True)]
        asks = await self.make_ready(asks)
        race = f"{workflows[0]}.race" if pairing.is_race(self.target) else None
        self.asker.plan(len(asks), int(race is not None))
        trace = await self.scheduler.run(pairing, workflows, asks, race, choose)
        self.unread += workflows
        if trace.fault in (None, DELAYED):
            await self.send_again(trace)
        return trace

    def name_created(self, workflows: Sequence[str]) -> list[str]:
        """A name for the workflow that the requests are to create; their key is made from the id of the given one."""
        self.unread += workflows
        name = f"{workflows[0]}.created"
        self._keyed[name] = workflows[0]
        return [name]

    async def send_again(self, trace: Trace) -> None:
        """Each request with a key once more, one after the other."""
        calls, first = trace.pairing.calls, trace.workflows[0]
        asked = trace.workflows if trace.pairing.apart else (first,) * len(calls)
        for workflow, call in dict.fromkeys(zip(asked, calls, strict=True)):
            if call.key:
                await self.fresh.ask(self.asker.hold(self.build(workflow, call, first)), 0)

    async def make_ready(self, asks: Sequence[Ask]) -> list[Ask]:
        """The asks with all that their requests carry: logins, current versions, values of reads.

        Raises StateNotReachedError.
        """
        await self.fresh.prepare(asks)
        await self.fresh.refresh(asks)
        ready = [await self.fresh.equip(self.asker.fix_version(ask)) for ask in asks]
        try:
            for ask in ready:
                self.asker.build(ask)
        except NotBuiltError as error:
            raise StateNotReachedError(str(error), "unknown") from None
        return ready

    async def refuse_silent(self) -> None:
        """Raises StateNotReachedError if the service runs but answers no more."""
        if self.asker.silence.is_suspected and not await self.revive():
            await asyncio.to_thread(self.asker.check_silence)
        if self.asker.silence.is_certain:
            raise StateNotReachedError("the service answers no more", "unknown")

    async def take(self, state: str, owner: str) -> str:
        """A fresh workflow. The service may have ended a while after the last fault. Raises StateNotReachedError."""
        try:
            return await self.fresh.take(state, WORKFLOWS_AHEAD, owner)
        except StateNotReachedError:
            if not await self.revive():
                raise
            return await self.fresh.take(state, WORKFLOWS_AHEAD, owner)

    def build(self, workflow: str, call: Call, key_of: str = "") -> Ask:
        """`key_of` is the workflow whose id an idempotency key is made from, by default its own."""
        if call.creates:
            keyed = self._keyed.get(workflow, workflow)
            return self.asker.create_ask(call.tenant, name=workflow, call=call, key_of=keyed)
        contends = call.tenant == self.target.owner
        return bind(self.target, call, workflow, call.tenant, contends=contends, key_of=key_of)

    async def read(self) -> None:
        """Reads every workflow of a schedule, and its trail."""
        unread, self.unread = self.unread, []
        await self.fresh.finish(unread)

    async def find_end(self, *, in_doubt: bool) -> str | None:
        """How the service ended by itself, in words. In doubt, or if it accepts no connections, it gets END_LIMIT_S."""
        in_doubt = in_doubt or not await self.fresh.sender.is_there()
        return await asyncio.to_thread(self.describe_end, END_LIMIT_S if in_doubt else 0.0)

    async def revive(self) -> bool:
        """Starts the service again if it ended by itself after a fault, and records it; it may have lost its logins.
        Raises ServiceError.
        """
        faulted = self.scheduler.faulted
        fault = faulted.fault if faulted is not None else self.last_fault
        if fault is None or self.restart is None or (ended := await self.find_end(in_doubt=False)) is None:
            return False
        at_ns = now_ns()
        await asyncio.to_thread(self.restart)
        self.asker.preparation.forget_logins()
        self.asker.journal.write(events.Restarted(fault=fault, how=ended, at_ns=at_ns, until_ns=now_ns()))
        self.last_fault = None
        return True

    def record_fault(self) -> None:
        """Records the fault of the last schedule, which is over now, unless it is recorded already."""
        trace, self.scheduler.faulted = self.scheduler.faulted, None
        if trace is not None and trace.fault_ns is not None:
            self.last_fault = trace.fault
            workflows = trace.name_workflows()
            fault = events.Fault(at_ns=trace.fault_ns, until_ns=now_ns(), what=trace.fault, **workflows)
            self.asker.journal.write(fault)

    def record_meeting(self) -> None:
        """Records that the service met a connection that a fault has broken."""
        self.asker.journal.write(describe_meeting(now_ns()))

    def record(self, trace: Trace, pairing: int) -> None:
        """Records a schedule; `pairing` is the number of its pairing."""
        for step in trace.steps:
            if step.sql not in self._statements:
                self._statements[step.sql] = len(self._statements)
                self.asker.journal.write(events.Statement(number=self._statements[step.sql], sql=step.sql))
        schedule = events.Schedule(
            pairing=pairing,
            **trace.name_workflows(),
            order=trace.order,
            steps=[(NAMES[step.task], self._statements[step.sql], step.effect, step.fault) for step in trace.steps],
            answers=list(trace.answers),
            remarks=sorted(trace.remarks),
            switches=trace.switches,
            began_ns=trace.began_ns,
        )
        if (wait := trace.pairing.wait) is not None:
            schedule.wait_s, schedule.lead = wait.seconds, wait.lead
        self.asker.journal.write(schedule)


@contextlib.asynccontextmanager
async def open_testbed(spec: LaunchSpec) -> AsyncIterator[Testbed]:
    """The service, ready, behind a proxy of its own. Raises ServiceError, OSError or the driver's errors."""
    service = spec.target.service
    assert service is not None, "a target without a service has no proxy"
    proxy = Proxy(spec.database, dict(spec.parameters))
    async with contextlib.AsyncExitStack() as stack:
        await proxy.listen()
        stack.callback(proxy.close)
        locks = await Locks.open(spec.database)
        stack.push_async_callback(locks.close)
        values = {**DEFAULTS, **spec.values, "port": str(find_free_port()), **list_values(proxy.database)}
        values["isolation"] = spec.parameters.get("default_transaction_isolation", values["isolation"])
        base_url = substitute(spec.target.base_url, values)
        start = partial(run_service, service, base_url, values, spec.log, environment=spec.environment)
        restartable = RestartableService(partial(start, arguments=spec.arguments), spec.log)
        # A thread starts the service: it blocks until the service is ready, which needs the proxy in this loop.
        stack.push_async_callback(asyncio.to_thread, restartable.end)
        await asyncio.to_thread(restartable.start)
        await observe(proxy)
        create = spec.target.create
        if isinstance(create, CreateCommand):
            # It uses the database directly: its statements are no part of any order.
            create = create.fill({**values, **list_values(spec.database)})
        target = replace(spec.target, base_url=base_url, create=create)
        journal = Journal(spec.journal)
        # The asker plans, records and classifies; the sender sends.
        asker = Asker(target, Release(base_url, target.timeout_s), journal, "interleavings")
        stack.callback(asker.end)
        sender = Sender(base_url, target.timeout_s)
        stack.callback(sender.close)
        scheduler, fresh = Scheduler(proxy, locks, asker, sender), FreshWorkflows(asker, sender)
        restart = restartable.start if service.restart else None
        testbed = Testbed(target, proxy, scheduler, fresh, asker, restartable.describe_end, restart)
        proxy.on_break_met = testbed.record_meeting
        try:
            yield testbed
        finally:
            proxy.on_break_met = do_nothing


async def observe(proxy: Proxy) -> None:
    """Collects the texts that the service sends on its own."""
    proxy.observing = True
    await asyncio.sleep(OBSERVE_S)
    proxy.observing = False
