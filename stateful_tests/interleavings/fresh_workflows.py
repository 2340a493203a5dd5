"""Fresh workflows, one for each schedule: created and led to a state, several at once, while nothing is held."""

import asyncio
import time
from collections import defaultdict, deque
from collections.abc import Awaitable, Callable, Coroutine, Sequence
from itertools import pairwise
from typing import Any

from engine.target.target import Answer, Request, Route
from load.client.ask import Ask, Reply
from load.client.asker import Asker
from load.client.release import now_ns
from stateful_tests.interleavings.sender import Sender

AT_ONCE = 8
ATTEMPTS_MAX = 5
# How long a service may answer with server errors after a fault, and how often it is asked.
RECOVERY_LIMIT_S = 10.0
PAUSE_S = 0.1
# The numbers of the HTTP connections that lead workflows about; those below are the contenders'.
FIRST_LINE = 100
OTHERS = tuple(range(FIRST_LINE, FIRST_LINE + AT_ONCE))


class StateNotReachedError(Exception):
    """A workflow did not come to a state; one sentence. `outcome` is what stood in the way."""

    def __init__(self, sentence: str, outcome: str) -> None:
        super().__init__(sentence)
        self.outcome = outcome

    @property
    def is_wrong(self) -> bool:
        """Whether the engine refused what was due. An unknown outcome is no answer that could be wrong."""
        return self.outcome in ("refused", "conflict")


class FreshWorkflows:
    """Makes workflows, the target's owner's unless a tenant is named, and reads them in the end."""

    def __init__(self, asker: Asker, sender: Sender) -> None:
        self.asker = asker
        self.sender = sender
        self._owners: dict[str, str] = {}
        self._ready: dict[tuple[str, str], deque[str]] = defaultdict(deque)

    async def take(self, state: str, wanted: int, owner: str | None = None) -> str:
        """A workflow in that state; when there is none, `wanted` are made. Raises StateNotReachedError."""
        owner = owner or self.asker.target.owner
        ready = self._ready[owner, state]
        if not ready:
            makers = [self.make(state, number, owner) for number in range(min(wanted, AT_ONCE))]
            ready.extend(await run_all(makers))
        return ready.popleft()

    async def make(self, state: str, number: int = 0, owner: str | None = None) -> str:
        """A new workflow in that state; should it not come there, another one, ATTEMPTS_MAX times in all.

        What it was answered on the way is in the history, and for the judge. Raises StateNotReachedError.
        """
        for _ in range(ATTEMPTS_MAX - 1):
            try:
                return await self.lead(state, number, owner)
            except StateNotReachedError:
                continue
        return await self.lead(state, number, owner)

    async def lead(self, state: str, number: int, owner: str | None = None) -> str:
        """A new workflow, led from the initial state along a shortest way. Raises StateNotReachedError."""
        target, asker = self.asker.target, self.asker
        owner = owner or target.owner
        ask = asker.create_ask(owner)
        reply = await self.ask(ask, number)
        if reply.reading.server_id is None:
            raise StateNotReachedError(
                f"a workflow could not be created: {reply.outcome}, status {reply.reading.status}", reply.outcome
            )
        self._owners[ask.workflow] = owner
        for origin, to in pairwise(target.graph.path(target.graph.initial, state) or ()):
            step = asker.advance_ask(ask.workflow, owner, self.choose_route(origin, to), origin, to)
            reply = await self.ask(step, number)
            if reply.outcome != "won":
                raise StateNotReachedError(
                    f"{ask.workflow} was to go from {origin} to {to} alone, and was answered {reply.outcome} "
                    f"(status {reply.reading.status})",
                    reply.outcome,
                )
        return ask.workflow

    def choose_route(self, origin: str, to: str) -> Route:
        return self.asker.target.routes_for(origin, to)[-1]

    async def finish(self, workflows: list[str]) -> None:
        """Reads every workflow, its trail and its effects."""
        await run_all([self.look(workflow, number % AT_ONCE) for number, workflow in enumerate(workflows)], by=AT_ONCE)

    async def look(self, workflow: str, number: int) -> None:
        """The workflow's state and trail, and the markers that left a trace, into the history."""
        await self.read(workflow, number)
        owner, asker = self.own(workflow), self.asker
        request = asker.target.build_effects(owner, asker.server_ids[workflow], f"effects.{workflow}")
        if request is not None:
            read_ns = now_ns()
            asker.trails.take_effects(workflow, read_ns, await self.send(FIRST_LINE + number, request), owner)

    def own(self, workflow: str) -> str:
        """The tenant to whom a workflow belongs."""
        return self._owners.get(workflow, self.asker.target.owner)

    async def read(self, workflow: str, number: int) -> str | None:
        """The workflow's state now, and its trail into the history."""
        owner = self.own(workflow)
        reply = await self.ask(self.asker.read_ask(workflow, owner), number)
        request = self.asker.target.build_trail(owner, self.asker.server_ids[workflow], f"trail.{workflow}")
        if request is not None:
            read_ns = now_ns()
            self.asker.trails.take_trail(workflow, read_ns, await self.send(FIRST_LINE + number, request), owner)
        return reply.reading.observed

    async def recover(self, workflow: str, lines: Sequence[int], revive: Callable[[], Awaitable[bool]]) -> None:
        """Reads over all these connections at once until nobody meets a server error, for RECOVERY_LIMIT_S at the most.

        A service may back off before it asks its database again, and what is stale in its pool must be used up. The
        reads are no operations: nobody looks at what else is answered. `revive` starts a service again that has ended.
        """
        target = self.asker.target
        request = target.build_read(self.own(workflow), self.asker.server_ids[workflow], "after a fault")
        deadline = time.monotonic() + RECOVERY_LIMIT_S
        while True:
            answers = await asyncio.gather(*(self.send(line, request) for line in lines))
            if all(answer.status is not None and answer.status < 500 for answer in answers):
                return
            if any(answer.status is None for answer in answers) and await revive():
                continue
            if time.monotonic() > deadline:
                return
            await asyncio.sleep(PAUSE_S)

    async def send(self, line: int, request: Request) -> Answer:
        """What is no operation. Its silence counts, too."""
        answer = (await self.sender.send(line, request)).answer
        self.asker.silence.note(answer)
        return answer

    async def ask(self, ask: Ask, number: int) -> Reply:
        self.asker.plan(1)
        line = FIRST_LINE + number
        id_, request = self.asker.begin(ask, None, line)
        return self.asker.finish(ask, id_, await self.sender.send(line, request))


async def run_all(jobs: list[Coroutine[Any, Any, Any]], by: int = AT_ONCE) -> list[Any]:
    """Runs jobs, job n after job n - `by`, so that those of one remainder never run at once; their results.

    All are run; then the first StateNotReachedError among them is raised.
    """
    results: list[Any] = [None] * len(jobs)

    async def work(first: int) -> None:
        for number in range(first, len(jobs), by):
            try:
                results[number] = await jobs[number]
            except StateNotReachedError as error:
                results[number] = error

    await asyncio.gather(*(work(first) for first in range(min(by, len(jobs)))))
    for result in results:
        if isinstance(result, StateNotReachedError):
            raise result
    return results
