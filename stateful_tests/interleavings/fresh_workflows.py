"""Fresh workflows, one for each schedule: created and moved to a state, several at once, while nothing is held."""

import asyncio
import time
from collections import defaultdict, deque
from collections.abc import Awaitable, Callable, Coroutine, Sequence
from functools import partial
from itertools import pairwise
from typing import Any

from engine.target.call import TAKE
from engine.target.http_answer import Answer
from engine.target.routes import Route
from engine.target.target import NotBuiltError
from engine.target.template import Request, Values
from engine.target.workflow_source import Queue
from load.client.ask import Ask, Reply, bind
from load.client.asker import Asker
from load.client.release import now_ns
from load.client.trails import EFFECTS, TRAIL
from stateful_tests.interleavings.sender import Sender
from stateful_tests.interleavings.unit_pairings import read_left

AT_ONCE = 8
ATTEMPTS_MAX = 5
# Of a resource with more units, taking nearly all of them for each schedule would take too long.
TAKES_MAX = 20
# How long a service may answer with server errors after a fault, and the pause between two reads.
RECOVERY_LIMIT_S = 10.0
PAUSE_S = 0.1
# How long a request on the way to a state is sent again while it is busy.
BUSY_LIMIT_S = 5.0
# The numbers of the HTTP connections that make and read workflows; those below belong to the contenders.
FIRST_CHANNEL = 100
OTHER_CHANNELS = tuple(range(FIRST_CHANNEL, FIRST_CHANNEL + AT_ONCE))


class StateNotReachedError(Exception):
    """A workflow did not reach a state; one sentence. `outcome` is that of the request that failed."""

    def __init__(self, sentence: str, outcome: str) -> None:
        super().__init__(sentence)
        self.outcome = outcome

    @property
    def is_wrong(self) -> bool:
        """Whether the engine refused a request that must win. An unknown outcome is no answer that could be wrong."""
        return self.outcome in ("refused", "conflict")


