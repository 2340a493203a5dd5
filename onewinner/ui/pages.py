"""The pages, as HTML: values go in, a text comes out. The templates are beside those of a run's report."""

from collections.abc import Sequence
from urllib.parse import quote

from markupsafe import Markup

from onewinner.baseline import EXIT_WORDS
from onewinner.exits import find_comparison_exit
from onewinner.profiles import LEVEL_MEANINGS, PROFILES
from onewinner.ui.gate_page import render_parts
from onewinner.ui.gate_process import Gate
from onewinner.ui.runs import ListedRun
from onewinner.ui.targets import Engine
from reports.comparison.comparison_result import Comparison
from reports.comparison.description import describe_result
from reports.comparison.facts import Facts
from reports.documents.page.comparison import list_changes
from reports.documents.page.document import SCRIPT, STYLE
from reports.documents.page.templates import read_asset, render
from reports.documents.run_folder import Run

LIVE_SCRIPT = read_asset("ui/live.js")
UI_STYLE = STYLE + read_asset("ui/ui.css")


def render_ui(template: str, base: str, **values: object) -> Markup:
    """A page of the ui. `base` is what every address begins with: the token."""
    known = {"base": base, "style": UI_STYLE, "script": SCRIPT, "address": address}
    return render(f"ui/{template}", **{**known, **values})


def render_list(
    base: str, folder: str, runs: Sequence[ListedRun], engines: Sequence[Engine], running: str | None
) -> Markup:
    """All runs, a form that compares two, and one that starts a gate. `running` is the run of the gate, if one runs."""
    finished = [each.name for each in runs if each.is_finished]
    groups = {each.group: [one for one in engines if one.group == each.group] for each in engines}
    choices = {"groups": groups, "profiles": PROFILES, "levels": LEVEL_MEANINGS}
    return render_ui("list", base, folder=folder, runs=runs, finished=finished, running=running, **choices)


def render_gate(base: str, gate: Gate) -> Markup:
    """The page of a gate, as it is now; its script brings what changes."""
    parts = render_parts(base, gate)
    return render_ui("gate", base, gate=gate, parts=parts, script=SCRIPT + LIVE_SCRIPT)


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


def address(name: str) -> str:
    """A run's name as part of an address."""
    return quote(name, errors="surrogateescape")
