"""The interleavings level, as a program: starts the service behind the proxy, and runs every order.

    python -m stateful_tests.interleavings.program --target FILE --history DIR --source NAME [options]

Its environment says how the service is started (see `Launch`, and engine/provision/child.py).
"""

import argparse
import asyncio
import contextlib
import os
import sys
import time
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from signal import SIGTERM, raise_signal

import msgspec
import uvloop

from engine.provision.child import read_launch
from engine.provision.database import Database, parse_url
from engine.provision.database_crash import find_data
from engine.provision.errors import DatabaseUnavailable
from engine.provision.service import ServiceError, resolve_target
from engine.target.notices import say
from engine.target.target import Target
from engine.target.target_file import load_target
from reports.history import events
from reports.history.journal import Journal
from reports.judge.levels.race_file_format import read_race
from stateful_tests.interleavings.fresh_workflows import StateNotReachedError
from stateful_tests.interleavings.level import Level
from stateful_tests.interleavings.pairings import is_successive, list_apart, list_pairings, pick_one_of_each
from stateful_tests.interleavings.schedule import Pairing
from stateful_tests.interleavings.statement_faults import SERVER_KILLED
from stateful_tests.interleavings.testbed import LaunchSpec, Testbed, open_testbed
from stateful_tests.interleavings.timed_pairings import list_timed_pairings

# Pairings on two workflows, by scope. They differ in what each route does outside its own workflow.
APART = {"kinds": 8, "all": 40}
# About so many seconds the pairings around a move that no request makes may take, by scope.
TIMED_S = {"kinds": 30.0, "all": 180.0}
# How often the server is killed: each time takes as long as a dozen other schedules.
KILLS = 4


@dataclass(frozen=True)
class Options:
    """What the level runs, and where it records it."""

    target: Path
    base_url: str | None
    history: Path
    level: str
    source: str
    scope: str
    contenders: int
    schedules: int
    limit_s: float
    mixed: int
    seed: int
    faults: bool
    kills: int
    replay: Path | None
    times: int
    service_argument: tuple[str, ...]
    parameter: tuple[str, ...]


class Launch(msgspec.Struct, frozen=True):
    """How the service is started: on which database, with which arguments, in which folder; `values` replace {workers}
    and {isolation}. `may_crash`: the database belongs to this run alone.
    """

    database_url: str
    arguments: tuple[str, ...]
    cwd: str
    values: dict[str, str]
    may_crash: bool


def main(arguments: Sequence[str] | None = None) -> int:
    uvloop.run(run(parse(arguments), read_launch(Launch)))
    return 0


async def run(options: Options, launch: Launch) -> None:
    spec = make_spec(options, launch)
    async with contextlib.AsyncExitStack() as stack:
        try:
            testbed = await stack.enter_async_context(open_testbed(spec))
        except ServiceError as error:
            record_unstarted(spec, error)
            return
        record_when_ended(testbed)
        await run_level(options, launch, spec.database, testbed)


def record_unstarted(spec: LaunchSpec, error: ServiceError) -> None:
    """A service that starts, but not behind the proxy: the history says why the level was not run."""
    with Journal(spec.journal) as journal:
        journal.write(events.Broken(what=f"the service did not start behind the proxy: {error}"))


async def run_level(options: Options, launch: Launch, database: Database, testbed: Testbed) -> None:
    """All that was asked for, recorded to the end of the level."""
    obstacle = None if launch.may_crash else "it is not a database of this run alone; use --database embedded"
    if obstacle is None and (options.faults or options.replay):
        obstacle = await find_obstacle(database)
    kills = options.kills if obstacle is None else 0
    level = Level(testbed, time.monotonic() + options.limit_s, options.schedules, kills)
    if obstacle is not None and options.faults:
        testbed.asker.journal.write(events.Skipped(fault=SERVER_KILLED, why=obstacle))
        say(f"the fault {SERVER_KILLED!r} is left out: {obstacle}")
    stopped = None
    try:
        if options.replay is not None:
            race = read_race(options.replay)
            if obstacle is not None and SERVER_KILLED in race.faults.values():
                testbed.asker.journal.write(events.Broken(what=obstacle))
                return
            await level.replay(race, options.times)
        else:
            mixed = options.mixed if not options.faults and options.contenders == 2 else 0
            pairings = choose_pairings(testbed.target, options)
            await level.explore_all(pairings, faults=options.faults, mixed=mixed, first_seed=options.seed)
    except StateNotReachedError as error:
        stopped = level.judge_obstacle(error)
    except ServiceError as error:
        stopped = str(error)
    await level.end(options.level, stopped)


def make_spec(options: Options, launch: Launch) -> LaunchSpec:
    target = load_target(options.target, os.environ)
    target = resolve_target(target, target.base_url, os.environ)
    assert target.service is not None, "a target without a service has no proxy"
    return LaunchSpec(
        replace(target, service=msgspec.structs.replace(target.service, cwd=launch.cwd)),
        parse_url(launch.database_url),
        options.history / f"{options.source}.jsonl",
        options.history.parent / "logs" / f"service-{options.source}.log",
        [*launch.arguments, *options.service_argument],
        dict(pair.split("=", 1) for pair in options.parameter),
        launch.values,
    )


def record_when_ended(testbed: Testbed) -> None:
    """Makes a level that is ended during a fault record the fault first: the answers that it affected are recorded."""
    loop = asyncio.get_running_loop()

    def end() -> None:
        testbed.record_fault()
        loop.remove_signal_handler(SIGTERM)
        raise_signal(SIGTERM)

    loop.add_signal_handler(SIGTERM, end)


async def find_obstacle(database: Database) -> str | None:
    """Why its server cannot be killed; None if it can."""
    try:
        await find_data(database)
    except DatabaseUnavailable as error:
        return str(error)
    return None


def choose_pairings(target: Target, options: Options) -> list[Pairing]:
    """The pairings on one workflow, then those on two, and those around a move that no request makes. With faults: of
    those on two workflows one of one tenant and one of two, and none around such a move.

    With faults a move is not paired with the next one: what a fault does to it, it does in the other pairings.
    """
    pairings = list_pairings(target, options.contenders)
    pairings = [each for each in pairings if not is_successive(each)] if options.faults else pairings
    pairings = pick_one_of_each(pairings) if options.scope == "kinds" else pairings
    if options.contenders > 2:
        return pairings
    apart = list_apart(target, APART[options.scope])
    if options.faults:
        by_tenants = {len({call.tenant for call in pairing.calls}): pairing for pairing in reversed(apart)}
        apart = list(by_tenants.values())
    timed = [] if options.faults else list_timed_pairings(target, TIMED_S[options.scope])
    return [*pairings, *apart, *timed]


def parse(arguments: Sequence[str] | None) -> Options:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    add = parser.add_argument
    add("--target", type=Path, required=True)
    add("--history", type=Path, required=True)
    add("--base-url", help="not used: this level starts a service of its own")
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
    return Options(**vars(parser.parse_args(arguments)))


if __name__ == "__main__":
    sys.exit(main())
