"""State pairs: a matrix of all pairs of states. Which were asked for, which were taken, which were never tried."""

from collections import Counter
from collections.abc import Sequence

from markupsafe import Markup

from reports.comparison.facts import Facts, StatePairs
from reports.documents.page.shapes import put_together, shape
from reports.documents.page.templates import Section, render
from reports.documents.page.text import show
from reports.judge.verdict import Judgement

CELL = 10
NOTE = "Each row is the state that a request found, each column the state that it asked for."
WORDS = {
    "taken": "legal, taken",
    "untaken": "legal, never taken",
    "asked": "illegal, asked for, not taken",
    "unasked": "illegal, never asked for",
    "broken": "illegal, and taken",
}
Pair = tuple[int, int]


def draw_state_pairs(facts: Facts, _judgement: Judgement) -> Section | None:
    pairs = facts.samples.state_pairs if facts.samples else None
    if pairs is None:
        return None
    states, cells = pairs.states, classify(pairs)
    counts = Counter(cells.values())
    values = {
        "size": CELL * len(states),
        "counts": [(WORDS[kind], counts[kind]) for kind in WORDS],
        "cells": put_together(draw_cell(pair, kind, states) for pair, kind in cells.items() if kind != "unasked"),
        "samples": [(draw_sample(kind), WORDS[kind], counts[kind]) for kind in WORDS if counts[kind]],
        "untried": [
            (f"{states[origin][:60]} → {states[to][:60]}", WORDS[kind])
            for (origin, to), kind in cells.items()
            if kind in ("untaken", "broken")
        ],
    }
    return Section("state-pairs", "Pairs of states", render("state_pairs", **values), NOTE)


def classify(pairs: StatePairs) -> dict[Pair, str]:
    """What became of each pair."""
    legal, asked, taken = (set(each) for each in (pairs.legal, pairs.asked, pairs.taken))
    every = range(len(pairs.states))
    return {
        pair: ("taken" if pair in taken else "untaken")
        if pair in legal
        else ("broken" if pair in taken else "asked" if pair in asked else "unasked")
        for pair in ((origin, to) for origin in every for to in every)
    }


def draw_cell(pair: Pair, kind: str, states: Sequence[str]) -> Markup:
    """A square; of a legal pair it has a name, which browsers show beside the pointer."""
    x, y = pair[1] * CELL, pair[0] * CELL
    if kind == "asked":
        return shape('<rect class="asked" x="{}" y="{}" width="4" height="4"/>', x + 3, y + 3)
    title = shape("<title>{} → {}: {}</title>", show(states[pair[0]], 60), show(states[pair[1]], 60), WORDS[kind])
    cross = shape('<path class="cross" d="M{} {}l6 6m0 -6l-6 6"/>', x + 2, y + 2) if kind == "broken" else ""
    rect = '<g><rect class="{}" x="{}" y="{}" width="8" height="8">{}</rect>{}</g>'
    return shape(rect, kind, x + 1, y + 1, title, cross)


def draw_sample(kind: str) -> Markup:
    inner = draw_cell((0, 0), kind, ("",)) if kind != "unasked" else ""
    return shape('<rect class="unasked" width="10" height="10"/>{}', inner)
