"""A run: what gate and race have in common. Set the stage, run the levels, seal, judge, report; the exit code.

The exit code comes from the verdict file, never from what an asker's process ended with.
"""

import argparse
import contextlib
import shlex
import sys
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from pathlib import Path

from msgspec import structs

from engine.provision.database import name_source
from engine.provision.service import REFERENCE, read_tail
from engine.provision.watch import watch_database
from engine.target.illegal import list_illegal
from onewinner import levels
from onewinner.baseline import UnreadableError, compare_runs, find_baseline, find_exit, print_comparison
from onewinner.calibration import with_calibration
from onewinner.display import Display, print_schedule, print_verdict
from onewinner.exits import UNKNOWN, Interrupted, UsageError
from onewinner.inspection import inspect, list_sources
from onewinner.levels import Asked, Level
from onewinner.machine import describe_machine, list_versions
from onewinner.options import WORKERS_DEFAULT, name_isolation
from onewinner.orders import Replay, find_undecided, find_violated, gather_orders
from onewinner.outages import tell_outages
from onewinner.secrets import keep_secret
from onewinner.silences import SILENT_WHY, is_silent, say_left_out, without
from onewinner.stage import Ground, choose_footing, lay_ground, load, service_arguments, start_engine
from onewinner.storm import Storm, list_storm_sources, open_storm
from onewinner.supervisor import supervise
from reports.comparison.comparison import Comparison
from reports.comparison.facts import Facts, Reproduction
from reports.comparison.measures import measure
from reports.documents.run import Run, RunError, begin_run, finish_run, read_run, refuse_taken, with_judgement
from reports.documents.samples import take_samples
from reports.documents.strength import measure_strength
from reports.history import events
from reports.history.history import History, HistoryError, read_history
from reports.history.seal import seal_history
from reports.judge import plan as amounts
from reports.judge.amounts import say_partial, sum_levels
from reports.judge.judge import judge
from reports.judge.verdict import EXIT_BY_VERDICT, Judgement, Verdict, merge


@dataclass(frozen=True)
class Order:
    """A command that talks to an engine: its options, as given and as parsed, and the levels that it runs.

    `absent` has levels that cannot be run, and why. `service` are arguments of the service, None for those that the
    options ask for. One that `is_exhaustive` knows nothing as soon as it does not know of one order what became of it.
    One that `is_replay` runs the order of a race file: it fails by that order alone. One that `accepts_partial` is
    judged however little of it was run. `storm` says which faults are injected meanwhile.
    """

    command: str
    arguments: Sequence[str]
    options: argparse.Namespace
    levels: tuple[Level, ...]
    facts: Facts
    absent: Mapping[str, str] = field(default_factory=dict)
    service: Sequence[str] | None = None
    is_exhaustive: bool = False
    is_replay: bool = False
    storm: Storm | None = None
    accepts_partial: bool = False

    def list_service_arguments(self) -> list[str]:
        return service_arguments(self.options) if self.service is None else list(self.service)


def carry_out(order: Order) -> int:
    """Runs the levels and judges what was recorded. Returns the exit code."""
    options = order.options
    try:
        baseline = find_baseline(options)
    except UnreadableError as error:
        print(f"onewinner {order.command}: {error}", file=sys.stderr)
        return UNKNOWN
    began = datetime.now(UTC)
    folder = options.out or name_folder(options, began)
    facts = gather_facts(order, name_engine(options), began)
    try:
        refuse_taken(folder)
        arguments, footing = order.list_service_arguments(), choose_footing(options)
        with (
            lay_ground(options.target, options.database, arguments, footing) as ground,
            keep_run(folder, options.target, facts, ground.secrets) as run,
        ):
            with watch_database(ground.database) as watch:
                asked, ended = ask(order, run, ground)
            outage = tell_outages(run.history, watch.gaps)
            inspect(ground.url, options.target, run.history)
    except RunError as error:
        raise UsageError(str(error)) from None
    except Interrupted:
        told = "interrupted; nothing was judged"
        recorded = f". What was recorded so far: onewinner check {folder}" if (folder / "history").is_dir() else ""
        print(f"onewinner {order.command}: {told}{recorded}", file=sys.stderr)
        raise
    return conclude(order, run, asked, baseline, "; ".join(filter(None, [outage, ended])) or None)


@contextlib.contextmanager
def keep_run(folder: Path, target: Path, facts: Facts, secrets: Iterable[str]) -> Iterator[Run]:
    """Begins a run, and hides every secret in what it wrote, however the block is left. Raises RunError when taken."""
    # Before anything is searched: what lies in the folder now is not the run's.
    refuse_taken(folder)
    with keep_secret(folder, secrets):
        yield begin_run(folder, target, facts)


