"""Movers: of contenders that may all be told that they won, because a request repeats the win of another, those that
made the move. A trail tells it, or the markers that the engine stored; answers alone do not.
"""

from collections import Counter

import polars as pl

from reports.history.events import Effects
from reports.judge.context import CheckContext
from reports.judge.evidence.races import Race, list_races
from reports.judge.evidence.trail_readings import is_older
from reports.judge.race_resolution import (
    comes_back,
    find_contenders,
    find_longest,
    find_wanted,
    list_wanted,
    may_enter_alone,
)

UNTOLD = (
    "a request that repeats a win is answered as a win, too, so answers alone do not tell which request made the move; "
    "an [audit] or [effects] would"
)


def count_movers(context: CheckContext) -> list[tuple[Race, int | None]]:
    """The races of such requests that have a winner, and how many requests made the move; None if nothing tells it."""
    races = context.races.filter(pl.col("repeats") & (pl.col("won") == 1))
    if races.is_empty():
        return []
    shown = count_markers(context)
    carried = context.evidence.history.frame.select("marker").collect()["marker"]
    return [(race, find_movers(context, race, shown, carried)) for race in list_races(races)]


def find_movers(context: CheckContext, race: Race, shown: dict[str, Counter[str]], carried: pl.Series) -> int | None:
    """`shown`: by workflow, how often each marker was; `carried`: by row, the marker of the request."""
    contenders = find_contenders(context, race)
    made = None if context.evidence.trails.is_empty() else count_rows(context, race.w, contenders)
    if made is None:
        counts = shown.get(context.evidence.name_workflow(race.w))
        if counts is None:
            return None
        made = sum(counts[marker] > 0 for marker in carried.gather(contenders["row"]).drop_nulls().unique()) or None
    return 1 if made is not None and made > 1 and may_come_back(context, race, contenders) else made


def may_come_back(context: CheckContext, race: Race, contenders: pl.DataFrame) -> bool:
    """Whether another request, or a move without one, may lead back to a state that was raced for, in time for a
    contender: then each visit of the state may have a mover.
    """
    if may_enter_alone(context, contenders):
        return True
    wants, last = list_wanted(context, contenders), contenders["ends"].max()
    is_late = "unknown" in contenders["outcome"]
    outside = (pl.col("known") | pl.col("maybe")) & ~pl.col("row").is_in(contenders["row"].implode())
    after = pl.col("maybe") | (pl.col("ends") >= contenders["begins"].min())
    before = pl.lit(is_late) | (pl.col("begins") <= last)
    back = outside & after & before & (pl.col("kind") != "create") & pl.col("next").is_in(wants)
    return not context.evidence.slice(race.w).filter(back).is_empty()


def count_rows(context: CheckContext, w: int, contenders: pl.DataFrame) -> int | None:
    """How many rows of the trail may be the contenders'; None if there is none, or some may be older."""
    wants, nexts = find_wanted(context, contenders), contenders["next"].implode()
    left = find_longest(context, w).filter(pl.col("from").is_in(wants) & pl.col("to").is_in(nexts))
    if left.is_empty() or is_older(context.evidence, w):
        return None
    if left.height == 1 or comes_back(context, w, contenders):
        return 1
    outside = (pl.col("known") | pl.col("maybe")) & ~pl.col("row").is_in(contenders["row"].implode())
    others = context.evidence.slice(w).filter(outside & pl.col("next").is_in(nexts))
    named = context.read_request_ids(others["row"])
    if named.null_count():
        return 1
    return left.filter(~pl.col("request_id").is_in(named.implode()).fill_null(value=False)).height or 1


def count_markers(context: CheckContext) -> dict[str, Counter[str]]:
    """Workflow -> how often each marker was shown in it."""
    found: dict[str, Counter[str]] = {}
    for event in context.evidence.history.having(Effects):
        if event.winners != "any":
            found[event.workflow] = found.get(event.workflow, Counter()) | Counter(map(str, event.markers))
    return found
