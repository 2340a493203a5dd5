"""A testbed over an engine in memory, without a proxy or sockets: for tests of what a level does and records."""

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from engine.provision.database import Database
from engine.target.target import Target
from engine.target.template import Request
from load.client.ask import Ask
from load.client.asker import Asker
from load.client.polling import Polling
from load.client.release import Exchange, now_ns
from reports.history.journal import Journal
from stateful_tests.interleavings.fresh_workflows import FreshWorkflows
from stateful_tests.interleavings.proxy import Proxy
from stateful_tests.interleavings.schedule import Choose, Option, Pairing, Step, Trace
from stateful_tests.interleavings.testbed import Testbed
from tests.load.stub import Engine, StubRelease

WRITE = "UPDATE w SET state = $1"


class StubSender:
    """Hands every request to the engine; `channels` are the connections that it would use."""

    timeout_s = 1.0

    def __init__(self, engine: Engine, *, is_there: bool) -> None:
        self.engine, self.reachable = engine, is_there
        self.channels: list[int] = []

    async def is_there(self) -> bool:
        return self.reachable

    async def send(self, number: int, request: Request) -> Exchange:
        self.channels.append(number)
        invoked_ns = now_ns()
        answer = self.engine.answer(request)
        return Exchange(invoked_ns, None if answer.status is None else now_ns(), answer)

    async def poll(self, number: int, polling: Polling | None) -> None:
        """The engine accepts no request for later."""
        assert polling is None, number


class StubScheduler:
    """Sends one request after the other. With `steps` each request is one statement, which the chooser chooses."""

    def __init__(self, asker: Asker, sender: StubSender, *, steps: bool) -> None:
        self.asker, self.sender, self.steps = asker, sender, steps
        self.channels: Sequence[int] = tuple(range(8))
        self.faulted: Trace | None = None

    async def run(
        self, pairing: Pairing, workflows: Sequence[str], asks: Sequence[Ask], race: str | None, choose: Choose
    ) -> Trace:
        trace = Trace(pairing, tuple(workflows))
        for number, ask in enumerate(asks):
            if self.steps:
                options = (Option(number, WRITE),)
                choice = choose(options)
                assert choice is not None
                trace.steps.append(Step(number, WRITE, options, choice.fault, commits=True))
                if choice.fault is not None:
                    trace.fault_ns, self.faulted = now_ns(), trace
            id_, request = self.asker.begin(ask, race if ask.contends else None, number + 1)
            exchange = await self.sender.send(number, request)
            trace.answers.append(self.asker.finish(ask, id_, exchange).outcome)
        return trace


def make_testbed(
    folder: Path,
    target: Target,
    engine: Engine,
    *,
    steps: bool = True,
    describe_end: Callable[[float], str | None] = lambda _: None,
    is_there: bool = True,
) -> Testbed:
    """A testbed whose journal is interleavings-0 in that folder."""
    release: Any = StubRelease(engine)
    sender: Any = StubSender(engine, is_there=is_there)
    asker = Asker(target, release, Journal(folder / "interleavings-0.jsonl"), "interleavings")
    scheduler: Any = StubScheduler(asker, sender, steps=steps)
    proxy = Proxy(Database("127.0.0.1", 1, "", "", ""), {})
    return Testbed(target, proxy, scheduler, FreshWorkflows(asker, sender), asker, describe_end)
