"""Renders an old run's documents again, or many runs over time. Nothing is judged anew: run.json says what is so."""

from pathlib import Path

from rich.text import Text

from onewinner.baseline import find_run
from onewinner.engine_choice import read_target
from onewinner.exits import PASS, UsageError
from onewinner.help_layout import Parser
from onewinner.terminal_display import make_table, open_console, print_text
from reports.comparison.comparison_result import Trend
from reports.comparison.description import show_value
from reports.comparison.trends import describe_change, describe_trend, draw_line, find_trends, is_worse
from reports.documents.chronicle import Chronicle, read_chronicle
from reports.documents.page.trends import render_trends
from reports.documents.run_folder import Run, with_judgement, write_documents, write_whole
from reports.documents.samples import take_samples
from reports.history.history import HistoryError, read_history

EXAMPLE = """onewinner report runs/20260101T120000Z-orders
         onewinner report --history runs"""
PAGE = "trend.html"


def main(arguments: list[str]) -> int:
    runs, history, page = parse(arguments)
    return report_runs(runs) if history is None else report_history(history, page or history / PAGE)


def build_parser() -> Parser:
    parser = Parser("report", __doc__ or "", EXAMPLE)
    add = parser.add_argument
    add("runs", type=Path, nargs="*", metavar="RUN", help="run directories whose documents are to be made again")
    add("--history", type=Path, metavar="DIR", help="a folder of run directories: a trend for each measure")
    add("--out", type=Path, metavar="FILE", help=f"where the trends' page goes (default: DIR/{PAGE})")
    return parser


def parse(arguments: list[str]) -> tuple[list[Path], Path | None, Path | None]:
    """The run directories, or the folder of them whose trends are shown, and where their page goes."""
    options = build_parser().parse_args(arguments)
    if (options.history is None) == (not options.runs):
        raise UsageError("name run directories, or a folder of them with --history")
    if options.history is None and options.out is not None:
        raise UsageError("--out is for --history; a run's documents stand in its directory")
    return options.runs, options.history, options.out


def report_runs(folders: list[Path]) -> int:
    for folder in folders:
        run = show_more(find_run(folder, "RUN"))
        try:
            write_documents(run)
        except OSError as error:
            raise UsageError(f"{folder}: cannot be written: {error.strerror}") from None
        print_text(f"report: {folder / 'index.html'} ({run.judgement.verdict})")
    return PASS


def show_more(run: Run) -> Run:
    """The run, with the pictures that a run.json of an earlier version does not hold, taken from its history."""
    if run.facts.samples is not None:
        return run
    try:
        history, graph = read_history(run.folder), read_target(run.folder / "target.toml").graph
    except (HistoryError, UsageError):
        return run
    return with_judgement(run, run.judgement, samples=take_samples(history, run.judgement, graph))


def report_history(folder: Path, page: Path) -> int:
    """Prints the trends and writes their page. A folder without a single measured run is nothing to report on."""
    if not folder.is_dir():
        raise UsageError(f"--history: {folder} is no folder")
    chronicle = read_chronicle(folder)
    if not chronicle.runs:
        reasons = f": {'; '.join(chronicle.notes)}" if chronicle.notes else ""
        raise UsageError(f"--history: {folder} holds no run that measured anything{reasons}")
    trends = find_trends(chronicle.measured)
    try:
        write_whole(page, render_trends(trends, chronicle.notes).encode())
    except OSError as error:
        raise UsageError(f"{page}: cannot be written: {error.strerror}; choose another --out") from None
    print_trends(trends, chronicle)
    print_text(f"report: {page}")
    return PASS


def print_trends(trends: tuple[Trend, ...], chronicle: Chronicle) -> None:
    series = ""
    table = make_table("measure", "runs", "first", "last", "", "", right=("runs", "first", "last"))
    for trend in trends:
        if trend.series != series:
            series = trend.series
            table.add_row(Text(series, style="bold"))
        first, last = (show_value(trend.points[at].value, trend.unit) for at in (0, -1))
        line = draw_line([point.value for point in trend.points])
        table.add_row(
            trend.measure, str(len(trend.points)), first, last, line, Text(describe_trend(trend), style="dim")
        )
    open_console().print(table)
    for trend in trends:
        for change in trend.changes:
            print_text(describe_change(trend, change), "bold red" if is_worse(trend, change) else "green")
    for note in chronicle.notes:
        print_text(f"left out: {note}", "dim")
