"""The linearization: an explaining order for nearly every workflow at once, in a few passes over columns.

Take the known transitions of a workflow in some order. They divide time into periods, one per visited state; the
least possible boundaries are a running maximum of the invokes. An answer that changes nothing goes into the period
in which it was invoked, or into a later one that begins before its return; failing that into an earlier one, whose
end it then pushes behind its own invoke. When the states chain, each boundary lies before its transition's return,
and each answer returned after its period began, the boundaries are an explaining order. Intervals are closed: points
may coincide, and are then ordered as the sequence says. What is not explained here is only not explained *yet*.
"""

from dataclasses import dataclass

import polars as pl

from reports.judge.evidence.evidence import Evidence
from reports.judge.evidence.version_periods import ANSWER_VERSIONS, MOVE_VERSIONS, find_period_versions

STEPS_FORWARD = 6
STEPS_BACK = 3


@dataclass(frozen=True)
class Periods:
    """One row per period, by workflow and order; the first of a workflow is its start.

    frame: w, state (code; `uncreated`, or null where nothing is known of it), begin (key), end (key: the return of the
    transition that opens it). `broken`: workflow numbers whose transitions do not chain in this order.
    """

    frame: pl.DataFrame
    broken: pl.Series


def find_unexplained(evidence: Evidence, ops: pl.DataFrame, order: str = "ends") -> pl.Series:
    """The workflow numbers in `ops` that are not explained by taking transitions by `order`: ends or begins (keys).

    Where `ops` have the columns of `version_periods`, the versions are explained with the answers.
    """
    answers = classify(evidence, ops)
    periods = lay_periods(evidence, ops, answers, order)
    return pl.concat([periods.broken, place_answers(evidence, answers, periods.frame)]).unique().sort()


def classify(evidence: Evidence, ops: pl.DataFrame) -> pl.DataFrame:
    """The answers that constrain anything, by workflow and invoke: w, begins, ends (keys), next, and what they ask.

    exact: it must be this state; other: any but this one; inside, outside: the number of a list of several;
    never: no state at all fits. Each is null (false) where it asks nothing.
    """
    columns = ["w", "kind", "outcome", "want", "wants", "set", "next", "observed", "begins", "ends"]
    versions = [name for name in ANSWER_VERSIONS if name in ops.columns]
    columns += versions
    pure = ops.lazy().filter("pure").select(columns).collect()
    ok = pl.col("outcome") == "ok"
    single, several = pl.col("wants") == 1, pl.col("wants") > 1
    told_due = single & (pl.col("observed") == pl.col("want")) | several & evidence.belongs(
        pl.col("set"), pl.col("observed")
    )
    outside = pl.col("observed").is_not_null() & ~told_due.fill_null(value=False)
    named = pl.when(outside | (ok & pl.col("observed").is_not_null())).then("observed").when(ok & single).then("want")
    vague = ~ok & ~outside
    asks = {
        "exact": named,
        "other": pl.when(vague & single & evidence.lawful(pl.col("want"), pl.col("next"))).then("want"),
        "inside": pl.when(ok & several & pl.col("observed").is_null()).then("set"),
        "outside": pl.when(vague & several).then("set"),
        "never": ok & outside & (pl.col("wants") > 0),
    }
    pure = pure.select("w", "begins", "ends", "next", *versions, **asks)
    asked = pl.any_horizontal(pl.col("exact", "other", "inside", "outside", *versions).is_not_null())
    return pure.filter(asked | pl.col("never"))


def lay_periods(evidence: Evidence, ops: pl.DataFrame, answers: pl.DataFrame, order: str) -> Periods:
    """The periods that the known transitions make when they are taken in this order."""
    then = "begins" if order == "ends" else "ends"
    columns = ["w", "kind", "want", "wants", "set", "next", "observed", "begins", "ends", "repeats"]
    columns += [name for name in MOVE_VERSIONS if name in ops.columns]
    marked = ops.lazy() if "alone" in ops.columns else ops.lazy().with_columns(alone=pl.lit(value=False))
    chosen = marked.filter("known").select(*columns, "alone").sort("w", order, then)
    moves = chosen.rename({"next": "state"}).collect()
    starts = find_starts(evidence, ops, moves, answers)
    frame = pl.concat([starts, moves], how="diagonal").sort("w", maintain_order=True)
    before, create = pl.col("state").shift(), pl.col("kind") == "create"
    due = (pl.col("wants") == 1) & (pl.col("want") == before) | (pl.col("wants") > 1) & evidence.belongs(
        pl.col("set"), before
    )
    # A win that is repeated changes no version: the periods of versions do not know that, the search does.
    repeated = pl.col("repeats") if "carried" not in frame.columns else pl.lit(value=False)
    may_go = due & (pl.col("alone") | evidence.lawful(before, pl.col("state")))
    holds = (
        pl.when(pl.col("kind").is_null())
        .then(statement=True)
        .when(create)
        .then((before == evidence.uncreated) & pl.col("state").is_not_null())
        .otherwise(
            ((pl.col("kind") == "set") | may_go | (repeated & (before == pl.col("state"))))
            & (pl.col("observed").is_null() | (pl.col("observed") == pl.col("state")))
        )
    )
    frame = frame.with_columns(holds=holds.fill_null(value=False), begin=pl.col("begins").cum_max())
    broken = frame.filter(~pl.col("holds") | (pl.col("begin") > pl.col("ends")))["w"].unique()
    if "carried" in frame.columns:
        frame, unlike = find_period_versions(frame, answers, ops)
        broken = pl.concat([broken, unlike])
        return Periods(frame.select("w", "state", "begin", "version", end="ends"), broken)
    return Periods(frame.select("w", "state", "begin", end="ends"), broken)


