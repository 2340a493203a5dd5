"""The pages, as HTML: values go in, a text comes out. The templates are beside those of a run's report."""

from collections.abc import Sequence
from urllib.parse import quote

from markupsafe import Markup

from onewinner.baseline import EXIT_WORDS
from onewinner.exits import find_comparison_exit
from onewinner.ui.runs import ListedRun
from reports.comparison.comparison import Comparison
from reports.comparison.description import describe_result
from reports.comparison.facts import Facts
from reports.documents.page.comparison import list_changes
from reports.documents.page.document import SCRIPT, STYLE
from reports.documents.page.templates import read_asset, render
from reports.documents.run_folder import Run

UI_STYLE = STYLE + read_asset("ui/ui.css")


def render_ui(template: str, base: str, **values: object) -> Markup:
    """A page of the ui. `base` is what every address begins with: the token."""
    known = {"base": base, "style": UI_STYLE, "script": SCRIPT, "address": address}
    return render(f"ui/{template}", **{**known, **values})


def render_bar(base: str) -> Markup:
    """The way back, above a page that is not of the ui alone."""
    return render("ui/bar", base=base)


def render_list(base: str, folder: str, runs: Sequence[ListedRun]) -> Markup:
    finished = [each.name for each in runs if each.is_finished]
    return render_ui("list", base, folder=folder, runs=runs, finished=finished)


def render_comparison(base: str, baseline: str, name: str, run: Run, comparison: Comparison) -> Markup:
    """Two runs, as `onewinner compare` compares them."""
    word = EXIT_WORDS[find_comparison_exit(comparison)]
    return render_ui(
        "compare",
        base,
        word=word,
        tone="fail" if word == "regression" else word,
        result=describe_result(comparison),
        section=list_changes(Facts(comparison=comparison), run.judgement),
        sides=(("baseline", baseline, comparison.baseline_verdict), ("run", name, comparison.run_verdict)),
    )


def render_message(base: str, title: str, sentence: str) -> Markup:
    """A page with one sentence: what was asked for cannot be shown."""
    return render_ui("message", base, title=title, told=sentence)


def address(name: str) -> str:
    """A run's name as part of an address."""
    return quote(name, errors="surrogateescape")
