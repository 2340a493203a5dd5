"""Two engines in turns: A B B A A B B A, as many races in a turn for both, in one job on one machine.

Both services run all the time, each on a database of its own; only one is asked at a time. What slows the machine
slows both. Each engine's turns make up one run directory, judged like any other; every turn is a block.
"""

import contextlib
import os
import shlex
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path

from engine.provision.child import name_module, prepare
from engine.provision.service import REFERENCE
from engine.reference.controls import list_controls
from engine.reference.defects import list_defects
from load.scenario_quotas import name_source
from onewinner.baseline import compare_runs, print_comparison
from onewinner.commands.race import refuse_when_nothing_applies
from onewinner.deployment import EngineAccess, deploy, start_engine
from onewinner.engine_choice import EngineChoice, choose_variant, read_target
from onewinner.exits import UNKNOWN, UsageError, find_comparison_exit
from onewinner.level_plans import Level, RaceLoad
from onewinner.level_runs import LevelResult, run_asker
from onewinner.options import RunOptions
from onewinner.run import judge_run, keep_run, told_when_interrupted, with_comparison
from onewinner.run_request import RunRequest, gather_facts
from onewinner.schema_inspection import inspect
from onewinner.standard_streams import say
from onewinner.terminal_display import Display, print_judgement, print_text
from reports.comparison.facts import Facts, Side, Turns
from reports.documents.run_folder import Run, RunError, finish_run, read_run, refuse_taken
from reports.history.history import HistoryError

SIDES: tuple[Side, Side] = ("a", "b")
PROFILE = "turns"
# A turn that has begun when the time is up ends within this, or is ended.
GRACE_S = 90.0
TURN_TIMES = 4.0


@dataclass(frozen=True)
class TurnsOptions:
    """What `compare --ab A B` is asked for. `engines` are spelled as on the command line. A turn ends after
    `turn_times` times what the other engine needs; None if the two are not held against each other.
    """

    run: RunOptions
    engines: tuple[str, str]
    database: str
    weights: Mapping[str, int]
    blocks: int
    races: int
    seconds: int
    contenders: int
    turn_times: float | None = TURN_TIMES


@dataclass(frozen=True)
class RunningSide:
    """One of the two engines, which runs, and its run directory."""

    request: RunRequest
    access: EngineAccess
    run: Run

    def describe(self) -> dict[str, object]:
        """What the process that runs the turns must know of it; the environment as far as it is not its own."""
        differing = {name: value for name, value in self.access.environment.items() if os.environ.get(name) != value}
        folder = self.run.folder.absolute()
        return {
            "target": str(folder / "target.toml"),
            "base_url": self.access.target.base_url,
            "history": str(folder / "history"),
            "environment": differing,
        }


def choose_engine(text: str, database: str) -> EngineChoice:
    """The engine of `reference`, `control:slow`, `defect:check-then-act` or a target file.

    Raises UsageError, which names what there is.
    """
    kind, colon, name = text.partition(":")
    known = {"control": list_controls(), "defect": list_defects()}
    if text != "reference" and (not colon or kind not in known):
        return EngineChoice(Path(text), read_target(Path(text)), database)
    reference = EngineChoice(REFERENCE, read_target(REFERENCE), database)
    if text == "reference":
        return reference
    if name not in known[kind]:
        raise UsageError(f"--ab: there is no {kind} {name!r}; there are: {', '.join(known[kind])}")
    return choose_variant(reference, name if kind == "defect" else None, name if kind == "control" else None)


