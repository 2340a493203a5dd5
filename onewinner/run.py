"""A run: deploys the engine, runs the levels, seals, judges, reports; the exit code.

The exit code comes from the verdict file, never from the exit code of an asker's process.
"""

import contextlib
import shlex
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

from msgspec import structs

from engine.provision.database_watch import watch_database
from engine.provision.service import REFERENCE
from engine.target.credentials import find_written
from engine.target.illegal import list_illegal
from engine.target.plain_file import read_plain
from engine.target.run_copy import remember, take_out
from engine.target.target_file import load_target
from onewinner.baseline import compare_runs, find_baseline, print_comparison
from onewinner.calibration import with_calibration
from onewinner.deployment import deploy
from onewinner.exits import UNKNOWN, FailedError, UsageError, find_exit
from onewinner.hidden_output import hide_learned
from onewinner.level_runs import LevelResult, count_levels, run_levels
from onewinner.race_files import find_strayed, find_undecided, find_violated, gather_schedules
from onewinner.run_request import RunRequest, gather_facts
from onewinner.schema_inspection import inspect
from onewinner.signals import find_interruption
from onewinner.silent_service import SILENT_WHY, describe_left_out, without
from onewinner.standard_streams import say
from onewinner.terminal_display import print_schedule, print_text, print_verdict, show_work
from onewinner.unplanned_outages import record_outages
from reports.comparison.comparison_result import Comparison
from reports.comparison.facts import Facts, Relative, Reproduction
from reports.comparison.measure_tables import measure
from reports.documents.run_folder import (
    Run,
    RunError,
    begin_run,
    finish_run,
    note_interruption,
    read_run,
    refuse_taken,
    with_judgement,
)
from reports.documents.samples import take_samples
from reports.documents.strength import measure_strength
from reports.history import events
from reports.history.file_selection import holds_operations
from reports.history.history import History, HistoryError, read_history
from reports.history.seal import seal_history
from reports.judge.judge import judge
from reports.judge.levels.run_plan import LevelRun
from reports.judge.levels.unfinished_levels import describe_partial, sum_levels
from reports.judge.verdict import Judgement, Verdict, merge

# Measures the service in turns with the reference engine for so many seconds; also the run of the service.
Measuring = Callable[[RunRequest, int], tuple[Relative, Run]]


def carry_out(request: RunRequest, measuring: Measuring | None = None) -> int:
    """Runs the levels and judges what was recorded. Returns the exit code."""
    with told_when_interrupted(request.options.folder):
        try:
            baseline = find_baseline(request.options.comparison)
            run, results, ended = record(request)
        except RunError as error:
            raise UsageError(str(error)) from None
        return conclude(request, run, results, baseline, ended, measuring)


@contextlib.contextmanager
def keep_run(folder: Path, target: Path, facts: Facts) -> Iterator[Run]:
    """Begins a run, without the credentials that stand in its target file. Raises RunError when taken.

    At its end, however the block is left, hides what logins gave in its logs.
    """
    text, taken = take_out(read_plain(target), find_written(target, load_target(target, None)))
    run = begin_run(folder, target, facts, text=text)
    with remember(run.folder / "target.toml", taken):
        try:
            yield run
        except BaseException as error:
            interruption = find_interruption(error)
            if interruption is not None:
                note_interruption(run, str(interruption))
            raise
        finally:
            hide_learned(folder)


@contextlib.contextmanager
def told_when_interrupted(*folders: Path) -> Iterator[None]:
    """Adds to an interruption of the block how to judge what the runs in these folders recorded until then."""
    try:
        yield
    except BaseException as error:
        interruption = find_interruption(error)
        if interruption is None:
            raise
        interruption.recorded = name_recorded(*folders)
        raise interruption from interruption.__cause__


