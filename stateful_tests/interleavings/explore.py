"""The interleavings level, as a program: starts the service behind the wire and walks every order.

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
from engine.target.file import load_target
from engine.target.target import Target
from reports.judge.schedules import LEFT, Race, read_race
from stateful_tests.interleavings.explorer import Exploration, explore, explore_apart, follow
from stateful_tests.interleavings.faulted_schedules import run_faulted, walk_faults
from stateful_tests.interleavings.faults import SERVER_KILLED
from stateful_tests.interleavings.follower import Follower
from stateful_tests.interleavings.fresh_workflows import NotLedError
from stateful_tests.interleavings.mixed import find_violation
from stateful_tests.interleavings.pairings import list_apart, list_plans, pick_one_of_each
from stateful_tests.interleavings.proxy import UNWIRED
from stateful_tests.interleavings.schedule import SERIALISED, Action, Plan, Trace
from stateful_tests.interleavings.statements import is_set_up
from stateful_tests.interleavings.testbed import Order, Rig, open_rig
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

    rig: Rig
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

    async def explore_all(self, plans: Sequence[Plan], *, faults: bool, mixed: int, first_seed: int) -> None:
        journal = self.rig.asker.journal
        self.planned = len(plans)
        journal.event("agenda", kinds=dict(Counter(plan.kind for plan in plans)))
        await warm(self.rig, plans)
        if mixed:
            loop = asyncio.get_running_loop()
            found, tried = await asyncio.to_thread(
                find_violation, self.rig, loop, mixed, first_seed, lambda: self.has_time
            )
            journal.event("mixed", examples=tried, violated=found is not None)
            if found is not None:
                # With a number of its own, behind those of the plans.
                self.rig.record(found, len(plans))
                journal.event("exploration", **describe(found.plan, len(plans), 0, whole=False))
        for plan in plans:
            if not self.has_time:
                return
            await self.do_one(plan, faults=faults)

    async def do_one(self, plan: Plan, *, faults: bool) -> None:
        """One plan. Left out where another tenant than the owner has no workflow in its state."""
        try:
            await (self.fault_one(plan) if faults else self.explore_one(plan))
        except NotLedError as error:
            if not plan.apart or {action.tenant for action in plan.actions} == {self.rig.target.owner}:
                raise
            self.rig.asker.journal.event("left_out", fault=plan.kind, why=str(error))
            await self.finish(plan, 0, whole=False)

    async def fault_one(self, plan: Plan) -> None:
        """One fault at each point of one plan's plainest order. The server is killed for the first of each kind."""
        kills = self.kills if plan.kind not in self.killed else 0
        self.killed.add(plan.kind)
        traces, are_all = await walk_faults(self.rig, plan, kills=kills, go_on=lambda: self.has_time)
        self.kills -= sum(SERVER_KILLED in trace.remarks for trace in traces)
        for trace in traces:
            self.rig.record(trace, self.explored)
        self.schedules += len(traces)
        await self.finish(plan, 0, whole=are_all and all(trace.shows_order for trace in traces))

    async def explore_one(self, plan: Plan) -> None:
        """Every order of one plan; of a service that serialises, with the requests sent in either order."""
        found = await self.walk(plan)
        if plan.apart:
            await self.finish(plan, 0, whole=found.is_whole)
            return
        if found.is_serialised and self.placeable and len(plan.actions) == 2:
            self.placeable = await self.find_place(plan)
            found = await self.walk(plan) if self.placeable else found
        saved, whole = found.saved, found.is_whole
        if found.is_serialised and plan.actions[0] != plan.actions[-1]:
            turned = await self.walk(Plan(plan.state, plan.actions[::-1], plan.kind))
            saved, whole = saved + turned.saved, whole and turned.is_whole
        await self.finish(plan, saved, whole=whole)

    async def finish(self, plan: Plan, saved: int, *, whole: bool) -> None:
        """Reads what the plan's schedules left, and tells how far its orders were walked."""
        await self.rig.read()
        self.rig.asker.journal.event("exploration", **describe(plan, self.explored, saved, whole=whole))
        self.explored += 1

    async def walk(self, plan: Plan) -> Exploration:
        if plan.apart:
            found = await explore_apart(plan, self.rig.run, go_on=lambda: self.has_time)
        else:
            found = await explore(plan, self.rig.run, schedules_max=self.schedules_max, go_on=lambda: self.has_time)
        for trace in found.traces:
            self.rig.record(trace, self.explored)
        self.schedules += len(found.traces)
        return found

    async def find_place(self, plan: Plan) -> bool:
        """Another connection for the second request, at which it reaches the database while the first is held."""
        director = self.rig.director
        for place in range(2, 2 + PLACES_MAX):
            director.lines = (0, place, *range(place + 1, place + 8))
            if SERIALISED not in (await self.rig.run(plan, follow(""))).remarks:
                return True
        return False

    async def replay(self, race: Race, times: int) -> None:
        """One order, so many times, after the placement was found."""
        plan, self.planned = take_plan(race), times
        await warm(self.rig, [plan])
        self.rig.asker.journal.event("agenda", kinds={plan.kind: times})
        for _ in range(times):
            trace = await self.replay_once(plan, race)
            if SERIALISED in trace.remarks and self.placeable:
                self.placeable = await self.find_place(plan)
                trace = await self.replay_once(plan, race)
            self.rig.record(trace, self.explored)
            await self.finish(plan, 0, whole=trace.shows_order)
            self.schedules += 1

    def tell_unled(self, error: NotLedError) -> str | None:
        """Accuses the engine of it where that is certain; else what is in the way of going on, in words."""
        if not error.is_wrong:
            return str(error)
        self.rig.asker.probe("contract", "leading a workflow to a state", str(error))
        return None

    async def tell_end(self, name: str, trouble: str | None) -> None:
        """How far it came, and why that proves less than it seems to, if so. `trouble`: what ended it early."""
        await self.rig.revive()
        ended_itself = await self.rig.find_end(in_doubt=trouble is not None)
        if ended_itself is None:
            await asyncio.to_thread(self.rig.asker.look_again)
        trouble = ended_itself or trouble or (UNWIRED if self.schedules and not self.rig.has_held else None)
        journal = self.rig.asker.journal
        if trouble is not None:
            journal.event("broken", what=trouble)
        ended = "share" if self.explored >= self.planned else "time"
        unheld = self.rig.wire.unheld
        for sql, passed in unheld.most_common():
            journal.event("unheld", sql=sql, passed=passed, why="set-up" if is_set_up(sql) else "background")
        told = {"planned": self.planned, "run": self.explored, "ended": ended}
        journal.event("level", level=name, unit="meetings", **told, unheld=unheld.total())

    async def replay_once(self, plan: Plan, race: Race) -> Trace:
        follower = Follower.of(race)
        run = run_faulted(self.rig, plan, follower) if race.faults else self.rig.run(plan, follower)
        trace = await run
        if follower.has_left:
            trace.remarks.add(LEFT)
        return trace


