"""Movers: of contenders that may all be told that they won, because a request repeats the win of another, those that
made the move. A trail tells it, or the markers that the engine stored; answers alone do not.
"""

from collections import Counter

import polars as pl

from reports.history.events import Effects
from reports.judge.context import CheckContext
from reports.judge.race_resolution import comes_back, find_contenders, find_longest, find_wanted
from reports.judge.races import Race, list_races
from reports.judge.trail_readings import is_older

UNTOLD = (
    "a request that repeats a win is answered as a win, too, so answers alone do not tell which request made the move; "
    "an [audit] or [effects] would"
)


def count_movers(context: CheckContext) -> list[tuple[Race, int | None]]:
    """The races of such requests that have a winner, and how many requests made the move; None if nothing tells it."""
    races = context.races.filter(pl.col("repeats") & (pl.col("won") == 1))
    markers = count_markers(context) if races.height else {}
    return [(race, find_movers(context, race, markers)) for race in list_races(races)]


def find_movers(context: CheckContext, race: Race, markers: dict[str, Counter[str]]) -> int | None:
    contenders = find_contenders(context, race)
    wants, nexts = find_wanted(context, contenders), contenders["next"].implode()
    left = find_longest(context, race.w).filter(pl.col("from").is_in(wants) & pl.col("to").is_in(nexts))
    if left.height and not is_older(context.evidence, race.w):
        return 1 if left.height == 1 or comes_back(context, race.w, contenders) else left.height
    shown = markers.get(context.workflow_name(race.w))
    if shown is None:
        return None
    carried = [record.marker for record in context.records(contenders["row"])]
    return sum(shown[marker] > 0 for marker in carried if marker is not None) or None


def count_markers(context: CheckContext) -> dict[str, Counter[str]]:
    """Workflow -> how often each marker was shown in it."""
    found: dict[str, Counter[str]] = {}
    for event in context.evidence.history.having(Effects):
        if event.winners != "any":
            found[event.workflow] = found.get(event.workflow, Counter()) | Counter(map(str, event.markers))
    return found
