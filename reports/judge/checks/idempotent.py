"""idempotent: all requests with one idempotency key are one operation, with one answer and one effect."""

from collections.abc import Callable, Sequence
from functools import partial

import polars as pl

from reports.history.history import Record
from reports.judge.context import CheckContext, Suspicion, conclude, fail, make_finding, not_applicable
from reports.judge.finding_text import Text
from reports.judge.idempotency_text import describe_other_answer, describe_other_payload, describe_refusal
from reports.judge.verdict import CheckResult, Finding

CHECK = "idempotent"
SAME = ("workflow", "tenant", "key")
SHOWN_MAX = 4
SERVED = ("won", "ok")
TOLD = (*SERVED, "conflict", "stale")


def check_idempotent(context: CheckContext) -> CheckResult:
    """Judges every key that several requests carried.

    One effect: the model takes them for one operation, so `linearizable`, `audit` and `capacity` count it once, and
    `effects` its marker. Here: the first answer is the only one, and nothing else is carried out under the same key. A
    busy answer ("in progress") and an unknown one say nothing.
    """
    keyed = take_keyed(context)
    if keyed.is_empty():
        return not_applicable(CHECK, "no two requests carried the same idempotency key", "keys")
    suspicions: list[Suspicion] = []
    for group in keyed.partition_by(SAME, maintain_order=True):
        suspicions += suspect_group(context, group)
    judged = keyed.select(SAME).n_unique()
    return conclude(context, CHECK, judged=judged, unit="keys", suspicions=suspicions)


def take_keyed(context: CheckContext) -> pl.DataFrame:
    """The operations that share a key of their tenant, by the time of their answers."""
    columns = ["row", *SAME, "kind", "outcome", "payload", "answer"]
    frame = context.evidence.history.frame.with_row_index("row").select(columns).filter(pl.col("key").is_not_null())
    times = context.ops.select("row", "begins", "ends")
    keyed = frame.collect().join(times, on="row").sort("ends", "row")
    return keyed.filter(pl.len().over(SAME) > 1)


def suspect_group(context: CheckContext, group: pl.DataFrame) -> list[Suspicion]:
    """The answers of one key that contradict the first one that was served, or else the first one."""
    outcome = pl.col("outcome")
    told = group.filter(outcome.is_in(TOLD))
    served = told.filter(outcome.is_in(SERVED))
    if told.is_empty():
        return []
    first = (served if served.height else told).row(0, named=True)
    same = pl.col("payload").eq_missing(pl.lit(first["payload"], dtype=pl.String))
    differs = pl.col("answer").ne_missing(pl.lit(first["answer"], dtype=pl.String)) | (outcome != first["outcome"])
    refused_later = (outcome == "refused") & (pl.col("begins") > first["ends"]) & (first["outcome"] in SERVED)
    found = [
        (served.filter(~same), describe_other_payload),
        (told.filter(same & differs), describe_other_answer),
        (group.filter(same & refused_later), describe_refusal),
    ]
    return [
        fail(partial(report, context, [first["row"], *wrong["row"].to_list()[:SHOWN_MAX]], describe))
        for wrong, describe in found
        if wrong.height
    ]


def report(context: CheckContext, rows: Sequence[int], describe: Callable[[Sequence[Record]], Text]) -> Finding:
    """The first answer of a key, and then those that contradict it."""
    by_row = {record.row: record for record in context.records(rows)}
    records = [by_row[row] for row in rows]
    return make_finding(CHECK, records, describe(records))
