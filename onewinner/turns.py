"""Two engines in turns: A B B A A B B A, as many short races for both, in one job on one machine.

Both services run all the time, each on a database of its own; only one is asked at a time. Whatever the machine does
meanwhile happens to both. Each engine's jobs make up one run directory, judged like any other; every job is a block.
"""

import argparse
import contextlib
import shlex
import sys
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path

from engine.controls import list_controls
from engine.defects import list_defects
from engine.service import REFERENCE
from load.shares import parse_weights
from onewinner import levels
from onewinner.baseline import compare_runs, find_exit, print_comparison
from onewinner.display import Display, print_judgement, say
from onewinner.exits import UNKNOWN, Interrupted, UsageError
from onewinner.inspection import inspect
from onewinner.levels import Asked, Crew, Level
from onewinner.race import refuse_when_nothing_applies
from onewinner.run import Order, gather_facts, judge_run, with_comparison
from onewinner.secrets import keep_run
from onewinner.stage import Stage, lay_ground, load, service_arguments, start_engine
from reports.blocks import GATE_TIME, measure_blocks
from reports.comparison import find_comparison
from reports.history import HistoryError
from reports.run import Run, RunError, finish_run, read_run, refuse_taken, with_judgement

SIDES = ("a", "b")
# The first job of each engine is judged, but not measured: caches are cold, and connections are few.
WARM_UP = "warm"
PROFILE = "turns"
# A job of a slow engine begins nothing new after this.
JOB_LIMIT_S = 30.0


@dataclass(frozen=True)
class Contestant:
    """One of the two: how the user spelled it, and the options that start it."""

    spelled: str
    options: argparse.Namespace


@dataclass(frozen=True)
class Corner:
    """A contestant whose service runs: what is asked of it, and its run directory."""

    order: Order
    stage: Stage
    run: Run

    def play(self, level: Level, ids: str) -> Asked:
        """`ids` is the level's share of the ids that the target lists."""
        with Display(self.run.folder) as display:
            return levels.run_level(level, self.run.folder, self.stage, display, ids=ids)


def name_contestant(text: str) -> dict[str, object]:
    """What starts an engine, as options: `reference`, `control:slow`, `defect:check-then-act` or a target file.

    Raises UsageError, which names what there is.
    """
    kind, colon, name = text.partition(":")
    known = {"control": list_controls(), "defect": list_defects()}
    usual = dict.fromkeys(("control", "defect", "isolation", "workers", "pgbouncer"))
    nothing: dict[str, object] = {"target": REFERENCE, **usual}
    if text == "reference":
        return nothing
    if not colon or kind not in known:
        return {**nothing, "target": Path(text)}
    if name not in known[kind]:
        raise UsageError(f"--ab: there is no {kind} {name!r}; there are: {', '.join(known[kind])}")
    return {**nothing, kind: name}


def take_turns(arguments: Sequence[str], options: argparse.Namespace) -> int:
    """Runs both engines in turns, judges both, and compares the second with the first. Returns the exit code."""
    began = datetime.now(UTC)
    contestants = [
        Contestant(text, argparse.Namespace(**{**vars(options), **name_contestant(text)})) for text in options.ab
    ]
    if "://" in options.database:
        raise UsageError("--database: each of the two engines needs a database of its own; leave the URL out")
    folder = options.out or Path("runs", f"{began:%Y%m%dT%H%M%SZ}-turns")
    weights = find_weights(options.scenarios)
    plan = plan_jobs(options, weights)
    for each in contestants:
        # A mistake in the second file is told before the first engine is started.
        refuse_when_nothing_applies(each.options.target, weights, options.races)
    try:
        refuse_taken(folder)
        with contextlib.ExitStack() as running:
            corners = [
                running.enter_context(set_corner(each, side, folder, plan, arguments, began))
                for each, side in zip(contestants, SIDES, strict=True)
            ]
            asked = play_jobs(corners, plan)
            for corner in corners:
                inspect(corner.stage.database_url, corner.order.options.target, corner.run.history)
    except RunError as error:
        raise UsageError(str(error)) from None
    except Interrupted:
        begun = [shlex.quote(str(folder / side)) for side in SIDES if (folder / side / "history").is_dir()]
        recorded = f". What was recorded so far: onewinner check {' '.join(begun)}" if begun else ""
        print(f"onewinner compare: interrupted; nothing was judged{recorded}", file=sys.stderr)
        raise
    try:
        first, second = (conclude_side(corner.run, each) for corner, each in zip(corners, asked, strict=True))
    except HistoryError as error:
        print(f"onewinner compare: the history cannot be judged: {error}", file=sys.stderr)
        return UNKNOWN
    finish_run(first)
    finish_run(with_comparison(second, compare_runs(first, second, options)))
    return tell(first.folder, second.folder)


