"""Two engines in turns: A B B A A B B A, as many races in a turn for both, in one job on one machine.

Both services run all the time, each on a database of its own; only one is asked at a time. Whatever the machine does
meanwhile happens to both. Each engine's turns make up one run directory, judged like any other; every turn is a block.
"""

import argparse
import contextlib
import json
import os
import shlex
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from engine.provision.processes import run_process
from engine.provision.service import REFERENCE
from engine.reference.controls import list_controls
from engine.reference.defects import list_defects
from load.quotas import name_source, parse_weights
from onewinner import ROOMS
from onewinner.baseline import compare_runs, find_exit, print_comparison
from onewinner.commands.race import refuse_when_nothing_applies
from onewinner.display import Display, print_judgement, say
from onewinner.exits import UNKNOWN, Interrupted, UsageError
from onewinner.inspection import inspect
from onewinner.levels import Asked, Crew, Level
from onewinner.run import Order, gather_facts, judge_run, keep_run, with_comparison
from onewinner.stage import Stage, lay_ground, load, service_arguments, start_engine
from reports.comparison.facts import Facts, Side, Turns
from reports.documents.run import Run, RunError, finish_run, read_run, refuse_taken
from reports.history.history import HistoryError

SIDES: tuple[Side, Side] = ("a", "b")
PROFILE = "turns"
SIDES_VARIABLE = "ONEWINNER_SIDES"
# What is begun when the time is up ends within this, or is ended.
GRACE_S = 90.0
POLL_S = 0.1


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

    def describe(self) -> dict[str, object]:
        """What the process that plays the turns must know of it; the environment as far as it is not its own."""
        differing = {name: value for name, value in self.stage.environment.items() if os.environ.get(name) != value}
        folder = self.run.folder.absolute()
        return {
            "target": str(folder / "target.toml"),
            "base_url": self.stage.target.base_url,
            "history": str(folder / "history"),
            "environment": differing,
        }


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
    level = plan_turns(options, weights)
    for each in contestants:
        # A mistake in the second file is told before the first engine is started.
        refuse_when_nothing_applies(each.options.target, weights, options.races)
    try:
        refuse_taken(folder)
        with contextlib.ExitStack() as running:
            corners = [
                running.enter_context(set_corner(each, side, folder, level, arguments, began))
                for each, side in zip(contestants, SIDES, strict=True)
            ]
            asked = play(corners, level)
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
        first, second = (conclude_side(corner.run, asked) for corner in corners)
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


def plan_turns(options: argparse.Namespace, weights: Mapping[str, int]) -> Level:
    """All turns of one engine as a level; the other one's is the same. How many there are is not the judge's concern:
    as many as the time allows.
    """
    given = {
        "scenarios": ",".join(f"{name}={weight}" for name, weight in weights.items()),
        "contenders": options.contenders,
        "seed": options.seed,
        "turns": options.blocks,
        "races": options.races,
        "limit-s": options.seconds,
    }
    words = [word for name, value in given.items() for word in (f"--{name}", str(value))]
    command = (sys.executable, "-m", "load.ab_sides", *words)
    crew = Crew(weights, None, options.contenders)
    return Level("race", (name_source(0, 0),), command, float(options.seconds), None, crew=crew)


@contextlib.contextmanager
def set_corner(
    contestant: Contestant, side: Side, folder: Path, level: Level, arguments: Sequence[str], began: datetime
) -> Iterator[Corner]:
    """Starts one of the two, and begins its run."""
    options, place = contestant.options, folder / side
    name = options.defect or options.control or load(options.target, None).name
    job = f"{began:%Y%m%dT%H%M%S.%fZ}"
    turns = Turns(job, side, contestant.spelled, options.blocks, options.races, options.contenders)
    told = Facts(profile=PROFILE, turns=turns)
    # How far each of the two gets is what is compared.
    order = Order("compare", arguments, options, (level,), told, accepts_partial=True)
    facts = gather_facts(order, name, began)
    with (
        lay_ground(options.target, options.database, service_arguments(options)) as ground,
        keep_run(place, options.target, facts, ground.secrets) as run,
        start_engine(ground, None, place / "logs" / "service.log") as stage,
    ):
        yield Corner(order, stage, run)


def play(corners: Sequence[Corner], level: Level) -> Asked:
    """Both engines in turns, in one process, to the end of the plan or of the time."""
    told = json.dumps([corner.describe() for corner in corners])
    path = os.pathsep.join([str(ROOMS), *filter(None, [os.environ.get("PYTHONPATH")])])
    environment = {**os.environ, "PYTHONPATH": path, SIDES_VARIABLE: told}
    folder = corners[0].run.folder.absolute()
    log = folder / "logs" / "race.log"
    log.parent.mkdir(exist_ok=True)
    began = time.monotonic()
    with (
        Display(folder) as display,
        log.open("ab") as output,
        run_process(level.command, output=output, environment=environment, cwd=folder) as process,
    ):
        code: int | None = None
        while code is None and time.monotonic() < began + (level.limit_s or 0) + GRACE_S:
            display.show("turns of a", level.sources)
            with contextlib.suppress(subprocess.TimeoutExpired):
                code = process.wait(POLL_S)
    return Asked(level, code, round(time.monotonic() - began, 2))


def conclude_side(run: Run, asked: Asked) -> Run:
    """Judges one engine's turns as one run, and measures each as a block. Raises HistoryError."""
    judged, _ = judge_run(run, [asked])
    return judged


def tell(first: Path, second: Path) -> int:
    """Prints both verdicts and the comparison, as the files say, and gives the exit code."""
    for folder in (first, second):
        run = read_run(folder)
        say(f"\n{folder.name}: {run.facts.turns.engine if run.facts.turns else run.facts.name}")
        print_judgement(run.judgement)
    comparison = read_run(second).facts.comparison
    assert comparison is not None
    say("")
    print_comparison(comparison)
    say(f"report: {shlex.quote(str(second / 'index.html'))}")
    return find_exit(comparison)
