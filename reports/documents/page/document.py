"""The document: head, first screen, sections. It loads nothing, and works without its one small script."""

import base64
import hashlib
from pathlib import Path
from typing import Any

from reports.comparison.facts import Facts
from reports.documents.page.checks import render_checks
from reports.documents.page.comparison import render_comparison
from reports.documents.page.coverage import render_coverage
from reports.documents.page.defects import render_defects
from reports.documents.page.facts import render_accounting, render_facts
from reports.documents.page.findings import render_findings
from reports.documents.page.glance import render_glance
from reports.documents.page.latency import render_latency
from reports.documents.page.pairings import render_pairings
from reports.documents.page.parts import LABEL, Section
from reports.documents.page.quality import render_quality
from reports.documents.page.races import render_chosen_races, render_failed_races
from reports.documents.page.strength import render_strength
from reports.documents.page.text import show
from reports.judge.verdict import Judgement

FOLDER = Path(__file__).parent
STYLE = FOLDER.joinpath("style.css").read_text(encoding="utf-8")
SCRIPT = FOLDER.joinpath("theme.js").read_text(encoding="utf-8")
SECTIONS = (
    render_failed_races,
    render_findings,
    render_pairings,
    render_comparison,
    render_chosen_races,
    render_checks,
    render_latency,
    render_quality,
    render_strength,
    render_coverage,
    render_defects,
    render_accounting,
    render_facts,
)


def render_page(facts: Facts, judgement: Judgement) -> str:
    """The page of a run, from what run.json says. A section that cannot be made says so, and the rest is there."""
    sections = [section for render in SECTIONS if (section := attempt(render, facts, judgement)) is not None]
    links = "".join(f'<li><a href="#{each.anchor}">{show(each.title)}</a></li>' for each in sections)
    body = "\n".join(section.render() for section in sections)
    return (
        f'<!doctype html>\n<html lang="en">\n<head>\n{render_head(facts, judgement)}</head>\n<body>\n'
        '<a class="skip" href="#verdict">Skip to the verdict</a>\n'
        f"{render_glance(facts, judgement)}\n"
        f'<div class="columns"><nav aria-label="Sections"><ul>{links}</ul></nav>\n'
        f"<main>\n{body}\n</main></div>\n<footer><p>Made by onewinner. This file loads nothing; "
        f"everything in it is in <code>run.json</code> too.</p></footer>\n<script>{SCRIPT}</script>\n</body>\n</html>\n"
    )


def attempt(render: Any, facts: Facts, judgement: Judgement) -> Section | None:
    try:
        section: Section | None = render(facts, judgement)
    except Exception as error:  # noqa: BLE001 - a report of a broken run.json must still tell the verdict
        title = render.__name__.removeprefix("render_")
        return Section(title, title, f"<p>This cannot be shown: {show(f'{type(error).__name__}: {error}', 300)}</p>")
    return section


def render_head(facts: Facts, judgement: Judgement) -> str:
    policy = f"default-src 'none'; style-src '{digest(STYLE)}'; script-src '{digest(SCRIPT)}'; img-src data:"
    title = f"{LABEL[judgement.verdict]}: onewinner {show(facts.name, 80)}"
    return (
        '<meta charset="utf-8">\n'
        f"<meta http-equiv=\"Content-Security-Policy\" content=\"{policy}; base-uri 'none'; form-action 'none'\">\n"
        '<meta name="viewport" content="width=device-width, initial-scale=1">\n'
        '<meta name="color-scheme" content="light dark">\n<link rel="icon" href="data:,">\n'
        f"<title>{title}</title>\n<style>{STYLE}</style>\n"
    )


def digest(text: str) -> str:
    """The source by which the policy knows a text."""
    return f"sha256-{base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()}"
