"""Brute force: every order of a few operations. Of the judge it shares the step, and nothing else.

An operation here is a plain dict with the columns of a history; a workflow is a list of them.
"""

from dataclasses import replace
from typing import Any

from engine.target.graph import TransitionGraph
from reports.judge.models.workflow import IMPOSSIBLE, NEVER, Operation, step

Record = dict[str, Any]
OTHER = "some state that nothing names"


def is_explained(records: list[Record], graph: TransitionGraph | None, initial: str | None, wide: int = 0) -> bool:
    """Whether some order that respects real time, by clocks that are `wide` apart, explains every answer; tries all."""
    first = initial if initial is not None else graph.initial if graph else None
    mentioned = {
        state for record in records for state in (*(record["expected"] or ()), record["next"], record["observed"])
    }
    free = [*sorted(state for state in mentioned if state is not None), OTHER]
    operations = [convert(record, wide) for record in records if counts(record)]
    if any(is_create(operation) for operation in operations):
        # A create that does not tell its state leads to the first one where that is known, else to any.
        firsts = free if first is None else [first]
        return any(try_orders(None, [fill(each, state) for each in operations], graph) for state in firsts)
    begun = [
        record["invoked_ns"] - wide
        for record in records
        if (record["kind"], record["outcome"]) == ("create", "unknown")
    ]
    known = [operation.returned for operation in operations if operation.outcome not in ("unknown", "busy", "stale")]
    start = first if begun and min(begun) <= min(known, default=NEVER) else initial
    return any(try_orders(state, operations, graph) for state in (free if start is None else [start]))


def is_create(operation: Operation) -> bool:
    return operation.kind == "create" and operation.outcome == "ok"


def fill(operation: Operation, first: str) -> Operation:
    """A create that leads somewhere."""
    return replace(operation, observed=first) if is_create(operation) and operation.observed is None else operation


def counts(record: Record) -> bool:
    """Refused operations, unknown reads and unknown creates say nothing about any order."""
    if record["outcome"] == "refused":
        return False
    return record["outcome"] != "unknown" or record["kind"] in ("advance", "set")


def convert(record: Record, wide: int) -> Operation:
    lost = record["outcome"] == "unknown" or record["returned_ns"] is None
    return Operation(
        row=0,
        kind=record["kind"],
        outcome=record["outcome"],
        expected=tuple(record["expected"] or ()),
        next=record["next"],
        observed=record["observed"] if record["outcome"] != "unknown" else None,
        invoked=record["invoked_ns"] - wide,
        returned=NEVER if lost else record["returned_ns"] + wide,
    )


def try_orders(state: str | None, left: list[Operation], graph: TransitionGraph | None) -> bool:
    """Whether the operations that are left can follow. Unknown ones need not."""
    if all(operation.outcome == "unknown" for operation in left):
        return True
    for index, operation in enumerate(left):
        rest = left[:index] + left[index + 1 :]
        if any(other.returned < operation.invoked for other in rest):
            continue
        after = step(state, operation, graph)
        if after is not IMPOSSIBLE and try_orders(after, rest, graph):
            return True
    return False
