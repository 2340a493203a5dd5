"""idempotent: all requests with one idempotency key are one operation, with one answer and one effect."""

from dataclasses import replace

import polars as pl

from reports.judge.context import CheckContext, Suspicion, conclude, fail, not_applicable, report_rows
from reports.judge.evidence.idempotency_keys import ONE_OPERATION, SAME
from reports.judge.evidence.linearizability_decision import decide
from reports.judge.text.idempotency_text import (
    describe_lost,
    describe_other_answer,
    describe_other_payload,
    describe_refusal,
    describe_stuck,
    describe_untold,
)
from reports.judge.verdict import CheckResult

CHECK = "idempotent"
SHOWN_MAX = 4
# A service may note an answer shortly after it is sent, but not that much later.
STUCK_NS = 2_000_000_000
# Statuses of a busy answer that say nothing about a key.
OVERLOADED = (429, 503)
SERVED = ("won", "ok")
LOST = ("conflict", "stale")
TOLD = (*SERVED, *LOST)


def check_idempotent(context: CheckContext) -> CheckResult:
    """Judges every key that several requests carried.

    One effect: the model takes them for one operation, so `linearizable`, `audit` and `capacity` count it once, and
    `effects` its marker. Here: the first answer is the only one, and nothing else is carried out under the same key,
    also no unknown request without which the history has no explanation. Otherwise an unknown answer says nothing, and
    a busy one ("in progress") only if it comes long after the first answer.
    """
    keyed = take_keyed(context)
    if keyed.is_empty():
        return not_applicable(CHECK, "no two requests carried the same idempotency key", "keys")
    compared = compare(keyed)
    stuck = suspect_stuck(context, compared)
    suspicions = suspect_answers(context, compared) + stuck + suspect_lost(context, keyed)
    suspicions += suspect_carried_out(context, compared)
    judged = count_told(compared) + len(stuck)
    if not judged:
        return not_applicable(CHECK, describe_keys(keyed), "keys")
    return conclude(context, CHECK, judged=judged, unit="keys", suspicions=suspicions)


def take_keyed(context: CheckContext) -> pl.DataFrame:
    """The operations that share a key of their tenant, by the time of their answers."""
    columns = ["row", *SAME, "kind", "outcome", "status", "payload", "answer"]
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
    unknown = pl.col("outcome") == "unknown"
    foreign = context.ops.filter(~pl.col("mine") & pl.col("outcome").is_in(["won", "unknown"]))["w"]
    numbers = context.ops.filter(pl.col("w").is_in({*context.decision.failed} - {*foreign})).select("row", "w")
    told = keyed.join(numbers, on="row").filter(~pl.col("outcome").is_in(["busy", "refused"]))
    told = told.filter(unknown.any().over(ONE_OPERATION) & pl.col("outcome").is_in(LOST).any().over(ONE_OPERATION))
    found = []
    for group in told.partition_by(ONE_OPERATION, maintain_order=True):
        rows = group.filter(unknown)["row"]
        if is_explained_apart(context, group["w"][0], rows):
            first = group.filter(pl.col("outcome").is_in(LOST))["row"][0]
            found.append(fail(report_rows, context, CHECK, describe_lost, [first, *rows[:SHOWN_MAX]]))
    return found


def suspect_carried_out(context: CheckContext, compared: pl.DataFrame) -> list[Suspicion]:
    """The unknown requests that must have been carried out, though they ask for something else under a key that was
    served: the history has no explanation without them.

    Where another tenant may have moved the workflow, that is the explanation.
    """
    other = compared.filter((pl.col("outcome") == "unknown") & ~pl.col("same") & pl.col("outcome_first").is_in(SERVED))
    foreign = context.ops.filter(~pl.col("mine") & pl.col("outcome").is_in(["won", "unknown"]))["w"]
    numbers = context.ops.filter(~pl.col("w").is_in({*context.decision.suspects, *foreign})).select("row", "w")
    found = other.join(numbers, on="row", maintain_order="left").select("w", "row", "row_first")
    return [
        fail(report_rows, context, CHECK, describe_other_payload, [first, row])
        for w, row, first in found.iter_rows()
        if is_needed(context, w, row)
    ]


def is_needed(context: CheckContext, w: int, row: int) -> bool:
    """Whether the workflow has no explanation without this request."""
    evidence, mine = context.evidence, context.ops.filter(pl.col("w") == w)["row"]
    rest = evidence.history.encoded.filter(pl.col("row").is_in(mine.implode()) & (pl.col("row") != row))
    return bool(decide(replace(evidence, history=replace(evidence.history, encoded=rest))).failed)


