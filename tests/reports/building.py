"""Building: histories written by hand, short enough to be read."""

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import msgspec
import polars as pl

from engine.target.graph import TransitionGraph
from reports.comparison.facts import Facts
from reports.history.events import EVENTS, Event
from reports.history.history import History, take_frame
from reports.history.journal_lines import AUDIT_SCHEMA, OPERATION_SCHEMA
from reports.judge.evidence.evidence import Evidence

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


def fault(at_ns: int, until_ns: int | None = None, what: str = "server killed", **more: Any) -> Record:
    return {"event": "fault", "source": "faults", "at_ns": at_ns, "until_ns": until_ns, "what": what} | more


def trail(read_ns: int, *rows: str, workflow: str = "w", returned_ns: int | None = None) -> Record:
    """A reading of a trail; a row is written A-B, or A-B:id with the request id."""
    entries = []
    for row in rows:
        edge, _, request_id = row.partition(":")
        origin, to = edge.split("-")
        entries.append({"from": origin, "to": to, "request_id": request_id or None})
    about = {"workflow": workflow, "read_ns": read_ns, "returned_ns": returned_ns}
    return {"event": "audit", **about, "entries": entries}


def pair_all(graph: TransitionGraph) -> list[tuple[str, str, tuple[str, ...]]]:
    """Every move that the graph does not have, asked for in the very state that the request names."""
    return [(origin, to, (origin,)) for origin in graph.states for to in graph.states if graph.refuses(origin, to)]


def make_facts(**known: Any) -> Facts:
    """The facts of a run, from what stands in its run.json."""
    return msgspec.convert(known, Facts)


def build_history(records: Sequence[Record], *events: Record) -> History:
    frame = pl.DataFrame(records, schema=OPERATION_SCHEMA, infer_schema_length=None)
    history = take_frame(frame)
    trails = [event for event in events if event["event"] == "audit"]
    others = tuple(make_event(event) for event in events if event["event"] != "audit")
    return replace(history, audit=lay_out_trails(trails), events=others) if events else history


def make_event(record: Record) -> tuple[str, Event]:
    """An event of the source that the record names."""
    return str(record.get("source", "")), msgspec.convert(record, EVENTS[record["event"]])


def lay_out_trails(trails: Sequence[Record]) -> pl.DataFrame:
    rows = []
    for number, event in enumerate(trails):
        about = dict.fromkeys(AUDIT_SCHEMA) | {name: event[name] for name in ("workflow", "read_ns", "returned_ns")}
        entries = [entry | {"position": place} for place, entry in enumerate(event["entries"])] or [{"position": -1}]
        rows += [about | {"trail": number} | entry for entry in entries]
    return pl.DataFrame(rows, schema=AUDIT_SCHEMA, infer_schema_length=None)


def build_evidence(records: Sequence[Record], **more: Any) -> Evidence:
    return Evidence(build_history(records), **more)
