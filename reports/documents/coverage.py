"""Coverage: which of all pairs of states a run asked for, and which it saw taken. Counted, never judged.

The pairs are those that strength counts, one by one.
"""

from collections.abc import Iterable
from typing import Any

import polars as pl

from engine.target.graph import TransitionGraph
from reports.documents.strength import find_moves, walk_asked, walk_taken
from reports.history.history import History

STATES_MAX = 120  # beyond, a matrix is no picture any more
Pairs = Iterable[tuple[str, str]]


def find_coverage(history: History, graph: TransitionGraph) -> dict[str, Any] | None:
    """{states, legal, asked, taken}: the states in the graph's order, and pairs [from, to] of their numbers.

    `asked` were requested in that state, over whichever route, and not done; `taken` were won, or are in a trail. Null
    for a graph of more than STATES_MAX states.
    """
    if len(graph.states) > STATES_MAX:
        return None
    place = {state: index for index, state in enumerate(graph.states)}
    told = find_moves(history, graph)
    moves = told.filter(pl.col("outcome") != "refused")
    trail = history.audit.select("from", "to").unique().drop_nulls().iter_rows()
    return {
        "states": list(graph.states),
        "legal": number_pairs(graph.edges, place),
        "asked": number_pairs(((state, to) for state, to, _ in walk_asked(told)), place),
        "taken": number_pairs([*walk_taken(moves), *trail], place),
    }


def number_pairs(pairs: Pairs, place: dict[str, int]) -> list[list[int]]:
    """Pairs of states that the graph knows, as their numbers, each once."""
    found = {(place[origin], place[to]) for origin, to in pairs if origin in place and to in place}
    return [list(pair) for pair in sorted(found)]
