"""What a person sees in the terminal: how the askers get on, and in the end the verdict."""

import contextlib
import json
import sys
import time
from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from rich.console import Console, ConsoleOptions, RenderableType
from rich.progress import Progress, SpinnerColumn, TaskID, TextColumn, TimeElapsedColumn
from rich.segment import Segment
from rich.table import Table
from rich.text import Text

from onewinner.answer_counts import AnswerCounts
from onewinner.standard_streams import drop
from reports.comparison.facts import DefectRow, ViolatingSchedule
from reports.comparison.measure_tables import describe_quality
from reports.documents.page.text import reveal
from reports.documents.pairings import describe_pairings
from reports.documents.run_folder import Run
from reports.documents.strength import describe_strength, list_unproven
from reports.judge.evidence.faults import describe_faults
from reports.judge.levels.proxy_facts import describe_endings, describe_unscheduled
from reports.judge.levels.run_plan import LevelRun
from reports.judge.levels.unfinished_levels import describe_partial
from reports.judge.text.short_forms import capital, join
from reports.judge.verdict import CheckResult, Finding, Judgement, Verdict

STYLE = {Verdict.PASS: "bold green", Verdict.FAIL: "bold red", Verdict.UNKNOWN: "bold yellow"}
LIVE = "live.json"
WORDS_LINES_MAX = 40
LOG_WIDTH = 120
# In a log, a level that runs longer than this tells how far it is, and again after as long.
LOG_EVERY_S = 15.0
MISMATCH = "; a wrong answer ended it, the verdict comes at the end"


class Terminal(Console):
    """A console whose reader may leave early, as `head` does: the verdict, and so the exit code, is none of its."""

    def render(self, renderable: RenderableType, options: ConsoleOptions | None = None) -> Iterator[Segment]:
        """As ever, with a visible sign for each character that would command the terminal; a service may send some."""
        for segment in super().render(renderable, options):
            yield segment if segment.control else segment._replace(text=reveal(segment.text))

    def on_broken_pipe(self) -> None:
        self.quiet = True
        drop(sys.stdout)


def open_console() -> Console:
    """The terminal as it is; a log, which has no width of its own, as wide as most viewers show without wrapping."""
    return Terminal(highlight=False, width=None if sys.stdout.isatty() else LOG_WIDTH)


class Display:
    """A line per level: on a terminal one that changes; in a log one when the level begins, one now and then, and one
    when it has ended.

    Operations are counted from the journals as they grow; a level that keeps a live tally has its races, winners,
    conflicts, unknowns and violations so far shown instead. `levels` is how many levels will begin.
    """

    def __init__(self, folder: Path, console: Console | None = None, *, levels: int = 1) -> None:
        self.answers = AnswerCounts(folder / "history")
        self.live = folder / "logs" / LIVE
        self.console = console or open_console()
        columns = (SpinnerColumn(), TextColumn("{task.description}"), TextColumn("{task.fields[told]}"))
        self.progress = Progress(*columns, TimeElapsedColumn(), console=self.console)
        self._is_shown = False
        self._levels, self._begun = levels, 0

    def close(self) -> None:
        if self._is_shown:
            self.progress.stop()

    def begin(self, level: str, sources: Sequence[str], *, live: bool = False, races: int | None = None) -> "LevelLine":
        """The line of a level that begins now, which makes so many races if `races` is told."""
        self._begun += 1
        place = f" ({self._begun} of {self._levels})" if self._levels > 1 else ""
        if not self.console.is_terminal:
            self.console.print(Text(f"{level} begins{place}", style="dim"))
        elif not self._is_shown:
            # Not before there is something to show: what keeps an engine from starting is told alone.
            self.progress.start()
            self._is_shown = True
        task, now = self.progress.add_task(f"{level:13}{place}", total=None, told=""), time.monotonic()
        return LevelLine(self, level, sources, task, live, races, began=now, shown=now)