def tell_when_ended(rig: Rig) -> None:
    """Has a level that is ended while a fault lasts tell of it first: what it did to the answers is told already."""
    loop = asyncio.get_running_loop()

    def end() -> None:
        rig.tell_fault()
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


def choose_apart(target: Target, options: argparse.Namespace) -> list[Plan]:
    """The meetings on two workflows; with faults one of one tenant, and one of two."""
    if options.contenders > 2:
        return []
    plans = list_apart(target, APART[options.scope])
    if not options.faults:
        return plans
    by_tenants = {len({action.tenant for action in plan.actions}): plan for plan in reversed(plans)}
    return list(by_tenants.values())


def describe(plan: Plan, number: int, saved: int, *, whole: bool) -> dict[str, Any]:
    """What is recorded of a plan whose orders were walked."""
    actions = [vars(action) for action in plan.actions]
    told = {"plan": number, "kind": plan.kind, "state": plan.state, "actions": actions, "saved": saved, "whole": whole}
    return {**told, "apart": True} if plan.apart else told


def take_plan(race: Race) -> Plan:
    actions = tuple(Action(each.tenant, each.route, each.origin, each.to) for each in race.sessions)
    return Plan(race.state, actions, "replay", race.apart)


def main(arguments: Sequence[str] | None = None) -> int:
    options = parse(arguments)
    uvloop.run(run(options, json.loads(os.environ[WIRE_VARIABLE])))
    return 0


async def run(options: argparse.Namespace, wiring: dict[str, Any]) -> None:
    target = load_target(options.target, os.environ)
    assert target.service is not None, "a target without a service has no wire"
    target = replace(target, service=replace(target.service, cwd=wiring["cwd"]))
    parameters = dict(pair.split("=", 1) for pair in options.parameter)
    folder: Path = options.history
    order = Order(
        target,
        parse_url(wiring["database_url"]),
        folder / f"{options.source}.jsonl",
        folder.parent / "logs" / f"service-{options.source}.log",
        [*wiring["arguments"], *options.service_argument],
        parameters,
        wiring["values"],
    )
    async with open_rig(order) as rig:
        tell_when_ended(rig)
        obstacle = None if wiring["may_crash"] else "it is not a database of this run alone; use --database embedded"
        if obstacle is None and (options.faults or options.replay):
            obstacle = await find_obstacle(order.database)
        level = Level(
            rig, time.monotonic() + options.limit_s, options.schedules, options.kills if obstacle is None else 0
        )
        if obstacle is not None and options.faults:
            rig.asker.journal.event("left_out", fault=SERVER_KILLED, why=obstacle)
            print(f"the fault {SERVER_KILLED!r} is left out: {obstacle}", file=sys.stderr)
        trouble = None
        try:
            if options.replay is not None:
                race = read_race(options.replay)
                if obstacle is not None and SERVER_KILLED in race.faults.values():
                    rig.asker.journal.event("broken", what=obstacle)
                    return
                await level.replay(race, options.times)
            else:
                plans = list_plans(target, options.contenders)
                plans = pick_one_of_each(plans) if options.scope == "kinds" else plans
                plans = [*plans, *choose_apart(target, options)]
                mixed = 0 if options.faults or options.contenders > 2 else options.mixed
                await level.explore_all(plans, faults=options.faults, mixed=mixed, first_seed=options.seed)
        except NotLedError as error:
            trouble = level.tell_unled(error)
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
