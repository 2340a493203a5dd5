"""Templates: HTML from values. Every text is escaped, made visible and cut, unless it is Markup already."""

import base64
import hashlib
from dataclasses import dataclass
from pathlib import Path

from jinja2 import Environment, FileSystemLoader, StrictUndefined
from markupsafe import Markup

from reports.documents.page.text import show
from reports.documents.summary import sentence
from reports.judge.text.short_forms import capital, count, join, show_time
from reports.judge.verdict import Verdict

FOLDER = Path(__file__).parent
LABEL = {Verdict.PASS: "pass", Verdict.FAIL: "fail", Verdict.UNKNOWN: "unknown", None: "not applicable"}
# Distinguishable without colour, and by a screen reader, which reads the word beside it.
SIGN = {"pass": "✓", "fail": "✕", "unknown": "?", "none": "–"}


@dataclass(frozen=True)
class Section:
    """A part of the page with a heading of its own: `anchor` is its id, `note` one line under the heading."""

    anchor: str
    title: str
    body: Markup
    note: str = ""


def render(template: str, **values: object) -> Markup:
    """The HTML of a template of this folder."""
    return Markup(ENVIRONMENT.get_template(f"{template}.html.j2").render(values))  # noqa: S704 - escaped by Jinja


def read_asset(name: str) -> Markup:
    """A style or a script of this folder."""
    return Markup(FOLDER.joinpath(name).read_text(encoding="utf-8"))  # noqa: S704 - a file of our own


def finish(value: object) -> Markup:
    """What an expression of a template becomes."""
    return value if isinstance(value, Markup) else show(value)


def name_tone(verdict: Verdict | None) -> str:
    """The class that carries a verdict's colour."""
    return "none" if verdict is None else str(verdict)


def digest(text: str) -> str:
    """The source by which the page's policy knows a style or a script."""
    return f"sha256-{base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()}"


def make_environment() -> Environment:
    environment = Environment(
        loader=FileSystemLoader(FOLDER),
        autoescape=True,
        undefined=StrictUndefined,
        finalize=finish,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters |= {
        "capital": capital,
        "digest": digest,
        "join_words": join,
        "label": LABEL.__getitem__,
        "number": lambda value: f"{value:,}",
        "percent": lambda value: f"{value:.1%}",
        "plural": count,
        "sentence": sentence,
        "show": show,
        "time": show_time,
        "tone": name_tone,
    }
    environment.globals["SIGN"] = SIGN
    return environment


ENVIRONMENT = make_environment()
