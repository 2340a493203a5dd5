"""The interleavings level, as a program: starts the service behind the proxy and walks every order.

    python -m stateful_tests.interleavings.explore --target FILE --history DIR --source NAME [options]

ONEWINNER_WIRE in the environment is JSON: {database_url, arguments, cwd, values, may_crash}; the service is started so.
"""

import argparse
import asyncio
import json
import os
import sys
import time
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from signal import SIGTERM, raise_signal
from typing import Any

import uvloop

from engine.provision.crash import find_data
from engine.provision.database import Database, parse_url
from engine.provision.errors import DatabaseUnavailable
from engine.provision.service import ServiceError
from engine.target.call import Call
from engine.target.file import load_target
from engine.target.target import Target
from load.client.silence import SILENT
from reports.history import events
from reports.judge.schedules import LEFT, Race, read_race
from stateful_tests.interleavings.explorer import Exploration, explore, explore_apart, follow
from stateful_tests.interleavings.faulted_schedules import run_faulted, walk_faults
from stateful_tests.interleavings.faults import SERVER_KILLED
from stateful_tests.interleavings.follower import Follower
from stateful_tests.interleavings.fresh_workflows import StateNotReachedError
from stateful_tests.interleavings.mixed import find_violation
from stateful_tests.interleavings.pairings import list_apart, list_pairings, pick_one_of_each
from stateful_tests.interleavings.proxy import NO_STATEMENT
from stateful_tests.interleavings.schedule import SERIALISED, Pairing, Trace
from stateful_tests.interleavings.statements import is_set_up
from stateful_tests.interleavings.testbed import LaunchSpec, Testbed, open_testbed
from stateful_tests.interleavings.warming import warm

WIRE_VARIABLE = "ONEWINNER_WIRE"
# How many places (HTTP connections for the second request) are tried before a service is taken to serialise.
PLACES_MAX = 6
# Plans on two workflows, by scope. They differ in what each route does beside its own workflow.
APART = {"kinds": 8, "all": 40}
# Of the server: each takes as long as a dozen other schedules.
KILLS = 4