@dataclass
class LevelLine:
    """The line of one level. `live`: it keeps a live tally, of so many `races` if that is told. `shown`: when a log was
    last told, in seconds.
    """

    display: Display
    level: str
    sources: Sequence[str]
    task: TaskID
    live: bool
    races: int | None
    began: float
    shown: float

    def show(self) -> None:
        """Shows how far the level is."""
        now = time.monotonic()
        if self.display.console.is_terminal:
            self.display.progress.update(self.task, told=self.describe())
        elif now >= self.shown + LOG_EVERY_S:
            self.shown = now
            told = f"{self.level:13} {self.describe()} after {now - self.began:,.0f} s"
            self.display.console.print(Text(told, style="dim"), soft_wrap=True)

    def end(self, seconds: float, *, met_mismatch: bool = False) -> None:
        """Shows how far it came, and how long it took. `met_mismatch`: an answer was not what the model expects."""
        told = f"{self.describe()}{MISMATCH if met_mismatch else ''}"
        self.display.progress.update(self.task, told=told)
        self.display.progress.stop_task(self.task)
        if not self.display.console.is_terminal:
            self.display.console.print(Text(f"{self.level:13} {told}, {seconds:,.0f} s"), soft_wrap=True)

    def describe(self) -> str:
        told = describe_tally(self.display.live, self.races) if self.live else ""
        return told or self.display.answers.describe(self.sources)


@contextlib.contextmanager
def show_work(what: str) -> Iterator[None]:
    """That something goes on which has no amount: on a terminal as long as it does, in a log once."""
    console = open_console()
    if console.is_terminal:
        with console.status(what):
            yield
    else:
        console.print(Text(f"{what} begins", style="dim"))
        yield


def describe_tally(live: Path, planned: int | None = None) -> str:
    """The live tally in words, of so many races if that is told; empty when there is none yet."""
    try:
        told = json.loads(live.read_bytes())
    except (OSError, ValueError):
        return ""
    # Where no request can be raced alone, as for units of a resource, there are rounds only.
    unit = "races" if told["races"] or not told["rounds"] else "rounds"
    whole = f" of {planned:,}" if planned is not None and 0 < told["races"] < planned else ""
    per_second = told[unit] / told["seconds"] if told["seconds"] else 0
    spread = f", spread p50 {told['spread_p50_ms']:.2f} ms" if told["races"] and told["spread_p50_ms"] else ""
    stale = f"{told['stale']:,} stale, " if told.get("stale") else ""
    return (
        f"{told[unit]:,}{whole} {unit} ({per_second:,.0f}/s{spread}): {told['winners']:,} requests won, "
        f"{told['conflicts']:,} conflicts, {stale}{told['unknowns']:,} unknown, {told['violations']:,} violations"
    )


def make_table(*columns: str, right: Collection[str] = ()) -> Table:
    """A table without lines; the columns that `right` names are numbers."""
    table = Table(box=None, pad_edge=False, header_style="dim")
    for name in columns:
        table.add_column(name, justify="right" if name in right else "left")
    return table


def print_text(text: str, style: str = "") -> None:
    """One or more lines, as they are."""
    open_console().print(Text(text, style=style), soft_wrap=True)


def print_verdict(run: Run) -> None:
    """The judgement, and where the report is."""
    partial = describe_partial(run.facts.levels)
    if partial and partial not in run.judgement.reason:
        print_text(capital(partial), "bold yellow")
    print_judgement(run.judgement)
    if run.facts.profile == "quick" and any("time" in level.ended for level in run.facts.levels):
        print_text("--profile full gives the levels more time", "dim")
    for line in describe_not_applicable(run.facts.levels):
        print_text(line, "dim")
    for one in run.facts.reproductions:
        smallest = f"the smallest plan that fails: {run.folder / one.plan}, in {one.failed} of {one.repeats} repeats"
        print_text(f"{smallest}: {one.kind}\nagain: {one.command}")
    for line in describe_pairings(run.facts.pairings):
        print_text(line, "dim")
    measures = run.facts.measures
    if ended := describe_endings(measures.endings):
        print_text(ended, "bold yellow")
    told = (describe_quality(measures), describe_faults(measures.faults), describe_unscheduled(measures.unscheduled))
    for line in filter(None, told):
        print_text(line, "dim")
    for line in describe_strength(run.facts) if run.judgement.verdict is Verdict.PASS else ():
        is_gap = line.startswith("never") or line in list_unproven(True, True)
        print_text(line, "yellow" if is_gap else "dim")
    print_text(f"report: {run.folder / 'index.html'}")


