"""The director: lets one request run at a time, and so knows whose every statement is.

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
from stateful_tests.interleavings.faults import FAULTS
from stateful_tests.interleavings.locks import Locks, is_stuck
from stateful_tests.interleavings.proxy import Link, Wire
from stateful_tests.interleavings.schedule import (
    DIVERGED,
    OUTCOMES_BY_SQLSTATE,
    SERIALISED,
    UNKNOWN,
    WAITED,
    Choice,
    Choose,
    Option,
    Plan,
    Step,
    Trace,
)
from stateful_tests.interleavings.sender import Sender
from stateful_tests.interleavings.statements import commits
from stateful_tests.interleavings.task import Actor

# How long a request may take to the database, or from it, before it is taken to wait for another one.
PATIENCE_S = 0.75
POLL_S = 0.002


class AmbiguousError(Exception):
    """A statement could belong to two requests."""


class HungError(Exception):
    """Nothing moved for as long as a request may take."""


@dataclass
class Director:
    """Runs schedules over the HTTP connections of the numbers `lines`. `struck`: it met a fault that is not told;
    `restless` are connections that the service keeps at work whether it is asked or not.
    """

    wire: Wire
    locks: Locks
    asker: Asker
    sender: Sender
    lines: Sequence[int] = tuple(range(8))
    patience_s: float = PATIENCE_S
    struck: Trace | None = None
    restless: set[Link] = field(default_factory=set)

    async def run(
        self, plan: Plan, workflows: Sequence[str], asks: Sequence[Ask], race: str | None, choose: Choose
    ) -> Trace:
        """One schedule, to its end. Whatever happens, everything is released afterwards and every answer is in."""
        stage = Stage(self, Trace(plan, tuple(workflows)), [Actor(number) for number in range(len(asks))])
        await self.await_quiet()
        self.wire.watch()
        tasks: list[asyncio.Task[None]] = []
        try:
            for actor, ask in zip(stage.actors, asks, strict=True):
                tasks.append(asyncio.ensure_future(self._ask(actor, ask, race)))
                stage.current = actor
                await stage.settle(actor)
            await stage.play(choose)
        except AmbiguousError:
            stage.trace.remarks.add(UNKNOWN)
        except HungError:
            stage.trace.remarks |= {UNKNOWN, "hung"}
        finally:
            self.wire.release()
            await asyncio.gather(*tasks)
        stage.trace.answers = [actor.reply.outcome if actor.reply else UNKNOWN for actor in stage.actors]
        return stage.trace

    async def await_quiet(self) -> None:
        """Until nobody who was answered before has anything left to do: a service may commit after its answer."""
        deadline = time.monotonic() + self.patience_s
        while True:
            at_work = {link for link in self.wire.links if link.is_at_work}
            self.restless &= at_work
            if at_work == self.restless:
                return
            left_s = deadline - time.monotonic()
            if left_s <= 0 or not await self.wire.bell.wait(left_s):
                self.restless = at_work
                return

    async def _ask(self, actor: Actor, ask: Ask, race: str | None) -> None:
        id_, request = self.asker.begin(ask, race if ask.contends else None, actor.number + 1)
        shot = await self.sender.send(self.lines[actor.number], request)
        actor.reply = self.asker.finish(ask, id_, shot)
        self.wire.bell.ring()


@dataclass
class Stage:
    """One schedule while it runs. `current` is the request that runs."""

    director: Director
    trace: Trace
    actors: list[Actor]
    current: Actor | None = None
    owners: dict[Link, Actor] = field(default_factory=dict)
    assigned: set[Link] = field(default_factory=set)

    def __post_init__(self) -> None:
        self.wire = self.director.wire
        self.limit_s = self.director.sender.timeout_s

    async def play(self, choose: Choose) -> None:
        """Lets statements go, one by one, until every request is over."""
        while not all(actor.is_over and not actor.held for actor in self.actors):
            held = [actor for actor in self.actors if actor.held]
            if not held:
                await self.await_anyone()
                continue
            options = tuple(Option(actor.number, actor.held[0].door.held or "") for actor in held)
            choice = choose(options)
            if choice is None:
                return
            if choice.actor not in [option.actor for option in options]:
                self.trace.remarks.add(DIVERGED)
                return
            await self.let_go(self.actors[choice.actor], choice, options)

    async def let_go(self, actor: Actor, choice: Choice, options: tuple[Option, ...]) -> None:
        link = actor.held.pop(0)
        self.assigned.discard(link)
        sql = link.door.held or ""
        last = commits(sql, in_transaction=link.door.in_transaction)
        step = Step(actor.number, sql, options, choice.fault, commits=last)
        self.trace.steps.append(step)
        actor.links.add(link)
        self.owners[link] = actor
        self.current = actor
        if choice.fault is None:
            link.let_go()
        else:
            self.trace.fault_ns, self.director.struck = now_ns(), self.trace
            begun = {"at_ns": self.trace.fault_ns, "what": choice.fault, **self.trace.name_workflows()}
            self.director.asker.journal.event("fault_begun", **begun)
            await FAULTS[choice.fault](link, self.director.locks)
            self.trace.remarks.add(choice.fault)
            self.drop_lost()
        await self.settle(actor)
        if actor.waiting is not None:
            step.effect = WAITED
            self.trace.remarks.add(WAITED)
        self.note_sqlstate(link, step)
        await self.wake()

    def drop_lost(self) -> None:
        """What was held on a connection that a fault took along is held no more; whoever sent it may send another."""
        for actor in self.actors:
            lost = [link for link in actor.held if link.is_closed]
            actor.held = [link for link in actor.held if link not in lost]
            self.assigned.difference_update(lost)
            actor.is_late = actor.is_late or bool(lost)

    def note_sqlstate(self, link: Link, step: Step) -> None:
        if link.door.sqlstate and not step.fault:
            step.effect = OUTCOMES_BY_SQLSTATE.get(link.door.sqlstate, f"SQLSTATE {link.door.sqlstate}")
            self.trace.remarks.add(step.effect)

    async def settle(self, actor: Actor) -> None:
        """Until the request is held, over, or known to wait: for a lock, or for another request (late)."""
        began = time.monotonic()
        quiet_since = began
        while True:
            self.attribute()
            if actor.held or actor.is_over:
                break
            if actor.is_busy:
                if not await self.wire.bell.wait(POLL_S) and await self.is_blocked(actor):
                    break
                quiet_since = time.monotonic()
            elif not await self.wire.bell.wait(self.director.patience_s):
                self.give_up(actor)
                break
            if time.monotonic() - max(began, quiet_since - self.limit_s) > 2 * self.limit_s:
                raise HungError
        self.attribute()
        self.reject_strays()

    def give_up(self, actor: Actor) -> None:
        """It neither reaches the database nor answers: it waits for another request, inside of the service."""
        if actor.reply is not None:
            # It was answered, and leaves a transaction open that nobody ends.
            self.trace.remarks.add("transaction left open")
            actor.links.clear()
            return
        actor.is_late = True
        self.trace.remarks.add(SERIALISED)

    async def is_blocked(self, actor: Actor) -> bool:
        """Asks the database whether the request's statement waits for one of those that are parked."""
        link = next((link for link in actor.links if link.door.is_busy and not link.is_closed), None)
        if link is None:
            return False
        ours = {other.door.pid: other for other in self.wire.links if other.door.pid}
        blockers = await self.director.locks.find_blockers(ours)
        parked = {pid for pid, other in ours.items() if not other.door.is_busy}
        if not link.door.is_busy or not is_stuck(link.door.pid, blockers, parked):
            return False
        link.keep_answers()
        actor.waiting = link
        return True

    def attribute(self) -> None:
        """Gives every statement that has come to a door to the request that sent it, where that is certain."""
        for link in list(self.wire.links):
            if link.door.held is None or link in self.assigned:
                continue
            owner = self.owners.get(link)
            if owner is None or not link.door.in_transaction:
                candidates = self.list_candidates()
                if len(candidates) != 1:
                    continue
                owner = candidates[0]
            owner.is_late = False
            owner.held.append(link)
            owner.links.add(link)
            self.owners[link] = owner
            self.assigned.add(link)

    def list_candidates(self) -> list[Actor]:
        """The requests that may have sent a statement on a connection that is in nobody's transaction."""
        current = self.current
        late = [actor for actor in self.actors if actor.is_late and actor.reply is None]
        if current is not None and current not in late and current.reply is None and not current.held:
            return [current, *late]
        return late or ([current] if current is not None else [])

    def reject_strays(self) -> None:
        """Raises AmbiguousError when a statement is held that could belong to two requests."""
        if any(link.door.held is not None and link not in self.assigned for link in self.wire.links):
            raise AmbiguousError

    async def wake(self) -> None:
        """Lets every request whose lock wait has ended run until it settles, one after the other."""
        began = time.monotonic()
        while waiting := [actor for actor in self.actors if actor.waiting is not None]:
            ready = next((actor for actor in waiting if is_answered(actor.waiting)), None)
            if ready is not None:
                await self.resume(ready)
                continue
            if await self.are_stuck(waiting):
                return
            await self.wire.bell.wait(POLL_S)
            if time.monotonic() - began > 2 * self.limit_s:
                raise HungError

    async def resume(self, actor: Actor) -> None:
        link = actor.waiting
        assert link is not None
        actor.waiting = None
        self.current = actor
        step = next(step for step in reversed(self.trace.steps) if step.actor == actor.number)
        self.note_sqlstate(link, step)
        link.hand_answers()
        await self.settle(actor)

    async def are_stuck(self, waiting: Sequence[Actor]) -> bool:
        ours = {other.door.pid: other for other in self.wire.links if other.door.pid}
        blockers = await self.director.locks.find_blockers(ours)
        parked = {pid for pid, other in ours.items() if not other.door.is_busy}
        return all(
            actor.waiting is not None and is_stuck(actor.waiting.door.pid, blockers, parked) for actor in waiting
        ) and not any(is_answered(actor.waiting) for actor in waiting)

    async def await_anyone(self) -> None:
        """Nobody is held: until one is, or is over. Who waits inside of the service may go on now."""
        began = time.monotonic()
        while not any(actor.held for actor in self.actors):
            self.attribute()
            if all(actor.is_over for actor in self.actors):
                return
            await self.wake()
            self.attribute()
            if any(actor.held for actor in self.actors):
                return
            await self.wire.bell.wait(POLL_S * 10)
            if time.monotonic() - began > 2 * self.limit_s:
                raise HungError


def is_answered(link: Link | None) -> bool:
    return link is not None and (link.is_closed or not link.door.is_busy)
