"""The level: explores pairings one after the other, or replays one schedule, and records how far it came."""

import asyncio
import math
import time
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

from engine.target.call import Call
from load.client.silence import SILENT
from reports.history import events
from reports.history.awaited_calls import await_calls
from reports.judge.levels.race_file_format import Race, RaceRequest
from reports.judge.levels.schedules import LEFT
from stateful_tests.interleavings.explorer import Exploration, explore, explore_apart, explore_timed, follow
from stateful_tests.interleavings.faulted_schedules import run_faulted, walk_faults
from stateful_tests.interleavings.fresh_workflows import StateNotReachedError
from stateful_tests.interleavings.mixed_pairings import find_violation
from stateful_tests.interleavings.proxy import NO_STATEMENT
from stateful_tests.interleavings.schedule import ACCEPTED, SERIALISED, Choose, Pairing, Trace, Wait
from stateful_tests.interleavings.schedule_replay import Follower
from stateful_tests.interleavings.statement_faults import SERVER_KILLED
from stateful_tests.interleavings.statements import is_set_up
from stateful_tests.interleavings.testbed import Testbed
from stateful_tests.interleavings.warming import warm

# How many other HTTP connections are tried for the second request before the service counts as serialising.
PLACES_MAX = 6


@dataclass
class Level:
    """A level on a testbed. `placeable` is False once no HTTP connection was found on which two requests run
    concurrently; `killed` are the kinds of pairings for which the server was killed. `follows_answers`: a request of
    the pairing was carried out after its answer. The orders of the pairing begin no schedule after `share_ends`.
    `known` tells of each of its schedules whether its outcome is known; of `undecided` pairings most are not.
    """

    testbed: Testbed
    deadline: float
    schedules_max: int
    kills: int = 0
    explored: int = 0
    undecided: int = 0
    schedules: int = 0
    planned: int = 0
    placeable: bool = True
    killed: set[str] = field(default_factory=set)
    follows_answers: bool = False
    share_ends: float = math.inf
    known: list[bool] = field(default_factory=list)

    @property
    def has_time(self) -> bool:
        return time.monotonic() < self.deadline

    @property
    def has_share(self) -> bool:
        return self.has_time and time.monotonic() < self.share_ends

    async def explore_all(self, pairings: Sequence[Pairing], *, faults: bool, mixed: int, first_seed: int) -> None:
        journal = self.testbed.asker.journal
        self.planned = len(pairings)
        journal.write(events.Workload(kinds=dict(Counter(pairing.kind for pairing in pairings))))
        await warm(self.testbed, pairings)
        if mixed:
            loop = asyncio.get_running_loop()
            found, tried = await asyncio.to_thread(
                find_violation, self.testbed, loop, mixed, first_seed, lambda: self.has_time
            )
            journal.write(events.RandomPlans(examples=tried, violated=found is not None))
            if found is not None:
                # Its number comes after those of the planned pairings.
                self.testbed.record(found, len(pairings))
                journal.write(make_exploration(found.pairing, len(pairings), 0, exhausted=False))
        reserve_s = (self.deadline - time.monotonic()) / (2 * len(pairings)) if pairings else 0.0
        for number, pairing in enumerate(pairings):
            if not self.has_time:
                return
            self.share_ends = time.monotonic() + self.find_share(len(pairings) - number, reserve_s)
            await self.explore_one(pairing, faults=faults)

    def find_share(self, pairings: int, reserve_s: float) -> float:
        """The seconds of the next of so many pairings: what is left of the time, without `reserve_s` for each of the
        others. Some services have orders without end, such as one that polls a lock.
        """
        return self.deadline - time.monotonic() - (pairings - 1) * reserve_s

    async def explore_one(self, pairing: Pairing, *, faults: bool) -> None:
        """One pairing. It is skipped if a tenant other than the owner has no workflow in its state."""
        try:
            pruned, exhausted = await (self.inject_faults(pairing) if faults else self.run_orders(pairing))
        except StateNotReachedError as error:
            is_owners = {call.tenant for call in pairing.calls} == {self.testbed.target.owner}
            if self.testbed.asker.silence.is_certain or not pairing.apart or is_owners:
                raise
            self.testbed.asker.journal.write(events.Skipped(fault=pairing.kind, why=str(error)))
            pruned, exhausted = 0, False
        await self.finish(pairing, pruned, exhausted=exhausted)

    async def inject_faults(self, pairing: Pairing) -> tuple[int, bool]:
        """One fault at each statement of the simplest order; the server is killed in the first pairing of each kind.

        Returns how many branches were pruned, and whether the pairing is exhausted.
        """
        kills = self.kills if pairing.kind not in self.killed else 0
        self.killed.add(pairing.kind)
        traces, are_all = await walk_faults(self.testbed, pairing, kills=kills, go_on=lambda: self.has_time)
        self.kills -= sum(SERVER_KILLED in trace.remarks for trace in traces)
        self.record(traces)
        return 0, are_all and all(trace.shows_order for trace in traces)

    async def run_orders(self, pairing: Pairing) -> tuple[int, bool]:
        """Every order of a pairing; of a service that serialises, with the requests sent in both orders.

        Returns how many branches were pruned, and whether the pairing is exhausted.
        """
        found = await self.walk(pairing)
        if pairing.apart or pairing.wait is not None:
            return found.pruned, found.is_exhausted
        if found.is_serialised and self.placeable and len(pairing.calls) == 2:
            self.placeable = await self.find_place(pairing)
            found = await self.walk(pairing) if self.placeable else found
        if not found.is_serialised or pairing.calls[0] == pairing.calls[-1]:
            return found.pruned, found.is_exhausted
        reverse = await self.walk(Pairing(pairing.state, pairing.calls[::-1], pairing.kind))
        return found.pruned + reverse.pruned, found.is_exhausted and reverse.is_exhausted

    async def walk(self, pairing: Pairing) -> Exploration:
        run = self.testbed.run
        if pairing.apart:
            found = await explore_apart(pairing, run, go_on=lambda: self.has_share)
        elif pairing.wait is not None:
            found = await explore_timed(pairing, self.run_and_read, go_on=lambda: self.has_share)
        else:
            found = await explore(pairing, run, schedules_max=self.schedules_max, go_on=lambda: self.has_share)
        self.record(found.traces)
        return found

    async def run_and_read(self, pairing: Pairing, choose: Choose) -> Trace:
        """One schedule. Its workflow is read at once, since it may soon leave its state by itself."""
        trace = await self.testbed.run(pairing, choose)
        await self.testbed.read()
        return trace

    def record(self, traces: Sequence[Trace]) -> None:
        for trace in traces:
            self.testbed.record(trace, self.explored)
            self.follows_answers = self.follows_answers or ACCEPTED in trace.remarks
            self.known.append(trace.is_known)
        self.schedules += len(traces)

    async def find_place(self, pairing: Pairing) -> bool:
        """Another connection for the second request, on which it reaches the database while the first is held."""
        scheduler = self.testbed.scheduler
        for place in range(2, 2 + PLACES_MAX):
            scheduler.channels = (0, place, *range(place + 1, place + 8))
            if SERIALISED not in (await self.testbed.run(pairing, follow(""))).remarks:
                return True
        return False

    async def finish(self, pairing: Pairing, pruned: int, *, exhausted: bool) -> None:
        """Reads the workflows of the pairing's schedules, and records how many of its orders ran."""
        await self.testbed.read()
        # What is carried out after the answer runs in orders of its own.
        exhausted = exhausted and not self.follows_answers
        self.follows_answers = False
        self.undecided += 2 * sum(self.known) < len(self.known)
        self.known = []
        self.testbed.asker.journal.write(make_exploration(pairing, self.explored, pruned, exhausted=exhausted))
        self.explored += 1

    async def replay(self, race: Race, times: int) -> None:
        """One schedule, that many times; first it looks for a connection on which the requests run concurrently."""
        pairing, self.planned = read_pairing(race), times
        await warm(self.testbed, [pairing])
        self.testbed.asker.journal.write(events.Workload(kinds={pairing.kind: times}))
        for _ in range(times):
            trace = await self.replay_once(pairing, race)
            if SERIALISED in trace.remarks and self.placeable:
                self.placeable = await self.find_place(pairing)
                trace = await self.replay_once(pairing, race)
            self.record([trace])
            await self.finish(pairing, 0, exhausted=trace.shows_order)

    async def replay_once(self, pairing: Pairing, race: Race) -> Trace:
        follower = Follower.of(race)
        run = run_faulted(self.testbed, pairing, follower) if race.faults else self.testbed.run(pairing, follower)
        trace = await run
        if follower.has_left:
            trace.remarks.add(LEFT)
        return trace

    def name_end(self) -> str:
        """Why it ran less than was planned, as a history names it; "complete" if it ran all."""
        if self.explored < self.planned:
            return "time"
        return "undecided" if self.undecided else "complete"

    def judge_obstacle(self, error: StateNotReachedError) -> str | None:
        """Records a certain violation of the engine as such; otherwise returns what stopped the level, in words."""
        if not error.is_wrong:
            return str(error)
        self.testbed.asker.probe("contract", "leading a workflow to a state", str(error))
        return None

    async def end(self, name: str, obstacle: str | None) -> None:
        """Records how far the level came, and why that proves less than it seems to, if so. `obstacle` stopped it."""
        testbed = self.testbed
        await testbed.revive()
        ended_itself = await testbed.find_end(in_doubt=obstacle is not None)
        if ended_itself is None:
            await asyncio.to_thread(testbed.asker.check_silence, in_doubt=obstacle is not None)
            await asyncio.to_thread(testbed.asker.look_again)
            await asyncio.to_thread(testbed.asker.read_late)
        is_silent = testbed.asker.silence.is_certain
        obstacle = ended_itself or (None if is_silent else obstacle)
        obstacle = obstacle or (NO_STATEMENT if self.schedules and not testbed.has_held else None)
        journal = testbed.asker.journal
        if testbed.target.sinks:
            awaited = await asyncio.to_thread(await_calls, journal.path.parent, [journal.path.stem])
            journal.write(*([awaited] if awaited is not None else []))
        if obstacle is not None:
            journal.write(events.Broken(what=obstacle))
        ended = SILENT if is_silent else self.name_end()
        unscheduled = testbed.proxy.unscheduled
        for sql, passed in unscheduled.most_common():
            journal.write(events.Unscheduled(sql=sql, passed=passed, why="set-up" if is_set_up(sql) else "background"))
        shown = self.explored - self.undecided
        level = events.Level(level=name, unit="pairings", ended=ended, planned=self.planned, run=shown)
        level.unscheduled = unscheduled.total()
        journal.write(level)


def make_exploration(pairing: Pairing, number: int, pruned: int, *, exhausted: bool) -> events.Exploration:
    """The record of a pairing whose orders ran."""
    return events.Exploration(
        pairing=number,
        kind=pairing.kind,
        state=pairing.state,
        actions=[events.Action(**pick_action(call)) for call in pairing.calls],
        pruned=pruned,
        exhausted=exhausted,
        apart=pairing.apart or None,
    )


def pick_action(request: Call | RaceRequest) -> dict[str, Any]:
    """What a pairing and a race file keep of a request."""
    return {name: getattr(request, name) for name in events.Action.__struct_fields__}


def read_pairing(race: Race) -> Pairing:
    calls = tuple(Call(**pick_action(each)) for each in race.requests)
    wait = Wait(race.wait_s, race.lead) if race.wait_s else None
    return Pairing(race.state, calls, "replay", race.apart, wait)