def describe_not_applicable(levels: Sequence[LevelRun]) -> list[str]:
    """A line for each reason: the levels and scenarios that could not be asked for it."""
    named: dict[tuple[str, str], list[str]] = {}
    for level in levels:
        for name, why in level.not_applicable.items():
            named.setdefault(("level" if name == level.level else "scenario", why), []).append(name)
    return [
        f"not applicable: the {what if len(names) == 1 else what + 's'} {join(names)}: {why}"
        for (what, why), names in named.items()
    ]


def print_schedule(found: ViolatingSchedule) -> None:
    """The statements of the smallest schedule that violates, in columns; what it did; how it is run again."""
    console = open_console()
    check, title = next(iter(found.checks.items()))
    console.print(Text.assemble("\n", (check, "bold red"), f": {title}\n"), soft_wrap=True)
    console.print(Text(found.trace), soft_wrap=True)
    if found.sentence:
        console.print(Text(f"\n{found.sentence}"), soft_wrap=True)
    console.print(Text(f"again: {found.command}", style="dim"), soft_wrap=True)


def print_matrix(run: Run) -> None:
    """The kill matrix: a line for each engine, a column for each level; then the verdict on the harness."""
    console = open_console()
    rows = run.facts.defects
    levels = list(dict.fromkeys(row.level for row in rows))
    table = make_table("engine", "check", *levels)
    for name in dict.fromkeys(row.name for row in rows):
        mine = {row.level: row for row in rows if row.name == name}
        check = next(row.check for row in mine.values()) or "none may fail"
        table.add_row(name, Text(check, style="dim"), *(describe_cell(mine[level]) for level in levels))
    console.print(table)
    verdict = run.judgement.verdict
    console.print(Text.assemble("\n", (verdict.upper(), STYLE[verdict]), f": {run.judgement.reason}"), soft_wrap=True)
    console.print(Text(f"report: {run.folder / 'index.html'}"), soft_wrap=True)


def describe_cell(row: DefectRow) -> Text:
    """What came of one engine at one level."""
    if not row.seeds:
        return Text(row.status, style="dim")
    style = {"caught": "green", "passed": "green", "unknown": "bold yellow"}.get(row.status, "bold red")
    if row.status == "passed":
        return Text(f"passed {row.seeds}", style=style)
    after = f", {row.operations_p50:,.0f} ops" if row.operations_p50 is not None else ""
    if row.races_p50 is not None:
        tail = f", p95 {row.races_p95:,.0f}" if row.seeds > 1 else ""
        after = f", {row.races_p50:,.0f} race{'s' * (row.races_p50 != 1)}{tail}"
    return Text(f"{row.status} {row.caught}/{row.seeds}{after}", style=style)


def print_judgement(judgement: Judgement) -> None:
    """The table of the checks, the first finding of each that failed, and the verdict."""
    console = open_console()
    table = make_table("check", "verdict", "judged", "", right=("judged",))
    for result in judgement.checks:
        table.add_row(
            result.check, name_verdict(result.verdict), count_judged(result), Text(reveal(result.reason), style="dim")
        )
    console.print(table)
    for result in judgement.checks:
        if result.findings and result.verdict is not Verdict.PASS:
            print_finding(console, result.findings[0], result)
    verdict = judgement.verdict
    console.print(Text.assemble("\n", (verdict.upper(), STYLE[verdict]), f": {reveal(judgement.reason)}"))


def print_finding(console: Console, finding: Finding, result: CheckResult) -> None:
    more = f" (and {result.findings_total - 1} more)" if result.findings_total > 1 else ""
    # The words begin with the title, only more fully.
    lines = [reveal(line) for line in (finding.words or finding.title).split("\n")]
    console.print(Text.assemble("\n", (result.check, STYLE[finding.verdict]), f"{more}:"))
    console.print(Text("\n".join(lines[:WORDS_LINES_MAX])), soft_wrap=True)
    if len(lines) > WORDS_LINES_MAX:
        console.print(Text(f"({len(lines) - WORDS_LINES_MAX} more lines in the report)", style="dim"))
    if finding.command:
        console.print(Text(f"again: {finding.command}", style="dim"), soft_wrap=True)


def name_verdict(verdict: Verdict | None) -> Text:
    return Text(verdict, style=STYLE[verdict]) if verdict is not None else Text("not applicable", style="dim")


def count_judged(result: CheckResult) -> str:
    return f"{result.judged:,} {result.unit}" if result.verdict is not None else ""
