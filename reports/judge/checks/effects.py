"""effects: a winner left its trace exactly once and a loser none: a shown marker, a call to a sink."""

from collections.abc import Sequence
from dataclasses import replace

import polars as pl

from reports.history.events import Effects
from reports.history.history import Record
from reports.judge.context import (
    CheckContext,
    Suspicion,
    conclude,
    doubt,
    fail,
    make_finding,
    not_applicable,
    report_row,
    report_rows,
)
from reports.judge.evidence.idempotency_keys import ONE_OPERATION, SAME
from reports.judge.markers import find_traces, lay_out_contradictory, list_asked
from reports.judge.models.workflow import MOVES
from reports.judge.searches.marker_search import NO_ROW, MarkerSearch
from reports.judge.sink_calls import judge_calls
from reports.judge.text.marker_text import (
    describe_foreign_trace,
    describe_gone,
    describe_trace,
    describe_trace_answers,
    describe_trace_count,
    describe_traces_of_key,
)
from reports.judge.verdict import CheckResult, Finding, Verdict

CHECK = "effects"
LOST = ("conflict", "stale", "refused", "busy")
# So many wins that were alone are named, and so many requests beside one.
NAMED_MAX, BESIDE_MAX = 3, 5


def check_effects(context: CheckContext) -> CheckResult:
    """Judges every marker that was shown, and of each winner whose request carried one, how often it was shown.

    Losers leave none, and no operation leaves one in another workflow. An unknown one leaves its own at most once, and
    exactly once if the trail or the answers show that it won; another tenant's call must leave none, and one that
    met another object is not looked at. Requests with one idempotency key leave one marker together. A marker that was
    not sent in this history says nothing: it may be the engine's own.
    """
    calls, events = judge_calls(context), context.evidence.history.having(Effects)
    if not events and calls is None:
        return not_applicable(CHECK, "no source asked the service which operations left a trace", "workflows")
    if calls is not None:
        suspicions, looked = ([], 0) if not events else judge_traces(context)
        suspicions, judged = [*calls.suspicions, *suspicions], calls.judged + looked
        unit = "requests" if not events else "requests and workflows"
        return conclude(context, CHECK, judged=judged, unit=unit, suspicions=suspicions, reason=calls.remark)
    suspicions, looked = judge_traces(context)
    return conclude(context, CHECK, judged=looked, unit="workflows", suspicions=suspicions)


def judge_traces(context: CheckContext) -> tuple[list[Suspicion], int]:
    """What is wrong with the markers that the engine showed, and how many workflows were looked at."""
    looked = list_asked(context)
    sent = take_sent(context).join(context.elsewhere, on="row", how="anti", maintain_order="left")
    found = sent.join(count_shown(context), on="marker", how="left", maintain_order="left")
    counted = mark_foreign(context, found.join(looked, on="workflow", how="left", maintain_order="left"))
    strayed = pl.col("where").is_not_null() & (
        pl.col("outcome").is_in(LOST) | (pl.col("workflow") != pl.col("where")) | pl.col("foreign")
    )
    by_key = pl.col("key").is_not_null() & pl.col("shown").is_not_null().any().over(SAME)
    counted = counted.with_columns(by_key=by_key)
    wrong = counted.filter(strayed)
    suspicions: list[Suspicion] = [
        fail(report_trace, context, row, where, foreign=foreign)
        for row, where, foreign in wrong.select("row", "where", "foreign").iter_rows()
    ]
    counted = counted.filter(~strayed)
    often, absent = counted.filter(pl.col("any").not_() & (pl.col("shown") > 1)), find_absent(context, counted)
    twice, gone = find_effects_of_one_key(counted), find_gone(context, counted)
    suspicions += [*suspect_counts(context, often), *suspect_counts(context, absent), *suspect_keys(context, twice)]
    suspicions += [fail(report_row, context, CHECK, describe_gone, row) for row in gone["row"]]
    accused = pl.concat([each["row"] for each in (often, absent, twice, gone)]).implode()
    suspicions += suspect_answers(context, counted.filter(~pl.col("row").is_in(accused)))
    return suspicions, looked.height