@dataclass
class Level:
    """How much is to be done. `placeable` is False once no place was found at which two requests run side by side."""

    testbed: Testbed
    deadline: float
    schedules_max: int
    kills: int = 0
    explored: int = 0
    schedules: int = 0
    planned: int = 0
    placeable: bool = True
    killed: set[str] = field(default_factory=set)

    @property
    def has_time(self) -> bool:
        return time.monotonic() < self.deadline

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
                # With a number of its own, behind those of the pairings.
                self.testbed.record(found, len(pairings))
                journal.write(describe(found.pairing, len(pairings), 0, exhausted=False))
        for pairing in pairings:
            if not self.has_time:
                return
            await self.do_one(pairing, faults=faults)

    async def do_one(self, pairing: Pairing, *, faults: bool) -> None:
        """One pairing. Left out where another tenant than the owner has no workflow in its state."""
        try:
            await (self.fault_one(pairing) if faults else self.explore_one(pairing))
        except StateNotReachedError as error:
            is_owners = {call.tenant for call in pairing.calls} == {self.testbed.target.owner}
            if self.testbed.asker.silence.is_certain or not pairing.apart or is_owners:
                raise
            self.testbed.asker.journal.write(events.Skipped(fault=pairing.kind, why=str(error)))
            await self.finish(pairing, 0, whole=False)

    async def fault_one(self, pairing: Pairing) -> None:
        """One fault at each point of one pairing's plainest order. The server is killed for the first of each kind."""
        kills = self.kills if pairing.kind not in self.killed else 0
        self.killed.add(pairing.kind)
        traces, are_all = await walk_faults(self.testbed, pairing, kills=kills, go_on=lambda: self.has_time)
        self.kills -= sum(SERVER_KILLED in trace.remarks for trace in traces)
        for trace in traces:
            self.testbed.record(trace, self.explored)
        self.schedules += len(traces)
        await self.finish(pairing, 0, whole=are_all and all(trace.shows_order for trace in traces))

    async def explore_one(self, pairing: Pairing) -> None:
        """Every order of one pairing; of a service that serialises, with the requests sent in either order."""
        found = await self.walk(pairing)
        if pairing.apart:
            await self.finish(pairing, 0, whole=found.is_whole)
            return
        if found.is_serialised and self.placeable and len(pairing.calls) == 2:
            self.placeable = await self.find_place(pairing)
            found = await self.walk(pairing) if self.placeable else found
        saved, whole = found.saved, found.is_whole
        if found.is_serialised and pairing.calls[0] != pairing.calls[-1]:
            turned = await self.walk(Pairing(pairing.state, pairing.calls[::-1], pairing.kind))
            saved, whole = saved + turned.saved, whole and turned.is_whole
        await self.finish(pairing, saved, whole=whole)

    async def finish(self, pairing: Pairing, saved: int, *, whole: bool) -> None:
        """Reads what the pairing's schedules left, and tells how far its orders were walked."""
        await self.testbed.read()
        self.testbed.asker.journal.write(describe(pairing, self.explored, saved, exhausted=whole))
        self.explored += 1

    async def walk(self, pairing: Pairing) -> Exploration:
        if pairing.apart:
            found = await explore_apart(pairing, self.testbed.run, go_on=lambda: self.has_time)
        else:
            found = await explore(
                pairing, self.testbed.run, schedules_max=self.schedules_max, go_on=lambda: self.has_time
            )
        for trace in found.traces:
            self.testbed.record(trace, self.explored)
        self.schedules += len(found.traces)
        return found

    async def find_place(self, pairing: Pairing) -> bool:
        """Another connection for the second request, at which it reaches the database while the first is held."""
        scheduler = self.testbed.scheduler
        for place in range(2, 2 + PLACES_MAX):
            scheduler.lines = (0, place, *range(place + 1, place + 8))
            if SERIALISED not in (await self.testbed.run(pairing, follow(""))).remarks:
                return True
        return False

    async def replay(self, race: Race, times: int) -> None:
        """One order, so many times, after the placement was found."""
        pairing, self.planned = read_pairing(race), times
        await warm(self.testbed, [pairing])
        self.testbed.asker.journal.write(events.Workload(kinds={pairing.kind: times}))
        for _ in range(times):
            trace = await self.replay_once(pairing, race)
            if SERIALISED in trace.remarks and self.placeable:
                self.placeable = await self.find_place(pairing)
                trace = await self.replay_once(pairing, race)
            self.testbed.record(trace, self.explored)
            await self.finish(pairing, 0, whole=trace.shows_order)
            self.schedules += 1

    def describe_obstacle(self, error: StateNotReachedError) -> str | None:
        """Accuses the engine of it where that is certain; else what is in the way of going on, in words."""
        if not error.is_wrong:
            return str(error)
        self.testbed.asker.probe("contract", "leading a workflow to a state", str(error))
        return None

    async def tell_end(self, name: str, trouble: str | None) -> None:
        """How far it came, and why that proves less than it seems to, if so. `trouble`: what ended it early."""
        await self.testbed.revive()
        ended_itself = await self.testbed.find_end(in_doubt=trouble is not None)
        if ended_itself is None:
            await asyncio.to_thread(self.testbed.asker.check_silence)
            await asyncio.to_thread(self.testbed.asker.look_again)
        is_silent = self.testbed.asker.silence.is_certain
        trouble = ended_itself or (None if is_silent else trouble)
        trouble = trouble or (NO_STATEMENT if self.schedules and not self.testbed.has_held else None)
        journal = self.testbed.asker.journal
        if trouble is not None:
            journal.write(events.Broken(what=trouble))
        ended = SILENT if is_silent else "complete" if self.explored >= self.planned else "time"
        unheld = self.testbed.proxy.unheld
        for sql, passed in unheld.most_common():
            journal.write(events.Unscheduled(sql=sql, passed=passed, why="set-up" if is_set_up(sql) else "background"))
        journal.write(
            events.Level(
                level=name,
                unit="pairings",
                planned=self.planned,
                run=self.explored,
                ended=ended,
                unscheduled=unheld.total(),
            )
        )

    async def replay_once(self, pairing: Pairing, race: Race) -> Trace:
        follower = Follower.of(race)
        run = run_faulted(self.testbed, pairing, follower) if race.faults else self.testbed.run(pairing, follower)
        trace = await run
        if follower.has_left:
            trace.remarks.add(LEFT)
        return trace


def tell_when_ended(testbed: Testbed) -> None:
    """Has a level that is ended while a fault lasts tell of it first: what it did to the answers is told already."""
    loop = asyncio.get_running_loop()

    def end() -> None:
        testbed.tell_fault()
        loop.remove_signal_handler(SIGTERM)
        raise_signal(SIGTERM)

    loop.add_signal_handler(SIGTERM, end)


async def find_obstacle(database: Database) -> str | None:
    """Why its server cannot be killed; None when it can."""
    try:
        await find_data(database)
    except DatabaseUnavailable as error:
        return str(error)
    return None


