"""idempotent: all requests with one idempotency key are one operation, with one answer and one effect."""

from collections.abc import Callable, Sequence
from dataclasses import replace
from functools import partial

import polars as pl

from reports.history.history import Record
from reports.judge.context import CheckContext, Suspicion, conclude, fail, make_finding, not_applicable
from reports.judge.decision import decide
from reports.judge.finding_text import Text
from reports.judge.idempotency_keys import SAME
from reports.judge.idempotency_text import (
    describe_lost,
    describe_other_answer,
    describe_other_payload,
    describe_refusal,
)
from reports.judge.verdict import CheckResult, Finding

CHECK = "idempotent"
SHOWN_MAX = 4
SERVED = ("won", "ok")
LOST = ("conflict", "stale")
TOLD = (*SERVED, *LOST)


def check_idempotent(context: CheckContext) -> CheckResult:
    """Judges every key that several requests carried.

    One effect: the model takes them for one operation, so `linearizable`, `audit` and `capacity` count it once, and
    `effects` its marker. Here: the first answer is the only one, and nothing else is carried out under the same key. A
    busy answer ("in progress") and an unknown one say nothing.
    """
    keyed = take_keyed(context)
    if keyed.is_empty():
        return not_applicable(CHECK, "no two requests carried the same idempotency key", "keys")
    suspicions = suspect_answers(context, keyed)
    suspicions += suspect_lost(context, keyed)
    judged = keyed.select(SAME).n_unique()
    return conclude(context, CHECK, judged=judged, unit="keys", suspicions=suspicions)


def take_keyed(context: CheckContext) -> pl.DataFrame:
    """The operations that share a key of their tenant, by the time of their answers."""
    columns = ["row", *SAME, "kind", "outcome", "payload", "answer"]
    # A second give-back may well be refused; what it may not do is shown by the units.
    asked = pl.col("key").is_not_null() & (pl.col("kind") != "give_back")
    frame = context.evidence.history.frame.with_row_index("row").select(columns).filter(asked)
    times = context.ops.select("row", "begins", "ends")
    keyed = frame.collect().join(times, on="row").sort("ends", "row")
    return keyed.filter(pl.len().over(SAME) > 1)


def suspect_lost(context: CheckContext, keyed: pl.DataFrame) -> list[Suspicion]:
    """The keys that were told a loss, though a request whose answer is not known must have been carried out: the
    history has an explanation only if that request is an operation of its own.

    Where another tenant may have moved the workflow, that is the explanation.
    """
    unknown, same = pl.col("outcome") == "unknown", (*SAME, "payload")
    foreign = context.ops.filter(~pl.col("mine") & pl.col("outcome").is_in(["won", "unknown"]))["w"]
    numbers = context.ops.filter(pl.col("w").is_in({*context.decision.failed} - {*foreign})).select("row", "w")
    told = keyed.join(numbers, on="row").filter(~pl.col("outcome").is_in(["busy", "refused"]))
    told = told.filter(unknown.any().over(same) & pl.col("outcome").is_in(LOST).any().over(same))
    found = []
    for group in told.partition_by(same, maintain_order=True):
        rows = group.filter(unknown)["row"]
        if is_explained_apart(context, group["w"][0], rows):
            first = group.filter(pl.col("outcome").is_in(LOST))["row"][0]
            found.append(fail(partial(report, context, [first, *rows[:SHOWN_MAX]], describe_lost)))
    return found


def is_explained_apart(context: CheckContext, w: int, rows: pl.Series) -> bool:
    """Whether the workflow has an explanation if these requests share no key with others."""
    evidence, mine = context.evidence, context.ops.filter(pl.col("w") == w)["row"]
    encoded = evidence.history.encoded.filter(pl.col("row").is_in(mine.implode()))
    freed = encoded.with_columns(key=pl.when(~pl.col("row").is_in(rows.implode())).then("key"))
    decision = decide(replace(evidence, history=replace(evidence.history, encoded=freed)))
    return not decision.suspects


def suspect_answers(context: CheckContext, keyed: pl.DataFrame) -> list[Suspicion]:
    """The answers that contradict the first one of their key that was served, or else the first one."""
    outcome = pl.col("outcome")
    is_served, is_told = outcome.is_in(SERVED), outcome.is_in(TOLD)
    told = keyed.filter(is_told).sort(~is_served, maintain_order=True)
    first = told.group_by(SAME, maintain_order=True).first()
    compared = keyed.join(first, on=SAME, suffix="_first", maintain_order="left")
    same = pl.col("payload").eq_missing(pl.col("payload_first"))
    differs = pl.col("answer").ne_missing(pl.col("answer_first")) | (outcome != pl.col("outcome_first"))
    is_late = (pl.col("begins") > pl.col("ends_first")) & pl.col("outcome_first").is_in(SERVED)
    wrong = {
        describe_other_payload: is_served & ~same,
        describe_other_answer: is_told & same & differs,
        describe_refusal: (outcome == "refused") & same & is_late,
    }
    return [
        fail(partial(report, context, [first_row, *rows[:SHOWN_MAX]], describe))
        for describe, is_wrong in wrong.items()
        for first_row, rows in compared.filter(is_wrong)
        .group_by(*SAME, "row_first", maintain_order=True)
        .agg("row")
        .select("row_first", "row")
        .iter_rows()
    ]


def report(context: CheckContext, rows: Sequence[int], describe: Callable[[Sequence[Record]], Text]) -> Finding:
    """The first answer of a key, and then those that contradict it."""
    by_row = {record.row: record for record in context.records(rows)}
    records = [by_row[row] for row in rows]
    return make_finding(CHECK, records, describe(records))