def take_sent(context: CheckContext) -> pl.DataFrame:
    """Every operation that carried a marker: row, marker, workflow, kind, outcome, tenant, key, payload, edge, repeats,
    returned, told.

    In a history that tells no marker (`told` is False) an operation's id is taken for its marker. A request that lost
    is left out if another one with its idempotency key, and so with its marker, did not.
    """
    frame = context.evidence.history.frame.with_row_index("row")
    ids, told = pl.col("id").cast(pl.String), bool(frame.select(pl.col("marker").is_not_null().any()).collect().item())
    edge = pl.concat_str(pl.col("expected").list.join("\0"), pl.col("next"), separator="\0\0", ignore_nulls=True)
    sent = frame.select(
        "row",
        (pl.col("marker") if told else ids).alias("marker"),
        "workflow",
        "kind",
        "outcome",
        "tenant",
        "key",
        "payload",
        edge.alias("edge"),
        pl.col("repeats").fill_null(value=False),
        returned=pl.col("returned_ns") + context.evidence.history.clock_uncertainty_ns,
    )
    lost = pl.col("outcome").is_in(LOST)
    sent = sent.filter(pl.col("key").is_null() | ~lost | lost.all().over("workflow", "marker"))
    return sent.filter(pl.col("marker").is_not_null()).with_columns(told=pl.lit(told)).collect()


def count_shown(context: CheckContext) -> pl.DataFrame:
    """How often each marker was shown in a workflow, at the most: marker, where, shown."""
    rows = [
        (number, event.workflow, str(marker))
        for number, event in enumerate(context.evidence.history.having(Effects))
        for marker in event.markers
    ]
    schema = {"reading": pl.UInt32, "where": pl.String, "marker": pl.String}
    shown = pl.DataFrame(rows, schema=schema, orient="row").group_by("reading", "where", "marker").agg(shown=pl.len())
    return shown.group_by("where", "marker").agg(pl.col("shown").max()).sort("where", "marker")


def mark_foreign(context: CheckContext, found: pl.DataFrame) -> pl.DataFrame:
    """With `foreign`: another tenant asked than the workflow's owner, whom an answer must have shown."""
    suspects = context.ops.filter(pl.col("row").is_in(found["row"].implode()) & ~pl.col("mine"))
    owners = context.ops.filter(pl.col("w").is_in(suspects["w"].unique().implode()) & pl.col("mine"))
    answered = owners.filter(pl.col("outcome").is_in(["won", "ok"]))["w"].unique()
    foreign = suspects.filter(pl.col("w").is_in(answered.implode()))["row"]
    found = found.with_columns(foreign=pl.col("row").is_in(foreign.implode()))
    # The marker may be that of a request of the owner, too.
    owned = (~pl.col("foreign") & ~pl.col("outcome").is_in(LOST)).any().over("workflow", "marker")
    return found.with_columns(foreign=pl.col("foreign") & ~owned)


def suspect_counts(context: CheckContext, wrong: pl.DataFrame) -> list[Suspicion]:
    """The operations whose marker was shown too often, or not at all and must be."""
    won = wrong.filter(pl.col("outcome") == "won")
    lone = find_lone(context, won["row"].to_list()) if won.height else []
    return [
        fail(report_count, context, row, shown or 0, lone, shows_alone=told or shown is not None)
        for row, shown, told in wrong.select("row", "shown", "told").iter_rows()
    ]


def suspect_answers(context: CheckContext, counted: pl.DataFrame) -> list[Suspicion]:
    """The workflows whose answers some order explains, but none together with the markers that were shown."""
    suspicions: list[Suspicion] = []
    for w, found in lay_out_contradictory(context, find_traces(context, counted)):
        verdict = found.search().verdict
        if verdict is Verdict.FAIL:
            suspicions.append(fail(report_answers, context, found))
        elif verdict is Verdict.UNKNOWN:
            suspicions.append(doubt(context.report_timeout, CHECK, w))
    return suspicions


