"""Runs one plan on two engines alternately, in one process: a few races on A, a few on B, then B A A B B A.

What slows the machine slows both engines. Each turn has connections of its own, because which worker of a service gets
which connection is random and must not stay the same for a whole run. The first turn of each engine is run and judged,
and not measured: caches are cold.

A turn ends when its races are run, or after `--turn-times` times what the other engine needs for as many. An engine
whose turns ended early BEHIND_MAX times in a row ends the run: more turns would show nothing new.
"""

import argparse
import os
import sys
import time
from collections.abc import Generator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from statistics import median

import msgspec

from engine.provision.child import read_launch
from engine.provision.service import resolve_target
from engine.target.target_file import load_target
from load.client.asker import Asker
from load.client.release import Release
from load.scenario_quotas import make_workload, name_source, parse_weights, take_quota
from load.script_run import RoundResult
from load.source import Source
from reports.history import events
from reports.history.journal import Journal

# The shortest and the longest limit of a turn, in seconds; the first turn of an engine has the latter.
TURN_S_MIN, TURN_S_MAX = 0.5, 15.0
BEHIND_MAX = 14
# The pace of an engine is the median of so many turns.
RECENT = 9


@dataclass(frozen=True)
class Options:
    """`races` are those of one turn. No pair of turns begins after `limit_s`. A turn ends after `turn_times` times what
    the other engine needs for as many races; without it only if it takes very long.
    """

    scenarios: str
    contenders: int
    seed: int
    turns: int
    races: int
    limit_s: float
    turn_times: float | None


class SideLaunch(msgspec.Struct, frozen=True):
    """How one engine is reached, and where its journal is written."""

    target: str
    base_url: str
    history: str
    environment: dict[str, str]


@dataclass
class Side:
    """One engine's part: its source, whose rounds are taken as its turns come, and the seconds that a turn took.

    `behind` counts the turns in a row that were ended before all of their races were run.
    """

    source: Source
    rounds: Generator[RoundResult, None, None]
    took_s: list[float] = field(default_factory=list)
    behind: int = 0
    over: bool = False

    @property
    def pace_s(self) -> float:
        """What a turn takes at present; 0 when that is not known."""
        return median(self.took_s[-RECENT:]) if self.took_s else 0.0

    def take_turn(self, number: int, races: int, limit_s: float) -> None:
        """Runs `races` races, as far as the limit allows, and writes into the journal when and how many."""
        asker = self.source.asker
        asker.release.close()
        began_ns = time.monotonic_ns()
        run = 0
        while run < races and time.monotonic_ns() < began_ns + limit_s * 1e9:
            result = next(self.rounds, None)
            if result is None:
                self.over = True
                break
            run += result.round.races
        ended_ns = time.monotonic_ns()
        asker.journal.write(events.Turn(number=number, planned=races, races=run, began_ns=began_ns, ended_ns=ended_ns))
        self.behind = 0 if run >= races else self.behind + 1
        if number:
            # A turn that ended early would have needed so long for all of its races.
            self.took_s.append((ended_ns - began_ns) / 1e9 * races / max(1, run))

    def finish(self) -> None:
        self.rounds.close()
        if self.source.ended == "stopped":
            self.source.ended = "asked to"
        self.source.finish()


def main() -> int:
    options = parse()
    launches = read_launch(list[SideLaunch])
    sides = [open_side(launch, options) for launch in launches]
    try:
        take_turns(sides, options)
    finally:
        for side in sides:
            side.finish()
    return 0


def open_side(launch: SideLaunch, options: Options) -> Side:
    environment = {**os.environ, **launch.environment}
    target = resolve_target(load_target(Path(launch.target), environment), launch.base_url, environment)
    journal = Journal(Path(launch.history) / f"{name_source(0, 0)}.jsonl")
    quota = take_quota(make_workload(target, parse_weights(options.scenarios), None), 0, 1)
    journal.write(events.Quota(races=quota.races, rounds=quota.rounds, shared_by=[]))
    asker = Asker(target, Release(target.base_url, target.timeout_s), journal)
    source = Source(asker, quota, options.seed, options.contenders)
    return Side(source, source.run())


def take_turns(sides: Sequence[Side], options: Options) -> None:
    """Pairs of turns, each in the opposite order of the pair before it, until all are run or nothing new can come."""
    end_s = time.monotonic() + options.limit_s
    for number in range(options.turns + 1):
        for mine in (0, 1) if number % 2 else (1, 0):
            sides[mine].take_turn(number, options.races, allow(sides[1 - mine], options.turn_times))
        has_ended = any(side.over or side.behind >= BEHIND_MAX for side in sides)
        if has_ended or time.monotonic() > end_s:
            return


def allow(other: Side, times: float | None) -> float:
    """How long a turn may take, by the pace of the other engine."""
    if times is None or not other.pace_s:
        return TURN_S_MAX
    return min(TURN_S_MAX, max(TURN_S_MIN, times * other.pace_s))


def parse() -> Options:
    parser = argparse.ArgumentParser(description=__doc__)
    add = parser.add_argument
    add("--scenarios", default="")
    add("--contenders", type=int, default=10)
    add("--seed", type=int, default=1)
    add("--turns", type=int, required=True)
    add("--races", type=int, required=True)
    add("--limit-s", type=float, required=True)
    add("--turn-times", type=float)
    return Options(**vars(parser.parse_args()))


if __name__ == "__main__":
    sys.exit(main())
