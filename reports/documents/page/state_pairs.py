"""State pairs: a matrix of all pairs of states. Which were asked for, which were taken, which were never tried."""

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from markupsafe import Markup

from reports.comparison.facts import Facts, StatePairs
from reports.documents.page.shapes import put_together, shape
from reports.documents.page.templates import Section, render
from reports.documents.page.text import show
from reports.judge.text.short_forms import shorten
from reports.judge.verdict import Judgement

CELL = 15  # px
CHARACTER = 6.7  # px of a name
NAME_MAX = 28  # characters
COUNTS = 48  # px beside the field, for how many were taken
NOTE = (
    "Each row is the state that a request found (from), each column the state that it asked for (to). Behind a row "
    "stands how many of its legal pairs were taken; under a column, how many of those that lead there."
)
WORDS = {
    "taken": "legal, taken",
    "untaken": "legal, never taken",
    "asked": "illegal, asked for, not taken",
    "unasked": "illegal, never asked for",
    "broken": "illegal, and taken",
}
# A cell of each kind, as a path from its top left corner.
SHAPES = {
    "taken": "m2 2h11v11h-11z",
    "untaken": "m2.5 2.5h10v10h-10z",
    "broken": "m2 2h11v11h-11z",
}
CROSS = "m4.5 4.5l6 6m0 -6l-6 6"
Pair = tuple[int, int]


@dataclass(frozen=True)
class Matrix:
    """The cells of all pairs, and how many px of names stand left of the field and above it."""

    states: Sequence[str]
    cells: Mapping[Pair, str]
    names: int

    @property
    def size(self) -> int:
        return CELL * len(self.states)

    @property
    def whole(self) -> int:
        return self.names + self.size + COUNTS


def draw_state_pairs(facts: Facts, _judgement: Judgement) -> Section | None:
    """Nothing where there is one state, as of a resource with units."""
    pairs = facts.samples.state_pairs if facts.samples else None
    if pairs is None or len(pairs.states) < 2:
        return None
    longest = max(len(shorten(state, NAME_MAX)) for state in pairs.states)
    matrix = Matrix(pairs.states, classify(pairs), round(longest * CHARACTER) + 24)
    counts = Counter(matrix.cells.values())
    values = {
        "size": matrix.whole,
        "counts": [(WORDS[kind], counts[kind]) for kind in WORDS],
        "drawn": put_together([draw_ground(matrix), *draw_names(matrix), *draw_cells(matrix)]),
        "samples": [(draw_sample(kind), WORDS[kind], counts[kind]) for kind in WORDS if counts[kind]],
        "untried": [
            (f"{pairs.states[origin][:60]} → {pairs.states[to][:60]}", WORDS[kind])
            for (origin, to), kind in matrix.cells.items()
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


def draw_ground(matrix: Matrix) -> Markup:
    """The field, with a stripe in every other row, and which side is which."""
    at, size = matrix.names, matrix.size
    stripes = "".join(f"M{at} {at + CELL * row}h{size}v{CELL}h-{size}z" for row in range(1, len(matrix.states), 2))
    text = (
        '<rect class="unasked" x="{}" y="{}" width="{}" height="{}"/><path class="stripe" d="{}"/>'
        '<text class="side" x="{}" y="{}" text-anchor="end">from ↓</text>'
        '<text class="side" x="{}" y="{}" text-anchor="end">to →</text>'
    )
    return shape(text, at, at, size, size, stripes, at - 8, at - 8, at - 8, at - 24)


def draw_names(matrix: Matrix) -> Iterable[Markup]:
    """The name of each row and of each column, and how many of its legal pairs were taken."""
    end, turned = matrix.names + matrix.size + 6, '<text transform="translate({} {}) rotate(-90)"{}>{}</text>'
    is_end = Markup(' text-anchor="end"')
    for number, state in enumerate(matrix.states):
        name, along = show(shorten(state, NAME_MAX)), matrix.names + CELL * number + 11
        yield shape('<text x="{}" y="{}" text-anchor="end">{}</text>', matrix.names - 6, along, name)
        yield shape('<text x="{}" y="{}">{}</text>', end, along, count_taken(matrix, number, 0))
        yield shape(turned, along, matrix.names - 6, "", name)
        yield shape(turned, along, end, is_end, count_taken(matrix, number, 1))


def count_taken(matrix: Matrix, number: int, side: int) -> str:
    """2/3: how many of the legal pairs from a state (side 0), or to it (side 1), were taken; empty without one."""
    mine = Counter(kind for pair, kind in matrix.cells.items() if pair[side] == number)
    legal = mine["taken"] + mine["untaken"]
    return f"{mine['taken']}/{legal}" if legal else ""


def draw_cells(matrix: Matrix) -> Iterable[Markup]:
    """One path for all cells of a kind: a run that asked for thousands of pairs is no longer for that."""
    for kind in ("asked", *SHAPES):
        mine = [pair for pair, found in matrix.cells.items() if found == kind]
        corners = [(matrix.names + to * CELL, matrix.names + origin * CELL) for origin, to in mine]
        yield from draw_kind(kind, corners) if corners else ()


def draw_kind(kind: str, corners: Sequence[Pair]) -> Iterable[Markup]:
    path = '<path class="cell {}" d="{}"/>'
    if kind == "asked":
        yield shape(path, kind, "".join(f"M{x + 5} {y + 7.5}h{CELL * many - 10}" for x, y, many in join_runs(corners)))
        return
    yield shape(path, kind, "".join(f"M{x} {y}{SHAPES[kind]}" for x, y in corners))
    if kind == "broken":
        yield shape(path, "cross", "".join(f"M{x} {y}{CROSS}" for x, y in corners))


def join_runs(corners: Iterable[Pair]) -> list[tuple[int, int, int]]:
    """The first corner of cells that stand side by side, and how many there are: one dashed line draws them all."""
    runs: list[tuple[int, int, int]] = []
    for x, y in corners:
        first, row, many = runs[-1] if runs else (0, -1, 0)
        if (x, y) == (first + CELL * many, row):
            runs[-1] = (first, row, many + 1)
        else:
            runs.append((x, y, 1))
    return runs


def draw_sample(kind: str) -> Markup:
    ground = shape('<rect class="unasked" width="{}" height="{}"/>', CELL, CELL)
    return put_together([ground, *(draw_kind(kind, [(0, 0)]) if kind != "unasked" else ())])
