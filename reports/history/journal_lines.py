"""The lines of one journal, decoded: invokes met by their returns, trails flattened, other events kept."""

from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, TypeVar

import msgspec
import polars as pl

from reports.history import former_names
from reports.history.events import DECODE_KIND, EVENTS, Audit, Detail, Event, Invoke, Return, Unrecognized
from reports.history.file_selection import LINE_MAX, walk_lines


class Record(msgspec.Struct, frozen=True):
    """One operation in full; `row` is its number in the history. The fields, but for `row`, are the columns of
    OPERATION_SCHEMA; files of older versions lack those that have a default.
    """

    row: int
    id: str
    process: str
    scenario: str
    race: str | None
    tenant: str
    workflow: str
    kind: str
    expected: list[str] | None
    next: str | None
    outcome: str
    status: int | None
    observed: str | None
    invoked_ns: int
    returned_ns: int | None
    detail: str | None
    marker: str | None = None
    token_carried: str | None = None
    token_told: str | None = None
    units: int | None = None
    left: int | None = None
    unit: str | None = None
    returns_after_ns: int | None = None
    key: str | None = None
    payload: str | None = None
    answer: str | None = None
    repeats: bool | None = None
    abandoned: bool | None = None
    sent: str | None = None
    received: str | None = None
    of: str | None = None

    def read_detail(self) -> Detail:
        """What the detail tells; nothing if there is none, or none that can be read."""
        try:
            return msgspec.json.decode(self.detail or "null", type=Detail | None) or Detail()
        except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
            return Detail()


COLUMN_TYPES: dict[Any, pl.DataType | type[pl.DataType]] = {
    str: pl.String,
    str | None: pl.String,
    int: pl.Int64,
    int | None: pl.Int64,
    bool | None: pl.Boolean,
    list[str] | None: pl.List(pl.String),
}
FIELDS = [field for field in msgspec.structs.fields(Record) if field.name != "row"]
OPERATION_SCHEMA = {field.name: COLUMN_TYPES[field.type] for field in FIELDS}
NEW_COLUMNS = tuple(field.name for field in FIELDS if not field.required)
AUDIT_SCHEMA: dict[str, pl.DataType | type[pl.DataType]] = {
    "workflow": pl.String,
    "read_ns": pl.Int64,
    "returned_ns": pl.Int64,  # when it had been read; null where read_ns is the moment itself
    "trail": pl.Int64,  # which reading of the trail, in the order of the file
    "position": pl.Int64,  # within it; -1 stands for a trail without entries
    "from": pl.String,
    "to": pl.String,
    "sequence": pl.Int64,
    "actor": pl.String,
    "request_id": pl.String,
    "at": pl.String,
}
Value = TypeVar("Value")


class LineError(Exception):
    """A line that cannot be part of a history. `line` counts from 1."""

    def __init__(self, line: int, what: str) -> None:
        super().__init__(what)
        self.line, self.what = line, what


@dataclass
class Lines:
    """A journal being read: columns that grow, and what each id has seen so far."""

    columns: dict[str, list[Any]] = field(default_factory=lambda: {name: [] for name in OPERATION_SCHEMA})
    entries: list[tuple[Any, ...]] = field(default_factory=list)
    events: list[Event] = field(default_factory=list)
    raw_events: list[bytes] = field(default_factory=list)
    invoke_lines: list[int] = field(default_factory=list)
    index: dict[str, int] = field(default_factory=dict)
    answered: set[int] = field(default_factory=set)
    trails: int = 0
    # Each list of expected states once, and its number in the rows: a Python list per row is what takes the time.
    lists: dict[str | tuple[str, ...] | None, int] = field(default_factory=lambda: {None: 0})

    @property
    def operations(self) -> pl.DataFrame:
        frame = pl.DataFrame(self.columns, schema={**OPERATION_SCHEMA, "expected": pl.UInt32})
        members = [[one] if isinstance(one, str) else one and list(one) for one in self.lists]
        lists = pl.Series("expected", members, dtype=pl.List(pl.String))
        return frame.with_columns(lists.gather(frame["expected"]))

    @property
    def audit(self) -> pl.DataFrame:
        return pl.DataFrame(self.entries, schema=AUDIT_SCHEMA, orient="row")


DECODE_INVOKE = msgspec.json.Decoder(Invoke).decode
DECODE_RETURN = msgspec.json.Decoder(Return).decode
DECODE_AUDIT = msgspec.json.Decoder(Audit).decode
DECODE_ANY = msgspec.json.Decoder(dict[str, Any]).decode
DECODERS = {name: msgspec.json.Decoder(kind).decode for name, kind in EVENTS.items()}


def read_lines(path: Path, *, is_finished: bool = False) -> Lines:
    """The journal at `path`. Raises LineError. A last line without its newline is dropped when it is no whole JSON, but
    where the file `is_finished`.
    """
    lines = Lines()
    with path.open("rb") as file:
        for number, line in enumerate(walk_lines(file), start=1):
            if len(line) > LINE_MAX:
                raise LineError(number, f"malformed line: it is longer than {LINE_MAX >> 20} MiB")
            is_cut = not line.endswith(b"\n") and not is_finished and not is_whole(line)
            if is_cut or not line.strip():
                continue
            take_line(lines, line, number)
    return lines


