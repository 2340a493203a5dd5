"""Markers: what the stored markers say of the requests whose answers leave open whether they made their move.

Nearly all workflows have a linearization that agrees with their markers; the marker search decides the rest.
"""

import polars as pl

from reports.history.events import Effects
from reports.judge.context import CheckContext
from reports.judge.evidence.evidence import Evidence
from reports.judge.evidence.linearizability_decision import find_unlinearized
from reports.judge.models.workflow import MOVES
from reports.judge.searches.marker_search import MarkerSearch, Trace


def list_asked(context: CheckContext) -> pl.DataFrame:
    """Each workflow whose markers were read: workflow, any (see `winners`), asked (the last reading began then)."""
    wide = context.evidence.history.clock_uncertainty_ns
    events = context.evidence.history.having(Effects)
    rows = [(event.workflow, event.winners == "any", event.read_ns - wide) for event in events]
    schema = {"workflow": pl.String, "any": pl.Boolean, "asked": pl.Int64}
    readings = pl.DataFrame(rows, schema=schema, orient="row").group_by("workflow", maintain_order=True)
    return readings.agg(pl.col("any").any(), pl.col("asked").max())


def find_traces(context: CheckContext, counted: pl.DataFrame) -> pl.DataFrame:
    """The requests that are open, and of which the markers say something: row, w, is_shown, asked.

    Open are those that are unknown, and those that may repeat a win. Requests with one idempotency key that ask for the
    same are one: where it is another of them whose marker was shown, nothing is known. So it is where several
    operations have one marker, and in a history that tells no marker.
    """
    shown, repeats = pl.col("shown").is_not_null(), pl.col("repeats")
    alone = pl.when(pl.col("key").is_null()).then("row")
    one = pl.struct("tenant", "key", "payload", alone).n_unique().over("workflow", "marker") == 1
    is_open = (pl.col("outcome") == "unknown") | ((pl.col("outcome") == "won") & repeats)
    # With `any` a request that repeats a win may leave its marker, and one that moves the workflow need not.
    says = pl.when("any").then(shown & ~repeats).otherwise(shown | ~pl.col("by_key"))
    is_read = pl.col("asked").is_not_null()
    found = counted.filter(is_read & pl.col("told") & one & pl.col("kind").is_in(MOVES) & is_open & says)
    numbers = context.evidence.number_workflows(found["workflow"])
    return found.select("row", numbers, is_shown=pl.col("shown").is_not_null(), asked="asked")


def lay_out_contradictory(context: CheckContext, traces: pl.DataFrame) -> list[tuple[int, MarkerSearch]]:
    """By workflow number, the search where no linearization agrees with the traces. Workflows whose answers have no
    explanation are left out.
    """
    evidence, decision = context.evidence, context.decision
    searched, suspects = (pl.Series(each, dtype=pl.UInt32).implode() for each in (decision.searched, decision.suspects))
    # A linearization in which no unknown request takes effect agrees with markers that are not there.
    told = traces.join(evidence.ops.select("row", "outcome"), on="row", how="left", maintain_order="left")
    bound = pl.col("is_shown") | (pl.col("outcome") != "unknown") | pl.col("w").is_in(searched)
    told = told.filter(bound.any().over("w") & ~pl.col("w").is_in(suspects))
    hard = find_unlinearized(evidence, bend(evidence, told)) if told.height else pl.Series(dtype=pl.UInt32)
    found = told.filter(pl.col("w").is_in(hard.implode())).partition_by("w", as_dict=True, maintain_order=True)
    return [(int(w), make_search(context, int(w), group)) for (w,), group in sorted(found.items())]


def bend(evidence: Evidence, traces: pl.DataFrame) -> pl.DataFrame:
    """The operations of these workflows, each as its trace lets it be. An unknown one that left none stays unknown; one
    that was won and left none is a read of the state that it asked for.
    """
    ops = evidence.ops.filter(pl.col("w").is_in(traces["w"].unique().implode()))
    ops = ops.join(traces.select("row", "is_shown"), on="row", how="left", maintain_order="left")
    shown = pl.col("is_shown").fill_null(value=False)
    moved = pl.col("maybe") & shown
    rests = pl.col("known") & ~pl.col("is_shown").fill_null(value=True)
    _, last = evidence.keys.bounds(pl.col("w"))
    none = pl.lit(None)
    return ops.with_columns(
        known=(pl.col("known") & ~rests) | moved,
        maybe=pl.col("maybe") & ~shown,
        pure=pl.col("pure") | rests,
        repeats=pl.col("repeats") & ~shown,
        kind=pl.when(rests).then(pl.lit("read")).otherwise("kind"),
        outcome=pl.when(rests).then(pl.lit("ok")).otherwise("outcome"),
        observed=pl.when(rests).then("next").otherwise("observed"),
        next=pl.when(rests).then(none).otherwise("next"),
        want=pl.when(rests).then(none).otherwise("want"),
        set=pl.when(rests).then(none).otherwise("set"),
        wants=pl.when(rests).then(0).otherwise("wants").cast(pl.UInt32),
        ends=pl.when(moved).then(last).otherwise("ends"),
    ).drop("is_shown")


def make_search(context: CheckContext, w: int, traces: pl.DataFrame) -> MarkerSearch:
    found = [Trace(*row) for row in traces.select("row", "is_shown").iter_rows()]
    operations, starts = context.lay_out(w)
    limit_s = context.evidence.limits.workflow_s
    return MarkerSearch(operations, starts, context.evidence.graph, found, int(traces["asked"][0]), limit_s)