def ask(order: Order, run: Run, ground: Ground) -> tuple[list[Asked], str | None]:
    """Runs every level: the open ones against one service, then those that start one of their own behind the wire. None
    after one in which the service fell silent.

    Also that the service ended in the middle, in words; None when it did not.
    """
    unwired = [level for level in order.levels if level.wiring is None]
    asked: list[Asked] = []
    ended = None
    with Display(run.folder) as display:
        if unwired:
            log = run.folder / "logs" / "service.log"
            with (
                open_storm(order.storm, ground.database) as weather,
                start_engine(replace(ground, database=weather.database), order.options.port, log) as stage,
                weather.rage(run.history),
                supervise(stage, run.history, wanted=order.storm is not None),
            ):
                for turn, level in enumerate(unwired):
                    ids = f"{turn}/{len(unwired)}"
                    asked.append(levels.run_level(level, run.folder, stage, display, ids=ids))
                    if is_silent(run.history, level):
                        break
                ended = stage.say_ended()
                if ended is not None:
                    print(f"onewinner {order.command}: {ended}{read_tail(log)}", file=sys.stderr)
        # The first service is gone by now: it may poll the database, or listen where the next one will.
        wired = [level for level in order.levels if level.wiring is not None]
        for level in wired:
            if not any(is_silent(run.history, each.level) for each in asked):
                asked.append(levels.run_level(level, run.folder, ground.set_bare(), display))
    return asked, ended


def conclude(
    order: Order, run: Run, asked: Sequence[Asked], baseline: Run | None = None, ended: str | None = None
) -> int:
    """Seals, judges, compares, writes the documents, and takes the exit code from the verdict file.

    `ended` says that the service or its database ended in the middle.
    """
    ran = [each.level for each in asked]
    left_out = [level for level in order.levels if level not in ran]
    ended = "; ".join(filter(None, [ended, say_left_out(left_out)])) or None
    run = with_judgement(run, run.judgement, plan=without(run.facts.plan, left_out))
    try:
        judged, history = judge_run(run, asked, ended, is_exhaustive=order.is_exhaustive, is_replay=order.is_replay)
    except HistoryError as error:
        print(f"onewinner {order.command}: the history cannot be judged: {error}", file=sys.stderr)
        return UNKNOWN
    absent = [
        amounts.Level(level=name, unit="pairings", not_applicable={name: why})
        for name, why in {**order.absent, **dict.fromkeys((level.name for level in left_out), SILENT_WHY)}.items()
    ]
    graph = load(run.folder / "target.toml", None).graph
    pairings, schedules = gather_orders(
        judged, history, graph, order.levels, order.list_service_arguments(), name_replay(order.options)
    )
    judged = with_judgement(
        judged,
        judged.judgement,
        levels=(*judged.facts.levels, *absent),
        reproductions=list_reproductions(order, run, history),
        pairings=pairings,
        schedules=schedules,
    )
    if baseline is not None:
        judged = with_comparison(judged, compare_runs(baseline, judged, order.options))
    finish_run(judged)
    if order.options.calibrate and judged.judgement.verdict is Verdict.PASS:
        # The verdict stands by now, whatever becomes of the calibration.
        finish_run(with_calibration(judged, order.levels, order.command))
    written = read_run(run.folder)
    code = tell(written)
    if not order.is_exhaustive:
        for found in written.facts.schedules[:1]:
            print_schedule(found)
    return code


def judge_run(
    run: Run,
    asked: Sequence[Asked],
    ended: str | None = None,
    *,
    is_exhaustive: bool = False,
    is_replay: bool = False,
) -> tuple[Run, History]:
    """The run with its judgement and its measures, and the sealed history. Raises HistoryError."""
    seal_history(run.history)
    history = read_history(run.history)
    target = load(run.folder / "target.toml", None)
    graph = target.graph
    illegal = [each.key(target) for state in graph.states for each in list_illegal(target, state)]
    command = f"onewinner check {shlex.quote(str(run.folder))}"
    judgement = judge(history, graph, plan=run.facts.plan, command=command)
    lost = find_undecided(history) if is_exhaustive else None
    if is_replay and judgement.verdict is Verdict.FAIL and not find_violated(judgement, history, graph):
        elsewhere = "no schedule of the replay violates, and something outside of them failed"
        judgement = replace(judgement, verdict=Verdict.UNKNOWN, reason=f"{elsewhere}: {judgement.reason}")
    troubles = [*filter(None, [ended, lost]), *find_troubles(run, asked, judgement)]
    judgement = doubt(judgement, troubles, say_partial(sum_levels(history.having(events.Level))))
    judged = with_judgement(
        run,
        judgement,
        finished_at=f"{datetime.now(UTC):%Y-%m-%dT%H:%M:%SZ}",
        strength=measure_strength(history, graph, illegal),
        levels=levels.count_levels(history.having(events.Level), asked),
        measures=measure(history),
        samples=take_samples(history, judgement, graph),
    )
    return judged, history


def with_comparison(run: Run, comparison: Comparison) -> Run:
    return with_judgement(run, run.judgement, comparison=comparison)


def tell(written: Run) -> int:
    """Prints what the verdict file says, and gives the exit code that follows from it."""
    print_verdict(written)
    code = EXIT_BY_VERDICT[written.judgement.verdict]
    comparison = written.facts.comparison
    if comparison is None:
        return code
    print_comparison(comparison)
    return code or find_exit(comparison)


