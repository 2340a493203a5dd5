"""The document: head, first screen, sections. It loads nothing, and works without its one small script."""

from collections.abc import Callable

from markupsafe import Markup

from reports.comparison.facts import Facts
from reports.documents.page.accounting import list_accounting, list_facts
from reports.documents.page.comparison import list_changes
from reports.documents.page.defects import list_defects
from reports.documents.page.findings import list_findings
from reports.documents.page.glance import render_glance
from reports.documents.page.latency import draw_latency
from reports.documents.page.pairings import list_pairings
from reports.documents.page.race_quality import draw_quality
from reports.documents.page.races import show_chosen_races, show_failed_races
from reports.documents.page.state_pairs import draw_state_pairs
from reports.documents.page.strength import list_strength
from reports.documents.page.templates import Section, read_asset, render
from reports.judge.all_checks import MEANINGS
from reports.judge.verdict import Judgement

STYLE = read_asset("style.css")
SCRIPT = read_asset("theme.js")


def list_checks(_facts: Facts, judgement: Judgement) -> Section | None:
    """Every check: its verdict, how much it judged, and what else is to be known of it."""
    if not judgement.checks:
        return None
    return Section("checks", "Checks", render("checks", checks=judgement.checks, meanings=MEANINGS))


SECTIONS: tuple[Callable[[Facts, Judgement], Section | None], ...] = (
    show_failed_races,
    list_findings,
    list_pairings,
    list_changes,
    show_chosen_races,
    list_checks,
    draw_latency,
    draw_quality,
    list_strength,
    draw_state_pairs,
    list_defects,
    list_accounting,
    list_facts,
)


def render_page(facts: Facts, judgement: Judgement, above: str = "") -> str:
    """The page of a run, from what run.json says; `above` stands before it."""
    return render(
        "page",
        facts=facts,
        judgement=judgement,
        glance=render_glance(facts, judgement),
        above=above,
        sections=list_sections(facts, judgement),
        style=STYLE,
        script=SCRIPT,
    )


def list_sections(facts: Facts, judgement: Judgement) -> list[Section]:
    """The sections that there is something for. One that cannot be made says so, and the others are there."""
    attempts = [attempt(make, facts, judgement) for make in SECTIONS]
    return [each for each in attempts if each is not None]


def attempt(make: Callable[[Facts, Judgement], Section | None], facts: Facts, judgement: Judgement) -> Section | None:
    try:
        return make(facts, judgement)
    except Exception as error:  # noqa: BLE001 - a report of which a part cannot be drawn must still tell the verdict
        name = make.__name__.partition("_")[2]
        return Section(name, name, Markup(), f"This cannot be shown: {type(error).__name__}: {error}")