def find_weights(scenarios: str) -> dict[str, int]:
    try:
        return parse_weights(scenarios)
    except ValueError as error:
        raise UsageError(f"--scenarios: {error}") from None


def plan_jobs(options: argparse.Namespace, weights: Mapping[str, int]) -> tuple[Level, ...]:
    """The jobs of one engine; the other one's are the same."""
    crew = Crew(weights, options.races, options.contenders, duration_s=JOB_LIMIT_S)
    labels = [WARM_UP, *(str(number + 1) for number in range(options.blocks))]
    return tuple(
        replace(levels.plan_race(replace(crew, label=label), options.seed), name=f"race-{label}") for label in labels
    )


@contextlib.contextmanager
def set_corner(
    contestant: Contestant, side: str, folder: Path, plan: Sequence[Level], arguments: Sequence[str], began: datetime
) -> Iterator[Corner]:
    """Starts one of the two, and begins its run."""
    options, place = contestant.options, folder / side
    name = options.defect or options.control or load(options.target, None).name
    turns = {"job": f"{began:%Y%m%dT%H%M%S.%fZ}", "side": side, "engine": contestant.spelled}
    told = {"profile": PROFILE, "turns": turns}
    # How far each of the two gets is what is compared.
    order = Order("compare", arguments, options, tuple(plan), told, accepts_partial=True)
    facts = gather_facts(order, name, began)
    with (
        lay_ground(options.target, options.database, service_arguments(options)) as ground,
        keep_run(place, options.target, facts, ground.secrets) as run,
        start_engine(ground, None, place / "logs" / "service.log") as stage,
    ):
        yield Corner(order, stage, run)


def play_jobs(corners: Sequence[Corner], plan: Sequence[Level]) -> tuple[list[Asked], list[Asked]]:
    """Every job of both, each pair in the opposite order of the pair before it."""
    asked: tuple[list[Asked], list[Asked]] = ([], [])
    for number, level in enumerate(plan):
        for side in (0, 1) if number % 2 else (1, 0):
            shown = replace(level, name=f"{level.name}-{SIDES[side]}")
            asked[side].append(corners[side].play(shown, f"{number}/{len(plan)}"))
    return asked


def conclude_side(run: Run, asked: Sequence[Asked]) -> Run:
    """Judges one engine's jobs as one run, and measures each as a block. Raises HistoryError."""
    judged, history = judge_run(run, asked)
    measured = asked[1:]
    blocks = measure_blocks(history, [each.level.sources for each in measured])
    blocks[GATE_TIME] = [each.seconds for each in measured]
    facts = {
        "levels": levels.count_levels(history.having("level"), [join_jobs(asked)]),
        "measures": {**judged.facts["measures"], "blocks": blocks},
    }
    return with_judgement(judged, judged.judgement, facts)


def join_jobs(asked: Sequence[Asked]) -> Asked:
    """The jobs as the one level that they are shares of."""
    amounts = [each.level.amount or 0 for each in asked]
    sources = tuple(source for each in asked for source in each.level.sources)
    level = replace(asked[0].level, name="race", sources=sources, amount=sum(amounts))
    return Asked(level, 0, round(sum(each.seconds for each in asked), 1))


def tell(first: Path, second: Path) -> int:
    """Prints both verdicts and the comparison, as the files say, and gives the exit code."""
    for folder in (first, second):
        run = read_run(folder)
        say(f"\n{folder.name}: {run.facts['turns']['engine']}")
        print_judgement(run.judgement)
    comparison = find_comparison(read_run(second).facts)
    assert comparison is not None
    say("")
    print_comparison(comparison)
    say(f"report: {shlex.quote(str(second / 'index.html'))}")
    return find_exit(comparison)