def is_explained_apart(context: CheckContext, w: int, rows: pl.Series) -> bool:
    """Whether the workflow has an explanation if these requests share no key with others."""
    evidence, mine = context.evidence, context.ops.filter(pl.col("w") == w)["row"]
    encoded = evidence.history.encoded.filter(pl.col("row").is_in(mine.implode()))
    freed = encoded.with_columns(key=pl.when(~pl.col("row").is_in(rows.implode())).then("key"))
    decision = decide(replace(evidence, history=replace(evidence.history, encoded=freed)))
    return not decision.suspects


def compare(keyed: pl.DataFrame) -> pl.DataFrame:
    """Each request beside the one of its key that counts, in columns with `_first`: the first that was served, or else
    the first that was told anything. `same`: it asks for the same. `late`: it began after that one was served.
    """
    told = keyed.filter(pl.col("outcome").is_in(TOLD)).sort(~pl.col("outcome").is_in(SERVED), maintain_order=True)
    first = told.group_by(SAME, maintain_order=True).first()
    compared = keyed.join(first, on=SAME, suffix="_first", maintain_order="left")
    return compared.with_columns(
        same=pl.col("payload").eq_missing(pl.col("payload_first")),
        late=(pl.col("begins") > pl.col("ends_first")) & pl.col("outcome_first").is_in(SERVED),
    )


def find_untold(context: CheckContext) -> str | None:
    """Why the keys of the history say nothing, if they do not."""
    keyed = take_keyed(context)
    return None if keyed.is_empty() or count_told(compare(keyed)) else describe_keys(keyed)


def describe_keys(keyed: pl.DataFrame) -> str:
    return describe_untold(keyed["outcome"].value_counts().sort("outcome").rows())


def count_told(compared: pl.DataFrame) -> int:
    """The keys that several requests carried that were told something, or whose answer was lost. Busy says nothing, nor
    does a refusal of the same request before the first answer: the service may not look at keys at all.
    """
    refused = (pl.col("outcome") == "refused") & pl.col("same") & ~pl.col("late").fill_null(value=False)
    silent = (pl.col("outcome") == "busy") | refused
    is_told = pl.col("outcome").is_in(TOLD).any() & (pl.len() > 1)
    return compared.filter(~silent).filter(is_told.over(SAME)).select(SAME).n_unique()


def suspect_answers(context: CheckContext, compared: pl.DataFrame) -> list[Suspicion]:
    """The answers that contradict the first one of their key that was served, or else the first one."""
    outcome, same = pl.col("outcome"), pl.col("same")
    differs = pl.col("answer").ne_missing(pl.col("answer_first")) | (outcome != pl.col("outcome_first"))
    wrong = {
        describe_other_payload: outcome.is_in(SERVED) & ~same,
        describe_other_answer: outcome.is_in(TOLD) & same & differs,
        describe_refusal: (outcome == "refused") & same & pl.col("late"),
    }
    return [
        fail(report_rows, context, CHECK, describe, [first_row, *rows[:SHOWN_MAX]])
        for describe, is_wrong in wrong.items()
        for first_row, rows in compared.filter(is_wrong)
        .group_by(*SAME, "row_first", maintain_order=True)
        .agg("row")
        .select("row_first", "row")
        .iter_rows()
    ]


def suspect_stuck(context: CheckContext, compared: pl.DataFrame) -> list[Suspicion]:
    """The keys that are in progress whenever they are sent again, even long after their first answer, be it a loss.

    Not those of a workflow that a fault struck: what the fault left locked may keep any request of it busy.
    """
    is_busy = (pl.col("outcome") == "busy") & ~pl.col("status").is_in(OVERLOADED).fill_null(value=False)
    touched = context.ops.select("row", touched=context.touched_by_fault)
    spared = ~pl.col("workflow").is_in(sorted(context.faults.named))
    again = compared.filter(pl.col("begins") > pl.col("ends_first"), "same", spared)
    repeated = again.join(touched, on="row", how="left", maintain_order="left")
    stuck = repeated.filter((is_busy & ~pl.col("touched")).all().over(SAME)).group_by(SAME, maintain_order=True).last()
    stuck = stuck.filter(pl.col("begins") - pl.col("ends_first") >= STUCK_NS)
    return [
        fail(report_rows, context, CHECK, describe_stuck, rows) for rows in stuck.select("row_first", "row").iter_rows()
    ]
