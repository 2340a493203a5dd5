"""Comparing a run with a baseline, for every command that does: the options, the runs, the words, the exit code."""

import contextlib
from dataclasses import replace
from pathlib import Path

from msgspec import structs
from rich.text import Text

from onewinner.exits import FAIL, PASS, REGRESSION, UNKNOWN, FailedError, UsageError, find_comparison_exit
from onewinner.options import ComparisonOptions
from onewinner.terminal_display import STYLE, make_table, open_console, print_text
from reports.comparison.acknowledged import AcknowledgedError, read_acknowledged
from reports.comparison.blocks import measure_blocks, measure_plan, measure_strata
from reports.comparison.comparison import Side, Terms, compare
from reports.comparison.comparison_result import Change, Comparison, Design, MeasureChange
from reports.comparison.description import (
    DESIGN_WORDS,
    describe_checks,
    describe_measure,
    describe_method,
    describe_result,
    describe_test,
    order_measures,
    show_ratio,
    show_value,
)
from reports.comparison.facts import Facts
from reports.comparison.regression import RULES
from reports.documents.run_folder import Run, RunError, read_run
from reports.history.history import HistoryError, read_history
from reports.judge.verdict import Verdict

# What a comparison comes to, by its exit code.
EXIT_WORDS = {PASS: "pass", FAIL: "fail", UNKNOWN: "unknown", REGRESSION: "regression"}
CHANGE_STYLE = {Change.REGRESSED: "bold red", Change.IMPROVED: "green", Change.SAME: "", Change.INCONCLUSIVE: "dim"}


def read_terms(options: ComparisonOptions, design: Design = Design.SESSIONS) -> Terms:
    """How to compare, by the options. Raises UsageError for a file of acknowledgements that cannot be used."""
    rules = RULES[design]
    if options.threshold is not None:
        rules = replace(rules, threshold=options.threshold)
    if options.drift is not None:
        rules = replace(rules, allowance=options.drift)
    try:
        known = read_acknowledged(options.acknowledged) if options.acknowledged is not None else ()
    except AcknowledgedError as error:
        raise UsageError(f"--acknowledged: {error}") from None
    return Terms(design, rules, known)


def find_run(folder: Path, what: str) -> Run:
    """The run of a folder. Raises UsageError when there is none, FailedError when it cannot be read."""
    if not (folder / "run.json").is_file():
        raise UsageError(f"{what}: {folder} is no run directory: it has no run.json")
    try:
        return read_run(folder)
    except RunError as error:
        raise FailedError(f"{what}: {error}") from None


def find_baseline(options: ComparisonOptions) -> Run | None:
    """The run that --baseline names, before anything is started. Raises UsageError and FailedError."""
    if options.baseline is None:
        for name in ("acknowledged", "threshold", "drift"):
            if getattr(options, name) is not None:
                raise UsageError(f"--{name} is for a comparison; add --baseline RUN")
        return None
    read_terms(options)
    return find_run(options.baseline, "--baseline")


def read_side(run: Run) -> Side:
    """The run as a side. An older run, which has no blocks in its run.json, is measured from its history."""
    facts = run.facts
    if facts.measures.strata is None and "strata" not in facts.measures.errors:
        with contextlib.suppress(HistoryError):
            history = read_history(run.folder)
            blocks, strata, plan = measure_blocks(history), measure_strata(history), measure_plan(history)
            facts = structs.replace(
                facts, measures=structs.replace(facts.measures, blocks=blocks, strata=strata, plan=plan)
            )
    return Side(str(run.folder), facts, run.judgement)


def compare_runs(baseline: Run, run: Run, options: ComparisonOptions) -> Comparison:
    """Both runs of one job that was run in turns are compared as such; so are two that --measure measured."""
    return compare(read_side(baseline), read_side(run), read_terms(options, find_design(baseline.facts, run.facts)))


def find_design(baseline: Facts, run: Facts) -> Design:
    if baseline.turns and run.turns and baseline.turns.job == run.turns.job:
        return Design.INTERLEAVED
    return Design.RELATIVE if baseline.measures.relative and run.measures.relative else Design.SESSIONS


def print_comparison(comparison: Comparison) -> None:
    """Checks first, then measures, then the sentence that decides."""
    print_text(f"baseline: {comparison.baseline} ({comparison.baseline_verdict})")
    print_text(f"run:      {comparison.run} ({comparison.run_verdict})")
    for words in describe_checks(comparison):
        print_text(words, "bold red" if "failing" in words else "")
    for note in comparison.notes:
        print_text(f"note: {note}")
    print_measures(comparison)
    code = find_comparison_exit(comparison)
    label = EXIT_WORDS[code].upper()
    style = STYLE[{PASS: Verdict.PASS, UNKNOWN: Verdict.UNKNOWN}.get(code, Verdict.FAIL)]
    open_console().print(Text.assemble("\n", (label, style), f": {describe_result(comparison)}"), soft_wrap=True)


def print_measures(comparison: Comparison) -> None:
    if not comparison.measures:
        return
    table = make_table("measure", "baseline", "run", "change", "verdict", "", right=("baseline", "run", "change"))
    ordered = order_measures(comparison.measures)
    for change in ordered:
        values = (show_value(value, change.unit) for value in (change.baseline, change.run))
        told = Text(describe_measure(change), style="dim")
        table.add_row(change.measure, *values, show_ratio(change), name_change(change), told)
    open_console().print("", table)
    for change in ordered:
        if change.test is not None and change.primary and change.verdict in (Change.REGRESSED, Change.IMPROVED):
            print_text(f"{change.measure}: {describe_test(change.test)}")
    print_text(f"Measured {DESIGN_WORDS[comparison.design]}. {describe_method(comparison)}".strip(), "dim")


def name_change(change: MeasureChange) -> Text:
    known = " (acknowledged)" if change.acknowledged is not None else ""
    return Text(f"{change.verdict}{known}", style="" if known else CHANGE_STYLE[change.verdict])