def report_answers(context: CheckContext, found: MarkerSearch) -> Finding:
    """The fewest requests whose traces contradict the answers by themselves, and some of those that they contradict."""
    traces = found.find_least()
    records = context.records([trace.row for trace in traces])
    core = found.search(traces).conflict_core
    own = {NO_ROW, *(trace.row for trace in traces)}
    beside = [each.row for each in core if each.row not in own][:BESIDE_MAX]
    shown = [trace.row for trace in traces if trace.is_shown]
    text = describe_trace_answers(records, len(shown), context.records(beside))
    return replace(make_finding(CHECK, [*records, *context.records(beside)], text), race=None)


def find_absent(context: CheckContext, counted: pl.DataFrame) -> pl.DataFrame:
    """The winners whose marker must be there and is not."""
    moves = counted.filter(pl.col("kind").is_in(MOVES) & ~pl.col("repeats") & pl.col("any").not_())
    certain = moves.filter("told")
    without = certain.filter(pl.col("shown").is_null() & pl.col("by_key").not_())
    proven = find_proven(context, without.filter(pl.col("outcome") == "unknown"))
    lacking = without.filter(
        (pl.col("outcome") == "won") & (pl.col("returned") < pl.col("asked")).fill_null(value=True)
    )
    return pl.concat([lacking, proven, find_absent_beside_others(moves.filter(~pl.col("told")))]).sort("row")


def find_effects_of_one_key(counted: pl.DataFrame) -> pl.DataFrame:
    """The requests whose markers were shown beside that of another one with their idempotency key. They are one
    operation, which has one effect.
    """
    shown = counted.filter(pl.col("key").is_not_null() & pl.col("shown").is_not_null() & pl.col("any").not_())
    return shown.filter(pl.col("marker").n_unique().over(ONE_OPERATION) > 1).sort("row")


def suspect_keys(context: CheckContext, twice: pl.DataFrame) -> list[Suspicion]:
    groups = twice.group_by(ONE_OPERATION, maintain_order=True).agg("row")["row"].to_list()
    return [fail(report_rows, context, CHECK, describe_traces_of_key, rows[:NAMED_MAX]) for rows in groups]


def find_gone(context: CheckContext, counted: pl.DataFrame) -> pl.DataFrame:
    """The winners whose marker was shown, but not in each reading that was asked for after it must have been there. Of
    requests with one key the marker of another one serves.
    """
    readings, shown = list_readings(context)
    one = pl.when(pl.col("key").is_null()).then("row").otherwise(pl.col("row").min().over(SAME))
    named = counted.with_columns(one=one)
    moves = named.filter(pl.col("told") & pl.col("kind").is_in(MOVES) & ~pl.col("repeats") & pl.col("any").not_())
    moves = moves.filter(pl.col("shown").is_not_null() | pl.col("by_key"))
    won = moves.filter(pl.col("outcome") == "won").with_columns(since="returned")
    proven = find_rows(context, moves.filter(pl.col("outcome") == "unknown")).rename({"had": "since"})
    certain = pl.concat([each.select("row", "workflow", "one", "since") for each in (won, proven)])
    due = certain.join(readings, on="workflow").filter(pl.col("since") < pl.col("asked"))
    seen = shown.join(named.select("marker", "one").unique(), on="marker")
    return due.join(seen, on=["reading", "one"], how="anti").select("row").unique().sort("row")


