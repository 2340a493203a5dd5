"""Brute force: every order of a few operations. Of the judge it shares the step, and nothing else.

An operation here is a plain dict with the columns of a history; a workflow is a list of them.
"""

from typing import Any

from engine.graph import TransitionGraph
from reports.model import IMPOSSIBLE, NEVER, Operation, step

Record = dict[str, Any]
OTHER = "some state that nobody mentions"


def is_explained(records: list[Record], graph: TransitionGraph | None, initial: str | None) -> bool:
    """Whether some order that respects real time explains every answer; tries them all."""
    first = initial or (graph.initial if graph else None)
    creates = [record for record in records if record["kind"] == "create" and record["outcome"] in ("ok", "unknown")]
    told = [record["observed"] or first for record in creates if record["outcome"] == "ok"]
    operations = [convert(record, first) for record in records if counts(record)]
    if told and None not in told:
        return any(try_orders(None, operations, graph) for _ in (0,))
    operations = [operation for operation in operations if operation.kind != "create"]
    starts: list[str | None]
    if creates and not told:
        starts = [first]
    elif told:
        starts = [None]
    else:
        starts = [initial]
    if starts == [None]:
        mentioned = {
            state for record in records for state in (*(record["expected"] or ()), record["next"], record["observed"])
        }
        starts = [*sorted(state for state in mentioned if state), OTHER]
    return any(try_orders(start, operations, graph) for start in starts)


def counts(record: Record) -> bool:
    """Refused operations, unknown reads and unknown creates say nothing about any order."""
    if record["outcome"] == "refused":
        return False
    return record["outcome"] != "unknown" or record["kind"] in ("advance", "set")


def convert(record: Record, first: str | None) -> Operation:
    create = record["kind"] == "create" and record["outcome"] == "ok"
    return Operation(
        row=0,
        kind=record["kind"],
        outcome=record["outcome"],
        expected=tuple(record["expected"] or ()),
        next=record["next"],
        told=(record["observed"] or first) if create else record["observed"],
        invoked=record["invoked_ns"],
        returned=NEVER if record["outcome"] == "unknown" or record["returned_ns"] is None else record["returned_ns"],
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
