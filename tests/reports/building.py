"""Building: histories written by hand, short enough to be read."""

from collections.abc import Sequence
from typing import Any

import polars as pl

from reports.evidence import Evidence
from reports.history import History, take_frame
from reports.lines import OPERATION_SCHEMA

Record = dict[str, Any]
BLANK: Record = dict.fromkeys(OPERATION_SCHEMA) | {"process": "p", "tenant": "acme", "workflow": "w", "scenario": ""}


def create(identity: str, invoked: int, returned: int | None, told: str | None = "A", **more: Any) -> Record:
    return build(identity, "create", invoked, returned, {"outcome": "ok", "observed": told} | more)


def read(identity: str, invoked: int, returned: int | None, told: str | None, **more: Any) -> Record:
    return build(identity, "read", invoked, returned, {"outcome": "ok", "observed": told} | more)


def advance(identity: str, edge: str, invoked: int, returned: int | None, outcome: str = "won", **more: Any) -> Record:
    """`edge` is written A-B, or A|C-B with several expected states."""
    expected, following = edge.split("-")
    fields = {"outcome": outcome, "expected": expected.split("|"), "next": following}
    return build(identity, "advance", invoked, returned, fields | more)


def override(
    identity: str, state: str, invoked: int, returned: int | None, outcome: str = "won", **more: Any
) -> Record:
    return build(identity, "set", invoked, returned, {"outcome": outcome, "next": state} | more)


def build(identity: str, kind: str, invoked: int, returned: int | None, fields: Record) -> Record:
    return BLANK | {"id": identity, "kind": kind, "invoked_ns": invoked, "returned_ns": returned} | fields


def build_history(records: Sequence[Record]) -> History:
    return take_frame(pl.DataFrame(records, schema=OPERATION_SCHEMA, infer_schema_length=None))


def build_evidence(records: Sequence[Record], **more: Any) -> Evidence:
    return Evidence(build_history(records), **more)