def find_starts(evidence: Evidence, ops: pl.DataFrame, moves: pl.DataFrame, answers: pl.DataFrame) -> pl.DataFrame:
    """The first period of each workflow. A free start is guessed: what the first transition, or answer, expects."""
    starts = (
        evidence.starts.filter(pl.col("w").is_in(ops["w"].unique().implode()))
        if ops is not evidence.ops
        else evidence.starts
    )
    if starts["state"].null_count():
        wanted = moves.unique("w", keep="first").select("w", wanted="want")
        seen = answers.filter(pl.col("exact").is_not_null()).unique("w", keep="first").select("w", seen="exact")
        starts = starts.join(wanted, on="w", how="left").join(seen, on="w", how="left")
        starts = starts.with_columns(state=pl.coalesce("state", "wanted", "seen"))
    low, high = evidence.keys.bounds(pl.col("w"))
    return starts.select("w", "state", begins=low, ends=high)


def place_answers(evidence: Evidence, answers: pl.DataFrame, frame: pl.DataFrame) -> pl.Series:
    """Puts each answer into a period; returns the workflow numbers where that fails."""
    numbered = frame.select("begin").with_row_index("at").set_sorted("begin")
    invoked = answers.select("begins").set_sorted("begins")
    rest = answers.with_columns(at=invoked.join_asof(numbered, left_on="begins", right_on="begin")["at"].cast(pl.Int64))
    placed: list[pl.DataFrame] = []
    pushed: list[pl.DataFrame] = []
    for offset in (*range(STEPS_FORWARD), *range(-1, -STEPS_BACK - 1, -1)):
        fits = fit(evidence, rest, frame, offset)
        found = rest.lazy().filter(fits).select("w", "begins", "ends", pl.col("at") + offset).collect()
        (placed if offset >= 0 else pushed).append(found)
        rest = rest.filter(~fits)
        if rest.is_empty():
            break
    return pl.concat(
        [rest["w"], push_boundaries(frame, pl.concat([*placed, *pushed]), pl.concat([placed[0].clear(), *pushed]))]
    )


def fit(evidence: Evidence, answers: pl.DataFrame, frame: pl.DataFrame, offset: int) -> pl.Series:
    """Whether each answer holds in the period `offset` after that of its invoke, which began before its return."""
    at = pl.col("at") + offset
    there = pl.when((at >= 0) & (at < frame.height)).then(at)
    period = {name: pl.lit(frame[name]).gather(there) for name in ("w", "state", "begin")}
    state = period["state"].fill_null(evidence.another)
    holds = (period["w"] == pl.col("w")) & (period["begin"] <= pl.col("ends")) & ~pl.col("never")
    # Before its create a workflow answers nothing.
    holds &= state != evidence.uncreated
    if answers["exact"].null_count() < answers.height:
        holds &= pl.col("exact").is_null() | (pl.col("exact") == state)
    if answers["other"].null_count() < answers.height:
        holds &= pl.col("other").is_null() | (pl.col("other") != state)
    if answers["inside"].null_count() < answers.height:
        holds &= pl.col("inside").is_null() | evidence.belongs(pl.col("inside"), state)
    if answers["outside"].null_count() < answers.height:
        due = evidence.belongs(pl.col("outside"), state) & evidence.lawful(state, pl.col("next"))
        holds &= pl.col("outside").is_null() | ~due
    if "version" in frame.columns:
        version = pl.lit(frame["version"]).gather(there)
        holds &= pl.col("version_is").is_null() | (pl.col("version_is") == version)
        holds &= pl.col("version_not").is_null() | pl.col("version_not").ne_missing(version)
    return answers.select(holds.fill_null(value=False).alias("holds"))["holds"]


def push_boundaries(frame: pl.DataFrame, placed: pl.DataFrame, pushed: pl.DataFrame) -> pl.Series:
    """Moves each boundary behind the answers that were put before it; the workflow numbers where that is too late.

    Only answers in a period before that of their invoke push: all others were invoked before their period's end.
    """
    if pushed.is_empty():
        return pl.Series("w", [], dtype=pl.UInt32)
    pushes = pushed.group_by(pl.col("at") + 1).agg(pl.col("begins").max().alias("push"))
    touched = pushed["w"].unique().implode()
    moved = (
        frame.with_row_index("at")
        .with_columns(pl.col("at").cast(pl.Int64))
        .join(pushes, on="at", how="left", maintain_order="left")
    )
    moved = moved.with_columns(begin=pl.max_horizontal("begin", "push").cum_max())
    late = moved.filter(pl.col("begin") > pl.col("end"))["w"]
    begins = moved["begin"]
    short = (
        placed.lazy().filter(pl.col("w").is_in(touched)).filter(pl.lit(begins).gather(pl.col("at")) > pl.col("ends"))
    )
    return pl.concat([late, short.select("w").collect()["w"]])