def list_reproductions(order: Order, run: Run, history: History) -> tuple[Reproduction, ...]:
    """Every failing plan, as small as it went: how often it failed, and the command that shows it again."""
    return tuple(
        Reproduction(
            name=event.name,
            branches=tuple(event.branches),
            failed=event.failed,
            repeats=event.repeats,
            kind=event.kind,
            plan=event.plan,
            command=shlex.join(
                ["onewinner", "gate", "--plan", str(run.folder / event.plan), *list_engine_options(order.options)]
            ),
        )
        for event in history.having(events.Reproduced)
    )


def name_replay(options: argparse.Namespace) -> Replay:
    """What a race file does not hold of the engine that it was found in: where it runs, and on how many processes."""
    named = ["--target", str(options.target)] if options.target != REFERENCE else []
    named += ["--database", hide_password(options.database)] if options.database != "embedded" else []
    named += ["--workers", str(options.workers)] if options.workers is not None else []
    told = options.isolation if options.target != REFERENCE and options.isolation else None
    return Replay(tuple(named), {} if told is None else {"default_transaction_isolation": told.replace("-", " ")})


def list_engine_options(options: argparse.Namespace) -> list[str]:
    """The options that say which engine it was."""
    names = ("isolation", "workers", "pgbouncer", "defect", "control")
    given = {f"--{name}": getattr(options, name) for name in names}
    if options.database != "embedded":
        given["--database"] = hide_password(options.database)
    target = ["--target", str(options.target)] if options.target != REFERENCE else []
    return [*target, *(part for option, value in given.items() if value is not None for part in (option, str(value)))]


def find_troubles(run: Run, asked: Sequence[Asked], judgement: Judgement) -> list[str]:
    """What is wrong with the askers, or between them and the judge; one sentence each."""
    troubles = []
    for each in asked:
        log = run.folder / "logs" / f"{each.level.name}.log"
        if each.is_broken:
            ended = f"ended with status {each.code}" if each.code is not None else "took too long and was ended"
            troubles.append(f"the asker of the level {each.level.name} {ended}; see {log}")
        elif each.met_mismatch and judgement.verdict is not Verdict.FAIL:
            troubles.append(f"the level {each.level.name} met a mismatch that no check explains; see {log}")
    return troubles


def doubt(judgement: Judgement, troubles: Sequence[str], partial: str = "") -> Judgement:
    """The judgement, unknown at best when there were troubles. `partial`: what share was run, if not all."""
    if not troubles:
        return judgement
    verdict = merge([judgement.verdict, Verdict.UNKNOWN])
    reasons = [judgement.reason] if judgement.verdict is not Verdict.PASS else list(filter(None, [partial]))
    return Judgement(verdict, "; ".join([*reasons, *troubles]), judgement.checks, judgement.counts)


def name_engine(options: argparse.Namespace) -> str:
    """The defect, the control, or the target by its name."""
    return options.defect or options.control or load(options.target, None).name


def name_folder(options: argparse.Namespace, began: datetime | None = None) -> Path:
    """The run directory of a run that was given none."""
    return Path("runs", f"{began or datetime.now(UTC):%Y%m%dT%H%M%SZ}-{name_engine(options)}")


def gather_facts(order: Order, name: str, began: datetime) -> Facts:
    """Everything that run.json tells beside the judgement. Neither tokens nor passwords are among it."""
    options, arguments = order.options, order.arguments
    seeded = any(argument.startswith("--seed") for argument in arguments)
    seed = [] if seeded else ["--seed", str(options.seed)]
    target = load(options.target, None)
    plan = levels.plan_sources(target, order.levels, [*list_sources(options.target), *list_storm_sources(order.storm)])
    return structs.replace(
        order.facts,
        name=name,
        command=shlex.join(["onewinner", order.command, *strip(arguments), *seed]),
        target=target.name,
        seed=options.seed,
        database=name_source(options.database),
        isolation=name_isolation(options),
        workers=options.workers or (WORKERS_DEFAULT if options.target == REFERENCE else None),
        pgbouncer=options.pgbouncer is not None,
        defect=options.defect,
        control=options.control,
        started_at=f"{began:%Y-%m-%dT%H:%M:%SZ}",
        versions=list_versions(),
        machine=describe_machine(),
        plan=structs.replace(plan, accept_partial=order.accepts_partial),
        fault_injector=order.storm.pack() if order.storm is not None else None,
    )


def strip(arguments: Sequence[str]) -> list[str]:
    """The arguments as they may be shown: without --out, which is taken now, and without a database's password."""
    shown: list[str] = []
    skipping = False
    for argument in arguments:
        if skipping:
            skipping = False
        elif argument == "--out":
            skipping = True
        elif not argument.startswith("--out="):
            shown.append(hide_password(argument))
    return shown


def hide_password(argument: str) -> str:
    scheme, separator, rest = argument.partition("://")
    who, at, where = rest.rpartition("@")
    if not separator or not at or ":" not in who:
        return argument
    return f"{scheme}://{who.partition(':')[0]}:...@{where}"
