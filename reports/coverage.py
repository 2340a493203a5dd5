"""Coverage: which of all pairs of states a run asked for, and which it saw taken. Counted, never judged."""

from typing import Any

import polars as pl

from engine.graph import TransitionGraph
from reports.history import History

STATES_MAX = 120  # beyond, a matrix is no picture any more


def find_coverage(history: History, graph: TransitionGraph) -> dict[str, Any] | None:
    """{states, legal, asked, taken}: the states in the graph's order, and pairs [from, to] of their numbers.

    `asked` were requested by an advance that expects this very state; `taken` were won by one, or are in a trail. Null
    for a graph of more than STATES_MAX states.
    """
    if len(graph.states) > STATES_MAX:
        return None
    states = list(graph.states)
    place = {state: index for index, state in enumerate(states)}
    asked = ask_pairs(history)
    won = [(origin, to) for origin, to, wins in asked if wins]
    trail = history.audit.select("from", "to").unique().drop_nulls().iter_rows()
    return {
        "states": states,
        "legal": sorted([place[origin], place[to]] for origin, to in graph.edges),
        "asked": number_pairs(((origin, to) for origin, to, _ in asked), place),
        "taken": number_pairs([*won, *trail], place),
    }


def ask_pairs(history: History) -> list[tuple[str, str, int]]:
    """from, to, how often won; of the advances that expect one state."""
    single = history.encoded.lazy().filter((pl.col("kind") == "advance") & (pl.col("wants") == 1))
    pairs = single.group_by("want", "next").agg((pl.col("outcome") == "won").sum().alias("wins"))
    return [(origin, to, wins) for origin, to, wins in pairs.collect().iter_rows()]


def number_pairs(pairs: Any, place: dict[str, int]) -> list[list[int]]:
    """Pairs of states that the graph knows, as their numbers, each once."""
    found = {(place[origin], place[to]) for origin, to in pairs if origin in place and to in place}
    return [list(pair) for pair in sorted(found)]