def take_turns(options: TurnsOptions) -> int:
    """Runs both engines in turns, judges both, and compares the second with the first. Returns the exit code."""
    engines = [choose_engine(text, options.database) for text in options.engines]
    if "://" in options.database:
        raise UsageError("--database: each of the two engines needs a database of its own; leave the URL out")
    for engine in engines:
        # A mistake in the second file is told before the first engine is started.
        refuse_when_nothing_applies(engine.target, options.weights, options.races)
    folder = options.run.folder
    try:
        with told_when_interrupted(*(folder / side for side in SIDES)):
            sides, result = record(options, engines)
            first, second = (judge_run(side.run, side.request, [result])[0] for side in sides)
    except RunError as error:
        raise UsageError(str(error)) from None
    except HistoryError as error:
        say(f"onewinner compare: the history cannot be judged: {error}")
        return UNKNOWN
    finish_run(first)
    finish_run(with_comparison(second, compare_runs(first, second, options.run.comparison)))
    return report_result(first.folder, second.folder)


def record(options: TurnsOptions, engines: Sequence[EngineChoice]) -> tuple[list[RunningSide], LevelResult]:
    """Both sides, after their turns."""
    refuse_taken(options.run.folder)
    level, job = plan_turns(options), f"{datetime.now(UTC):%Y%m%dT%H%M%S.%fZ}"
    with contextlib.ExitStack() as running:
        sides = [
            running.enter_context(start_side(options, engine, spelled, side, level, job))
            for engine, spelled, side in zip(engines, options.engines, SIDES, strict=True)
        ]
        result = run_turns(sides, level)
        for side in sides:
            inspect(side.access.database_url, side.request.engine, side.run.history)
    return sides, result


def plan_turns(options: TurnsOptions) -> Level:
    """All turns of one engine as a level; those of the other are the same. Their number is not judged: they are as
    many as the time allows.
    """
    given = {
        "scenarios": ",".join(f"{name}={weight}" for name, weight in options.weights.items()),
        "contenders": options.contenders,
        "seed": options.run.seed,
        "turns": options.blocks,
        "races": options.races,
        "limit-s": options.seconds,
        **({} if options.turn_times is None else {"turn-times": options.turn_times}),
    }
    words = [word for name, value in given.items() for word in (f"--{name}", str(value))]
    command = tuple(name_module("load.ab_turns", *words))
    load = RaceLoad(options.weights, None, options.contenders)
    return Level("race", (name_source(0, 0),), command, float(options.seconds), None, load=load)


@contextlib.contextmanager
def start_side(
    options: TurnsOptions, engine: EngineChoice, spelled: str, side: Side, level: Level, job: str
) -> Iterator[RunningSide]:
    """Starts one of the two engines, and begins its run."""
    turns = Turns(job, side, spelled, options.blocks, options.races, options.contenders)
    # How far each of the two gets is what is compared.
    run_options = replace(options.run, folder=options.run.folder / side, accepts_partial=True)
    request = RunRequest(run_options, engine, (level,), Facts(profile=PROFILE, turns=turns))
    with (
        deploy(engine) as deployment,
        keep_run(run_options.folder, engine.file, gather_facts(request)) as run,
        start_engine(deployment, run.folder / "logs" / "service.log") as access,
    ):
        yield RunningSide(request, access, run)


def run_turns(sides: Sequence[RunningSide], level: Level) -> LevelResult:
    """Both engines in turns, in one process, to the end of the plan or of the time."""
    folder = sides[0].run.folder.absolute()
    environment = prepare(launch=[side.describe() for side in sides])
    with contextlib.closing(Display(folder)) as display:
        line = display.begin("turns of a", level.sources)
        return run_asker(level, level.command, folder, environment, GRACE_S, line)


def report_result(first: Path, second: Path) -> int:
    """Prints both verdicts and the comparison, as the files say, and gives the exit code."""
    for folder in (first, second):
        run = read_run(folder)
        print_text(f"\n{folder.name}: {run.facts.turns.engine if run.facts.turns else run.facts.name}")
        print_judgement(run.judgement)
    comparison = read_run(second).facts.comparison
    assert comparison is not None
    print_text("")
    print_comparison(comparison)
    print_text(f"report: {shlex.quote(str(second / 'index.html'))}")
    return find_comparison_exit(comparison)
