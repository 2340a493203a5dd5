"""Parts that every section is made of: a section, a table, a mark, a command. HTML in, HTML out."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from reports.documents.page.text import show
from reports.judge.verdict import Verdict

LABEL = {Verdict.PASS: "pass", Verdict.FAIL: "fail", Verdict.UNKNOWN: "unknown", None: "not applicable"}
# Distinguishable without colour, and by a screen reader, which reads the word beside it.
SIGN = {"pass": "✓", "fail": "✕", "unknown": "?", "none": "–"}


@dataclass(frozen=True)
class Section:
    """A part of the page with a heading of its own; `anchor` is its id, `note` one line under the heading."""

    anchor: str
    title: str
    body: str
    note: str = ""

    def render(self) -> str:
        note = f'<p class="note">{self.note}</p>' if self.note else ""
        head = f'<h2 id="{self.anchor}">{show(self.title)}</h2>'
        return f'<section aria-labelledby="{self.anchor}">{head}{note}{self.body}</section>'


def name_tone(verdict: Verdict | None) -> str:
    """The class that carries a verdict's colour."""
    return "none" if verdict is None else str(verdict)


def mark(tone: str, word: str) -> str:
    """A sign and a word, in the tone's colour."""
    return f'<span class="mark {tone}"><span aria-hidden="true">{SIGN[tone]}</span> {show(word)}</span>'


def mark_verdict(verdict: Verdict | None) -> str:
    return mark(name_tone(verdict), LABEL[verdict])


def table(
    caption: str,
    head: Sequence[str],
    rows: Iterable[Sequence[str]],
    numbers: Sequence[int] = (),
    *,
    captioned: bool = False,
) -> str:
    """A table of HTML cells that scrolls within itself. The first cell of a row names it; `numbers` are columns.

    The caption is seen when `captioned`, and heard always.
    """
    tags = [' class="number"' if index in set(numbers) else "" for index in range(len(head))]
    heads = "".join(f'<th scope="col"{tag}>{show(name)}</th>' for name, tag in zip(head, tags, strict=True))
    body = "".join(f"<tr>{render_row(row, tags)}</tr>" for row in rows)
    hidden = "" if captioned else ' class="quiet"'
    return (
        f'<div class="scroll" role="region" tabindex="0" aria-label="{show(caption)}"><table>'
        f"<caption{hidden}>{show(caption)}</caption><thead><tr>{heads}</tr></thead>"
        f"<tbody>{body}</tbody></table></div>"
    )


def render_row(cells: Sequence[str], tags: Sequence[str]) -> str:
    first, *rest = (f"{tag}>{cell}" for cell, tag in zip(cells, tags, strict=True))
    return f'<th scope="row"{first}</th>' + "".join(f"<td{cell}</td>" for cell in rest)


def command(text: str) -> str:
    """A command to copy: a click selects all of it."""
    return f'<code class="command">{show(text)}</code>'


def fold(summary: str, body: str, *, is_open: bool = False) -> str:
    """Details that are there for whoever opens them."""
    return f"<details{' open' if is_open else ''}><summary>{summary}</summary>{body}</details>"