def name_recorded(*folders: Path) -> str:
    """How to judge what runs recorded before they were interrupted, as the end of a sentence; empty if nothing."""
    recorded = [shlex.quote(str(folder)) for folder in folders if holds_operations(folder)]
    return f". What was recorded so far: onewinner check {' '.join(recorded)}" if recorded else ""


def record(request: RunRequest) -> tuple[Run, list[LevelResult], str | None]:
    """The run, what its levels came to, and that the service or its database ended in the middle, in words."""
    folder, engine = request.options.folder, request.engine
    refuse_taken(folder)
    with (
        deploy(engine) as deployment,
        keep_run(folder, engine.file, gather_facts(request)) as run,
    ):
        deployment.sinks.record(run.history)
        with watch_database(deployment.database) as gaps:
            results, ended = run_levels(request, run, deployment)
        outage = record_outages(run.history, gaps)
        inspect(deployment.database_url, engine, run.history)
    return run, results, "; ".join(filter(None, [outage, ended])) or None


def conclude(
    request: RunRequest,
    run: Run,
    results: Sequence[LevelResult],
    baseline: Run | None = None,
    ended: str | None = None,
    measuring: Measuring | None = None,
) -> int:
    """Seals, judges, measures, compares, writes the documents, and takes the exit code from the verdict file.

    `ended` says that the service or its database ended in the middle.
    """
    ran = [each.level for each in results]
    left_out = [level for level in request.levels if level not in ran]
    ended = "; ".join(filter(None, [ended, describe_left_out(left_out)])) or None
    run = with_judgement(run, run.judgement, plan=without(run.facts.plan, left_out))
    try:
        with show_work("judging"):
            judged, history = judge_run(run, request, results, ended)
    except HistoryError as error:
        say(f"onewinner {request.options.command}: the history cannot be judged: {error}")
        return UNKNOWN
    absent = [
        LevelRun(level=name, unit="pairings", not_applicable={name: why})
        for name, why in {**request.absent, **dict.fromkeys((level.name for level in left_out), SILENT_WHY)}.items()
    ]
    pairings, schedules = gather_schedules(judged, history, request)
    judged = with_judgement(
        judged,
        judged.judgement,
        levels=(*judged.facts.levels, *absent),
        reproductions=list_reproductions(request, run, history),
        pairings=pairings,
        schedules=schedules,
    )
    if measuring is not None:
        judged = with_turns(judged, request, measuring, baseline)
    if baseline is not None:
        judged = with_comparison(judged, compare_runs(baseline, judged, request.options.comparison))
    finish_run(judged)
    if request.options.calibrates and judged.judgement.verdict is Verdict.PASS:
        # The verdict is written by now; a calibration that fails cannot take it away.
        finish_run(with_calibration(judged, request.levels, request.options.command))
    code = report_result(read_run(run.folder), shows_schedule=not request.is_exhaustive)
    if request.engine.file == REFERENCE and request.engine.variant is None:
        print_text("asked: the reference engine of onewinner itself; --target FILE asks yours")
    return code


def judge_run(
    run: Run, request: RunRequest, results: Sequence[LevelResult], ended: str | None = None
) -> tuple[Run, History]:
    """The run with its judgement and its measures, and the sealed history. Raises HistoryError."""
    seal_history(run.history)
    history, target = read_history(run.history), request.engine.target
    command = f"onewinner check {shlex.quote(str(run.folder))}"
    judgement = judge(history, target.graph, plan=run.facts.plan, command=command)
    if request.is_replay and judgement.verdict is Verdict.FAIL and not find_violated(judgement, history, target.graph):
        elsewhere = "no schedule of the replay violates, and something outside of them failed"
        judgement = replace(judgement, verdict=Verdict.UNKNOWN, reason=f"{elsewhere}: {judgement.reason}")
    lost = find_undecided(history) if request.is_exhaustive else None
    strayed = find_strayed(history) if request.is_replay else None
    troubles = [*filter(None, [ended, lost, strayed]), *find_troubles(run, results, judgement)]
    judgement = doubt(judgement, troubles, describe_partial(sum_levels(history.having(events.Level))))
    illegal = [each.key(target) for state in target.graph.states for each in list_illegal(target, state)]
    judged = with_judgement(
        run,
        judgement,
        finished_at=f"{datetime.now(UTC):%Y-%m-%dT%H:%M:%SZ}",
        strength=measure_strength(history, target.graph, illegal) if target.has_workflow else None,
        levels=count_levels(history.having(events.Level), results),
        measures=measure(history),
        samples=take_samples(history, judgement, target.graph),
    )
    return judged, history