def list_readings(context: CheckContext) -> tuple[pl.DataFrame, pl.DataFrame]:
    """Each reading of markers (reading, workflow, asked), and what it showed (reading, marker)."""
    wide = context.evidence.history.clock_uncertainty_ns
    events = list(enumerate(context.evidence.history.having(Effects)))
    readings = [(number, event.workflow, event.read_ns - wide) for number, event in events]
    shown = [(number, str(marker)) for number, event in events for marker in event.markers]
    schema = {"reading": pl.UInt32, "workflow": pl.String, "asked": pl.Int64}
    return (
        pl.DataFrame(readings, schema=schema, orient="row"),
        pl.DataFrame(shown, schema={"reading": pl.UInt32, "marker": pl.String}, orient="row"),
    )


def find_proven(context: CheckContext, unknown: pl.DataFrame) -> pl.DataFrame:
    """Those of the unknown operations of which a trail had a row before the markers were last asked for."""
    return find_rows(context, unknown).filter(pl.col("had") < pl.col("asked")).select(unknown.columns)


def find_rows(context: CheckContext, unknown: pl.DataFrame) -> pl.DataFrame:
    """The unknown operations, with when a trail `had` a row of each; null without one."""
    if unknown.is_empty():
        return unknown.with_columns(had=pl.lit(None, dtype=pl.Int64))
    until = pl.coalesce("returned_ns", "read_ns") + context.evidence.history.clock_uncertainty_ns
    rows = context.evidence.history.audit.group_by("workflow", "request_id").agg(had=until.min())
    named = unknown.with_columns(request_id=context.read_request_ids(unknown["row"]))
    rows = rows.with_columns(pl.col("workflow").cast(pl.String), pl.col("request_id").cast(pl.String))
    return named.join(rows, on=("workflow", "request_id"), how="left", maintain_order="left")


def find_absent_beside_others(moves: pl.DataFrame) -> pl.DataFrame:
    """If no request told its marker: the winners of an edge without a marker, if others of that edge left one.

    One that was followed by another of its edge in its workflow is left out: that one may have replaced it.
    """
    won = moves.filter(pl.col("outcome") == "won").with_columns(
        leaves=pl.col("shown").is_not_null().any().over("edge"), last=pl.col("row").max().over("workflow", "edge")
    )
    lacking = won.filter(pl.col("leaves") & pl.col("shown").is_null() & (pl.col("row") == pl.col("last")))
    return lacking.drop("leaves", "last")


def find_lone(context: CheckContext, rows: Sequence[int]) -> list[Record]:
    """Those of the operations beside which nothing else was asked, of any workflow, and that no fault touched."""
    suspects = context.ops.filter(
        pl.col("row").is_in(list(rows)) & pl.col("race").is_null() & ~context.touched_by_fault
    )
    asked = context.evidence.history.frame.with_row_index("row").select("row", "invoked_ns", "returned_ns").collect()
    mine = suspects.select("row").join(asked, on="row", how="left", maintain_order="left")
    # Those that began before its end, without those that ended before its begin: itself, if it was alone.
    begun = asked["invoked_ns"].sort().search_sorted(mine["returned_ns"], side="right")
    over = asked["returned_ns"].drop_nulls().sort().search_sorted(mine["invoked_ns"], side="left")
    return context.records(mine.filter(begun - over == 1)["row"].head(NAMED_MAX))


def report_trace(context: CheckContext, row: int, where: str, *, foreign: bool) -> Finding:
    [record] = context.records([row])
    is_own = record.workflow == where
    text = describe_foreign_trace(record) if foreign and is_own else describe_trace(record, where)
    # Of two workflows neither shows it alone.
    return replace(make_finding(CHECK, [record], text), workflow=where if is_own else None)


def report_count(context: CheckContext, row: int, shown: int, lone: Sequence[Record], *, shows_alone: bool) -> Finding:
    """`shows_alone`: the workflow shows it by itself, without others of which it was told otherwise."""
    [record] = context.records([row])
    text = describe_trace_count(record, shown, lone if record.outcome == "won" else ())
    return replace(make_finding(CHECK, [record], text), workflow=record.workflow if shows_alone else None)