class FreshWorkflows:
    """Makes workflows, and reads them in the end."""

    def __init__(self, asker: Asker, sender: Sender) -> None:
        self.asker = asker
        self.sender = sender
        self._making = asyncio.Lock()
        self._owners: dict[str, str] = {}
        self._ready: dict[tuple[str, str], deque[str]] = defaultdict(deque)

    async def take(self, state: str, wanted: int, owner: str) -> str:
        """A workflow in that state; if none is ready, `wanted` are made. Raises StateNotReachedError."""
        target = self.asker.target
        capacity = target.capacity
        may_return = capacity is not None and capacity.returns_after_s is not None
        if state in target.graph.timed_from or may_return or (capacity is not None and capacity.is_shared):
            # It may leave the state while it waits for its schedule; of one queue there is no second.
            return await self.make(state, 0, owner)
        ready = self._ready[owner, state]
        if not ready:
            makers = [self.make(state, number, owner) for number in range(min(wanted, AT_ONCE))]
            ready.extend(await run_all(makers))
        return ready.popleft()

    async def make(self, state: str, number: int, owner: str) -> str:
        """A new workflow in that state, tried ATTEMPTS_MAX times. Raises StateNotReachedError.

        The answers on the way are in the history, for the judge.
        """
        for _ in range(ATTEMPTS_MAX - 1):
            try:
                return await self.lead(state, number, owner)
            except StateNotReachedError:
                continue
        return await self.lead(state, number, owner)

    async def lead(self, state: str, number: int, owner: str) -> str:
        """A new workflow, moved from the initial state along a shortest path. Raises StateNotReachedError."""
        target, asker = self.asker.target, self.asker
        ask = asker.create_ask(owner)
        reply = await self.create(ask, number)
        if reply.classified.server_id is None:
            raise StateNotReachedError(
                f"a workflow could not be created: {reply.outcome}, status {reply.classified.status}", reply.outcome
            )
        self._owners[ask.workflow] = owner
        if (left := read_left(target, state)) is not None:
            await self.take_all_but(ask.workflow, owner, left, number)
            return ask.workflow
        for origin, to in pairwise(target.graph.path(target.graph.initial, state) or ()):
            step = asker.advance_ask(ask.workflow, owner, self.choose_route(origin, to), origin, to)
            reply = await self.ask_until_free(step, number)
            if reply.outcome != "won":
                raise StateNotReachedError(
                    f"{ask.workflow} was to go from {origin} to {to} alone, and was answered {reply.outcome} "
                    f"(status {reply.classified.status})",
                    reply.outcome,
                )
        return ask.workflow

    async def take_all_but(self, workflow: str, owner: str, left: int, number: int) -> None:
        """Takes units one by one, until so many are left. Raises StateNotReachedError."""
        queues, units = self.asker.factory.queues, self.asker.units.get(workflow)
        is_certain = units is not None
        if not is_certain and queues.is_shared:
            units = queues.filled  # after a fault, an earlier take may get one of them
        if units is None or units - left > TAKES_MAX:
            told = "is not known" if units is None else f"is {units:,}; for each schedule all but {left} are taken"
            raise StateNotReachedError(f"how many units {workflow} has {told}", "unknown")
        for _ in range(units - left):
            reply = await self.ask_until_free(bind(self.asker.target, TAKE, workflow, owner), number)
            if reply.outcome != "won":
                raise StateNotReachedError(
                    f"a lone take of {workflow}, which had units left, was answered {reply.outcome} "
                    f"(status {reply.classified.status})",
                    reply.outcome if is_certain else "unknown",
                )

    async def take_rest(self, workflow: str, number: int) -> None:
        """Takes what is left, which shows how many units there were; as operations like all others."""
        ask = bind(self.asker.target, TAKE, workflow, self.find_owner(workflow))
        for _ in range(TAKES_MAX):
            if (await self.ask(ask, number)).outcome != "won":
                return

    async def create(self, ask: Ask, number: int) -> Reply:
        """The answer to a create, of a request or of a command."""
        if self.asker.target.creates_by_request:
            return await self.ask(ask, number)
        # A command blocks, and what it asks the service passes the proxy in this loop. One at a time.
        async with self._making:
            return await asyncio.to_thread(self.asker.make, ask)

    async def prepare(self, asks: Sequence[Ask]) -> None:
        """Logs in, and sends the steps before creates, while the proxy passes on what the service asks its database."""
        if self.asker.target.needs_steps:
            await asyncio.to_thread(self.asker.prepare, asks)

    async def log_in(self, tenant: str) -> bool:
        """The same for a request that is no operation. Whether the tenant is logged in, if it must be."""
        preparation, user = self.asker.preparation, (tenant, "")
        if self.asker.target.needs_steps:
            await asyncio.to_thread(preparation.prepare, [user])
        return preparation.find_obstacle(user) is None

    def choose_route(self, origin: str, to: str) -> Route:
        return self.asker.target.routes_for(origin, to)[-1]

    async def finish(self, workflows: list[str]) -> None:
        """Reads every workflow, its trail and its effects; of the one queue of a service only as it is now."""
        queues = self.asker.factory.queues
        workflows = [each for each in workflows if not queues.is_shared or each == queues.holder]
        workflows = [each for each in workflows if each in self.asker.server_ids]
        await run_all([self.read_all(workflow, number % AT_ONCE) for number, workflow in enumerate(workflows)])

    async def read_all(self, workflow: str, number: int) -> None:
        """Records the workflow's state and trail, and the markers of its effects."""
        await self.read(workflow, number)
        if not self.asker.target.has_workflow:
            await self.take_rest(workflow, number)
        owner, trails, server_id = self.find_owner(workflow), self.asker.trails, self.asker.server_ids[workflow]
        if not trails.put_off(EFFECTS, workflow, server_id, owner):
            build = partial(self.asker.target.build_effects, owner, server_id, f"effects.{workflow}")
            if (shown := await self.ask_for_evidence(workflow, number, build)) is not None:
                trails.take_effects(workflow, *shown, owner)

    async def ask_for_evidence(
        self, workflow: str, number: int, build: Callable[[Values], Request | None]
    ) -> tuple[int, Answer] | None:
        """When the last read of a trail or of effects was sent, and its answer; None if nothing can be read. A login
        that is over is renewed.
        """
        owner, asker, shown = self.find_owner(workflow), self.asker, None
        for _ in range(2):
            await self.log_in(owner)
            try:
                request = build(asker.values.list(owner, "", workflow))
            except NotBuiltError as error:
                asker.trails.note_unsent(workflow, error)
                return None
            if request is None:
                return None
            shown = now_ns(), await self.send(FIRST_CHANNEL + number, request)
            if not asker.trails.is_login_over(owner, shown[1]):
                break
        return shown

    def find_owner(self, workflow: str) -> str:
        """The tenant to whom a workflow belongs."""
        return self._owners.get(workflow, self.asker.target.owner)

    async def read(self, workflow: str, number: int) -> str | None:
        """The workflow's state now, None if it cannot be read; records its trail too."""
        owner = self.find_owner(workflow)
        can_read = self.asker.target.can_read
        state = (await self.ask(self.asker.read_ask(workflow, owner), number)).classified.observed if can_read else None
        trails, server_id = self.asker.trails, self.asker.server_ids[workflow]
        if not trails.put_off(TRAIL, workflow, server_id, owner):
            build = partial(self.asker.target.build_trail, owner, server_id, f"trail.{workflow}")
            if (shown := await self.ask_for_evidence(workflow, number, build)) is not None:
                trails.take_trail(workflow, *shown, owner)
        return state

    async def recover(
        self,
        workflow: str,
        channels: Sequence[int],
        is_enough: Callable[[int], bool],
        revive: Callable[[], Awaitable[bool]],
    ) -> None:
        """Sends reads over all these connections, for at most RECOVERY_LIMIT_S, until enough rounds in a row had no
        server error among their answers.

        A service may back off before it uses its database again, and must use up the dead connections of its pool. Each
        of its threads may have one, and the service chooses which thread answers: one round does not reach them all.
        The reads are no operations: their other answers do not count. `revive` starts a service again that has ended.
        """
        deadline, clean = time.monotonic() + RECOVERY_LIMIT_S, 0
        while not is_enough(clean):
            is_logged_in = await self.log_in(self.find_owner(workflow))
            try:
                request = self.build_harmless(workflow)
            except NotBuiltError:
                request = None
            if request is None:
                return
            answers = await asyncio.gather(*(self.send(channel, request) for channel in channels))
            if is_logged_in and all(answer.status is not None and answer.status < 500 for answer in answers):
                clean, pause_s = clean + 1, 0.0
            else:
                clean, pause_s = 0, PAUSE_S
            if any(answer.status is None for answer in answers) and await revive():
                continue
            if time.monotonic() > deadline:
                return
            await asyncio.sleep(pause_s)

    def build_harmless(self, workflow: str) -> Request | None:
        """A read; where nothing can be read, the effects or the trail, or else a create, if a request creates. Of a
        workflow whose create was not answered, a create of another.
        """
        owner, asker, name = self.find_owner(workflow), self.asker, "after a fault"
        values, server_id, target = asker.values.list(owner, "", workflow), asker.server_ids.get(workflow), asker.target
        if server_id is None:
            return target.build_create(owner, name, name, values)
        if target.can_read:
            return target.build_read(owner, server_id, name, values)
        shown = target.build_effects(owner, server_id, name, values) or target.build_trail(
            owner, server_id, name, values
        )
        creates = target.creates_by_request or (isinstance(target.create, Queue) and target.create.request is not None)
        return shown or (target.build_create(owner, name, name, values) if creates else None)

    async def send(self, channel: int, request: Request) -> Answer:
        """Sends a request that is no operation. Its silence counts, too."""
        answer = (await self.sender.send(channel, request)).answer
        self.asker.silence.note(answer)
        return answer

    async def refresh(self, asks: Sequence[Ask], number: int = 0) -> None:
        """Reads the versions that these requests carry and that may not be current any more."""
        for read in self.asker.list_outdated(asks):
            await self.ask(read, number)

    async def equip(self, ask: Ask, number: int = 0) -> Ask:
        """The Ask with the values of a read of its own, where it carries some."""
        read = self.asker.find_own_read(ask)
        return ask if read is None else self.asker.give(ask, await self.ask(read, number))

    async def ask_until_free(self, ask: Ask, number: int) -> Reply:
        """The answer to a request that is sent again while it is busy, for at most BUSY_LIMIT_S: what is prepared for
        several schedules at once may share a lock. Each waits for another time, so that they do not meet again.
        """
        deadline, reply = time.monotonic() + BUSY_LIMIT_S, await self.ask(ask, number)
        while reply.outcome == "busy" and time.monotonic() < deadline:
            await asyncio.sleep(PAUSE_S * (1 + number / AT_ONCE))
            reply = await self.ask(ask, number)
        return reply

    async def ask(self, ask: Ask, number: int) -> Reply:
        await self.refresh([ask], number)
        ask = await self.equip(ask, number)
        await self.prepare([ask])
        channel = FIRST_CHANNEL + number
        try:
            id_, request = self.asker.begin(ask, None, channel)
        except NotBuiltError as error:
            raise StateNotReachedError(str(error), "unknown") from None
        self.asker.plan(1)
        exchange = await self.sender.send(channel, request)
        polling = self.asker.begin_polling(ask, id_, exchange)
        await self.sender.poll(channel, polling)
        return self.asker.finish(ask, id_, exchange, polling)


async def run_all(jobs: list[Coroutine[Any, Any, Any]]) -> list[Any]:
    """Runs jobs, job n after job n - AT_ONCE, so that two of one connection never run at once; returns their results.

    All of them run; then the first StateNotReachedError is raised.
    """
    results: list[Any] = [None] * len(jobs)

    async def work(first: int) -> None:
        for number in range(first, len(jobs), AT_ONCE):
            try:
                results[number] = await jobs[number]
            except StateNotReachedError as error:
                results[number] = error

    await asyncio.gather(*(work(first) for first in range(min(AT_ONCE, len(jobs)))))
    for result in results:
        if isinstance(result, StateNotReachedError):
            raise result
    return results
