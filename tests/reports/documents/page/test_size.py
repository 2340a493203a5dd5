"""Goal: the page of a run is small enough for a CI artifact, however long the run was.

Method: the same run with ten times the operations; only counts may be longer.
"""

import pytest

from reports.comparison.facts import Facts
from reports.comparison.measure_tables import measure
from reports.documents.page import render_page
from reports.documents.page.state_pairs import CELL, join_runs
from reports.documents.samples import take_samples
from reports.documents.strength import measure_strength
from reports.judge.judge import judge
from tests.reports.building import build_history, pair_all
from tests.reports.pages import GRAPH, race

KIBIBYTE = 1024
LONG = "x" * 5_000


def render(races: int, *, failing: bool) -> str:
    """A run with a race for each workflow; in a failing one each has two winners, and long requests and answers."""
    outcomes = ["won", "won" if failing else "conflict", "conflict", "conflict"]
    records = [record for number in range(races) for record in race(number, outcomes)]
    history = build_history([{**record, "sent": LONG, "received": LONG} for record in records])
    judgement = judge(history, GRAPH, command="onewinner check runs/small")
    samples, strength = take_samples(history, judgement, GRAPH), measure_strength(history, GRAPH, pair_all(GRAPH))
    return render_page(Facts(measures=measure(history), samples=samples, strength=strength), judgement)


@pytest.mark.parametrize("failing", [True, False])
def test_a_page_does_not_grow_with_the_operations(failing: bool) -> None:
    short, long = (len(render(races, failing=failing)) for races in (40, 400))
    assert long - short < 4 * KIBIBYTE
    assert long < 150 * KIBIBYTE


def test_cells_side_by_side_are_one_line() -> None:
    row = [(0, 0), (CELL, 0), (3 * CELL, 0), (4 * CELL, 0), (5 * CELL, CELL)]
    assert join_runs(row) == [(0, 0, 2), (3 * CELL, 0, 2), (5 * CELL, CELL, 1)]
    assert join_runs([]) == []
