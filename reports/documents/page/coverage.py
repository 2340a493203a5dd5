"""Coverage: a matrix of all pairs of states. Which were asked for, which were taken, which were never tried."""

from collections.abc import Mapping, Sequence

from reports.comparison.facts import Facts, StatePairs
from reports.documents.page.parts import Section, fold, table
from reports.documents.page.shapes import sample
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


def render_coverage(facts: Facts, _judgement: Judgement) -> Section | None:
    coverage = facts.samples.state_pairs if facts.samples else None
    if coverage is None:
        return None
    states = coverage.states
    cells = classify(coverage)
    counts = {name: sum(kind == name for kind in cells.values()) for name in WORDS}
    shown = [name for name in WORDS if counts[name]]
    key = "".join(f"<li>{draw_sample(name)} {WORDS[name]}: {counts[name]:,}</li>" for name in shown)
    body = f'{draw_matrix(states, cells, counts)}<ul class="legend">{key}</ul>{list_untried(states, cells)}'
    return Section("coverage", "Pairs of states", body, NOTE)


def classify(coverage: StatePairs) -> dict[Pair, str]:
    """What became of each pair."""
    legal, asked, taken = (set(pairs) for pairs in (coverage.legal, coverage.asked, coverage.taken))
    every = range(len(coverage.states))
    return {
        pair: ("taken" if pair in taken else "untaken")
        if pair in legal
        else ("broken" if pair in taken else "asked" if pair in asked else "unasked")
        for pair in ((origin, to) for origin in every for to in every)
    }


def draw_matrix(states: Sequence[str], cells: Mapping[Pair, str], counts: Mapping[str, int]) -> str:
    size = CELL * len(states)
    words = "; ".join(f"{WORDS[name]}: {many}" for name, many in counts.items())
    rects = "".join(draw_cell(pair, kind, states) for pair, kind in cells.items() if kind != "unasked")
    return (
        f'<figure class="matrix"><svg width="{1.5 * size:g}" viewBox="0 0 {size} {size}" role="img" '
        'aria-labelledby="matrix-title matrix-words"><title id="matrix-title">Pairs of states</title>'
        f'<desc id="matrix-words">{words}</desc>'
        f'<rect class="unasked" width="{size}" height="{size}"/>{rects}</svg></figure>'
    )


def draw_cell(pair: Pair, kind: str, states: Sequence[str]) -> str:
    """A square; of a legal pair it has a name, which browsers show beside the pointer."""
    x, y = pair[1] * CELL, pair[0] * CELL
    if kind == "asked":
        return f'<rect class="asked" x="{x + 3}" y="{y + 3}" width="4" height="4"/>'
    title = f"<title>{show(states[pair[0]], 60)} → {show(states[pair[1]], 60)}: {WORDS[kind]}</title>"
    cross = f'<path class="cross" d="M{x + 2} {y + 2}l6 6m0 -6l-6 6"/>' if kind == "broken" else ""
    return f'<g><rect class="{kind}" x="{x + 1}" y="{y + 1}" width="8" height="8">{title}</rect>{cross}</g>'


def draw_sample(kind: str) -> str:
    inner = draw_cell((0, 0), kind, ("",)) if kind != "unasked" else ""
    return sample(10, 10, f'<rect class="unasked" width="10" height="10"/>{inner}')


def list_untried(states: Sequence[str], cells: Mapping[Pair, str]) -> str:
    """The legal pairs that were never taken, by name, and the illegal ones that were."""
    rows = [
        (f"{show(states[origin], 60)} → {show(states[to], 60)}", WORDS[kind])
        for (origin, to), kind in cells.items()
        if kind in ("untaken", "broken")
    ]
    if not rows:
        return ""
    return fold(
        f"{len(rows):,} legal pairs never taken, or illegal ones that were, by name",
        table("Pairs by name", ("pair", ""), rows),
    )