def choose_apart(target: Target, options: argparse.Namespace) -> list[Pairing]:
    """The meetings on two workflows; with faults one of one tenant, and one of two."""
    if options.contenders > 2:
        return []
    pairings = list_apart(target, APART[options.scope])
    if not options.faults:
        return pairings
    by_tenants = {len({call.tenant for call in pairing.calls}): pairing for pairing in reversed(pairings)}
    return list(by_tenants.values())


def describe(pairing: Pairing, number: int, pruned: int, *, exhausted: bool) -> events.Exploration:
    """What is recorded of a pairing whose orders were walked."""
    return events.Exploration(
        pairing=number,
        kind=pairing.kind,
        state=pairing.state,
        actions=[
            events.Action(tenant=call.tenant, route=call.route, origin=call.origin, to=call.to)
            for call in pairing.calls
        ],
        pruned=pruned,
        exhausted=exhausted,
        apart=pairing.apart or None,
    )


def read_pairing(race: Race) -> Pairing:
    calls = tuple(Call(tenant=each.tenant, route=each.route, origin=each.origin, to=each.to) for each in race.sessions)
    return Pairing(race.state, calls, "replay", race.apart)


def main(arguments: Sequence[str] | None = None) -> int:
    options = parse(arguments)
    uvloop.run(run(options, json.loads(os.environ[WIRE_VARIABLE])))
    return 0


async def run(options: argparse.Namespace, wiring: dict[str, Any]) -> None:
    target = load_target(options.target, os.environ)
    assert target.service is not None, "a target without a service has no proxy"
    target = replace(target, service=replace(target.service, cwd=wiring["cwd"]))
    parameters = dict(pair.split("=", 1) for pair in options.parameter)
    folder: Path = options.history
    order = LaunchSpec(
        target,
        parse_url(wiring["database_url"]),
        folder / f"{options.source}.jsonl",
        folder.parent / "logs" / f"service-{options.source}.log",
        [*wiring["arguments"], *options.service_argument],
        parameters,
        wiring["values"],
    )
    async with open_testbed(order) as testbed:
        tell_when_ended(testbed)
        obstacle = None if wiring["may_crash"] else "it is not a database of this run alone; use --database embedded"
        if obstacle is None and (options.faults or options.replay):
            obstacle = await find_obstacle(order.database)
        level = Level(
            testbed, time.monotonic() + options.limit_s, options.schedules, options.kills if obstacle is None else 0
        )
        if obstacle is not None and options.faults:
            testbed.asker.journal.write(events.Skipped(fault=SERVER_KILLED, why=obstacle))
            print(f"the fault {SERVER_KILLED!r} is left out: {obstacle}", file=sys.stderr)
        trouble = None
        try:
            if options.replay is not None:
                race = read_race(options.replay)
                if obstacle is not None and SERVER_KILLED in race.faults.values():
                    testbed.asker.journal.write(events.Broken(what=obstacle))
                    return
                await level.replay(race, options.times)
            else:
                pairings = list_pairings(target, options.contenders)
                pairings = pick_one_of_each(pairings) if options.scope == "kinds" else pairings
                pairings = [*pairings, *choose_apart(target, options)]
                mixed = 0 if options.faults or options.contenders > 2 else options.mixed
                await level.explore_all(pairings, faults=options.faults, mixed=mixed, first_seed=options.seed)
        except StateNotReachedError as error:
            trouble = level.describe_obstacle(error)
        except ServiceError as error:
            trouble = str(error)
        await level.tell_end(options.level, trouble)


def parse(arguments: Sequence[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    add = parser.add_argument
    add("--target", type=Path, required=True)
    add("--history", type=Path, required=True)
    add("--base-url", help="where a service runs already; not used: this level starts its own")
    add("--level", default="interleavings")
    add("--source", default="interleavings-0")
    add("--scope", choices=("kinds", "all"), default="kinds")
    add("--contenders", type=int, default=2)
    add("--schedules", type=int, default=1000)
    add("--limit-s", type=float, default=60.0)
    add("--mixed", type=int, default=0)
    add("--seed", type=int, default=1)
    add("--faults", action="store_true")
    add("--kills", type=int, default=KILLS, help="how often the server is killed, at the most")
    add("--replay", type=Path)
    add("--times", type=int, default=1)
    add("--service-argument", action="append", default=[])
    add("--parameter", action="append", default=[], metavar="NAME=VALUE")
    return parser.parse_args(arguments)


if __name__ == "__main__":
    sys.exit(main())
