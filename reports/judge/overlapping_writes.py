"""Overlapping writes: in a finding about a workflow, the declared writes that ran beside its moves. Decides nothing.

A write must not move the workflow. One that saves the whole row, and with it the state that it read, undoes a move that
it overlaps; such a workflow breaks other checks than the ones that look at writes, so the finding names the write.
"""

from collections.abc import Sequence
from dataclasses import replace

import polars as pl

from reports.history.history import Record
from reports.judge.context import CheckContext
from reports.judge.models.workflow import MOVES, NEVER
from reports.judge.text.finding_text import NAMED_MAX, name
from reports.judge.text.short_forms import join
from reports.judge.verdict import CheckResult, Finding, Verdict

# What a state that moved without a transition breaks.
CHECKS = frozenset(
    {"one-winner", "conflict-count", "conflict-truth", "legality", "linearizable", "final-state", "audit"}
)


def name_writes(context: CheckContext, results: Sequence[CheckResult]) -> tuple[CheckResult, ...]:
    """The results, each failure of these checks with the writes that overlapped moves of its workflow."""
    if context.ops.filter(kind="write").is_empty():
        return tuple(results)
    return tuple(
        replace(result, findings=tuple(add_writes(context, finding) for finding in result.findings))
        if result.check in CHECKS
        else result
        for result in results
    )


def add_writes(context: CheckContext, finding: Finding) -> Finding:
    if finding.verdict is not Verdict.FAIL or finding.workflow is None:
        return finding
    [w] = context.evidence.number_workflows([finding.workflow])
    if w is None or not (rows := find_overlapping(context.evidence.slice(w))):
        return finding
    return replace(finding, words=f"{finding.words}\n\n{describe_writes(context.records(rows))}")


def find_overlapping(ops: pl.DataFrame) -> list[int]:
    """The rows of the writes of a workflow that may have been carried out while a move of it was in flight."""
    effective = ops.filter(pl.col("outcome").is_in(["ok", "won", "unknown"]))
    # One that was not answered may be carried out later.
    until = pl.when(pl.col("outcome") == "unknown").then(pl.lit(NEVER)).otherwise("ends")
    effective = effective.with_columns(ends=until)
    writes = effective.filter(kind="write").select("row", "begins", "ends")
    moves = effective.filter(pl.col("kind").is_in(MOVES)).select("begins", "ends")
    overlap = (pl.col("begins") <= pl.col("ends_right")) & (pl.col("begins_right") <= pl.col("ends"))
    pairs = writes.join(moves, how="cross").filter(overlap)
    return pairs["row"].unique().sort().to_list()


def describe_writes(records: Sequence[Record]) -> str:
    """Which writes they were, by the name in the target file, each with its first few requests."""
    named: dict[str, list[Record]] = {}
    for record in records:
        named.setdefault(record.read_detail().request or "a write", []).append(record)
    told = [f"{title} ({list_requests(found)})" for title, found in named.items()]
    return (
        f"While the workflow was moved, it was also written to: {join(told)}. If a write saves the whole row, and with "
        "it the state that it read, it undoes a move that it overlaps; the answers alone do not show whether it did."
    )


def list_requests(records: Sequence[Record]) -> str:
    shown = [name(record) for record in records[:NAMED_MAX]]
    return join([*shown, f"{len(records) - NAMED_MAX} more"] if len(records) > NAMED_MAX else shown)