def take_line(lines: Lines, line: bytes, number: int) -> None:
    """Adds one line. Raises LineError where it cannot be part of a history."""
    try:
        TAKE.get(DECODE_KIND(line).event, take_event)(lines, line, number)
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        raise LineError(number, f"malformed line: {error}") from None
    except RecursionError:
        raise LineError(number, "malformed line: its JSON is nested too deeply") from None


def is_whole(line: bytes) -> bool:
    """Whether a line is JSON to its end."""
    try:
        msgspec.json.decode(line)
    except (msgspec.ValidationError, RecursionError):
        return True
    except (msgspec.DecodeError, UnicodeDecodeError):
        return False
    return True


def take_invoke(lines: Lines, line: bytes, number: int) -> None:
    found = DECODE_INVOKE(line)
    identity = str(found.id)
    if identity in lines.index:
        first = lines.invoke_lines[lines.index[identity]]
        raise LineError(number, f"duplicate id {identity}: line {first} has it already")
    lines.index[identity] = len(lines.invoke_lines)
    lines.invoke_lines.append(number)
    expected = tuple(found.expected) if isinstance(found.expected, list) else found.expected
    values = (
        identity,
        str(found.process),
        found.scenario or "",
        None if found.race is None else str(found.race),
        found.tenant or "",
        found.workflow,
        found.kind,
        lines.lists.setdefault(None if expected == () else expected, len(lines.lists)),
        found.next,
        "unknown",
        None,
        None,
        found.invoked_ns,
        None,
        None,
        take_optional(found.marker),
        found.token_carried or None,
        None,
        take_optional(found.units),
        None,
        take_optional(found.unit),
        take_optional(found.returns_after_ns),
        take_optional(found.key),
        take_optional(found.payload),
        None,
        take_optional(found.repeats),
        take_optional(found.abandoned),
        None,
        None,
        None if take_optional(found.of) is None else str(found.of),
    )
    for column, value in zip(lines.columns.values(), values, strict=True):
        column.append(value)


def take_return(lines: Lines, line: bytes, number: int) -> None:
    found = DECODE_RETURN(line)
    row = lines.index.get(str(found.id))
    if row is None:
        raise LineError(number, f"return of id {found.id} without an invoke before it")
    if row in lines.answered:
        raise LineError(number, f"second return of id {found.id}")
    lines.answered.add(row)
    columns, detail = lines.columns, take_detail(bytes(found.detail))
    columns["outcome"][row] = found.outcome
    columns["status"][row] = found.status
    columns["observed"][row] = found.observed
    columns["token_told"][row] = found.token_told or None
    columns["returned_ns"][row] = found.returned_ns
    columns["detail"][row] = None if detail == b"null" else detail.decode()
    if (found.outcome, found.status, found.returned_ns, detail) == ("unknown", None, None, b"null"):
        # It tells only that the outcome is unknown; but it is a return.
        columns["detail"][row] = "{}"
    columns["left"][row] = take_optional(found.left)
    columns["answer"][row] = take_optional(found.answer)
    columns["sent"][row], columns["received"][row] = take_optional(found.sent), take_optional(found.received)
    if found.unit is not msgspec.UNSET:
        columns["unit"][row] = found.unit
    if found.invoked_ns is not None:
        columns["invoked_ns"][row] = found.invoked_ns


def take_optional(value: Value | msgspec.UnsetType) -> Value | None:
    """The value of a field; None where the line does not have it."""
    return None if value is msgspec.UNSET else value


def take_detail(detail: bytes) -> bytes:
    """The detail with its words as they are, not as escapes of them. Raises DecodeError where it is no object."""
    if b"\\u" in detail:
        detail = msgspec.json.encode(msgspec.json.decode(detail))
    if detail != b"null" and not detail.startswith(b"{"):
        raise msgspec.ValidationError("Expected `object | null` - at `$.detail`")
    if b'"problem"' in detail:
        msgspec.convert(DECODE_ANY(detail), Detail)
    return detail


def take_audit(lines: Lines, line: bytes, number: int) -> None:  # noqa: ARG001 - all takers look alike
    found = DECODE_AUDIT(line)
    head = (found.workflow, found.read_ns, found.returned_ns, lines.trails)
    for position, entry in enumerate(found.entries):
        at = None if entry.at is None else str(entry.at)
        tail = (entry.origin, entry.to, entry.sequence, entry.actor, entry.request_id, at)
        lines.entries.append((*head, position, *tail))
    if not found.entries:
        lines.entries.append((*head, -1, None, None, None, None, None, None))
    lines.trails += 1


def take_event(lines: Lines, line: bytes, number: int) -> None:  # noqa: ARG001 - all takers look alike
    """Any other event. One that is not known stays as a line, and is counted."""
    kind = DECODE_KIND(line).event
    if kind in former_names.MAY_BE_OLD:
        found = former_names.rename(DECODE_ANY(line))
        lines.events.append(msgspec.convert(found, EVENTS[found["event"]]))
    elif kind in DECODERS:
        lines.events.append(DECODERS[kind](line))
    else:
        DECODE_ANY(line)
        lines.events.append(Unrecognized(kind=kind))
    lines.raw_events.append(line)


TAKE: dict[str, Callable[[Lines, bytes, int], None]] = {
    "invoke": take_invoke,
    "return": take_return,
    "audit": take_audit,
}