def with_turns(run: Run, request: RunRequest, measuring: Measuring, baseline: Run | None) -> Run:
    """The run with what is measured in turns, if it passed and that was asked for: for as long as the options say, else
    as long as its baseline was.
    """
    theirs = baseline.facts.measures.relative if baseline is not None else None
    seconds = request.options.measure_s or (theirs.seconds if theirs is not None else 0)
    if not seconds or run.judgement.verdict is not Verdict.PASS:
        return run
    # The verdict is written by now; a measure that fails cannot take it away.
    finish_run(run)
    return with_relative(run, request, measuring, seconds)


def with_relative(run: Run, request: RunRequest, measuring: Measuring, seconds: int) -> Run:
    """The run with what was measured in turns. A check that fails there fails; where nothing is known of the turns,
    nothing was measured.
    """
    measures = run.facts.measures
    try:
        relative, measured = measuring(request, seconds)
        if measured.judgement.verdict is Verdict.UNKNOWN:
            raise ValueError(f"unknown: {measured.judgement.reason}; see {measured.folder}")
    except (UsageError, FailedError, RunError, HistoryError, ValueError) as error:
        say(f"onewinner {request.options.command}: --measure: {error}")
        errors = {**measures.errors, "relative": str(error)}
        return with_judgement(run, run.judgement, measures=structs.replace(measures, errors=errors))
    return with_judgement(run, join(run.judgement, measured), measures=structs.replace(measures, relative=relative))


def join(judgement: Judgement, measured: Run) -> Judgement:
    """A judgement that passed, and that of the races in turns: a check that fails there fails."""
    if measured.judgement.verdict is not Verdict.FAIL:
        return judgement
    failed = {each.check: each for each in measured.judgement.checks if each.verdict is Verdict.FAIL}
    checks = tuple(failed.get(each.check, each) for each in judgement.checks)
    reason = f"in turns with the reference engine: {measured.judgement.reason}; see {measured.folder}"
    return Judgement(Verdict.FAIL, reason, checks, judgement.counts)


def with_comparison(run: Run, comparison: Comparison) -> Run:
    return with_judgement(run, run.judgement, comparison=comparison)


def report_result(written: Run, *, shows_schedule: bool) -> int:
    """Prints what the verdict file says, and gives the exit code that follows from it."""
    print_verdict(written)
    comparison = written.facts.comparison
    if comparison is not None:
        print_comparison(comparison)
    for found in written.facts.schedules[:1] if shows_schedule else ():
        print_schedule(found)
    return find_exit(written.judgement.verdict, comparison)


def list_reproductions(request: RunRequest, run: Run, history: History) -> tuple[Reproduction, ...]:
    """Every failing plan, as small as it went: how often it failed, and the command that shows it again."""
    return tuple(
        Reproduction(
            name=event.name,
            branches=tuple(event.branches),
            failed=event.failed,
            repeats=event.repeats,
            kind=event.kind,
            plan=event.plan,
            command=shlex.join(["onewinner", "gate", "--plan", str(run.folder / event.plan), *request.engine.options]),
        )
        for event in history.having(events.Reproduced)
    )


def find_troubles(run: Run, results: Sequence[LevelResult], judgement: Judgement) -> list[str]:
    """What is wrong with the askers, or between them and the judge; one sentence each."""
    troubles = []
    for each in results:
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
