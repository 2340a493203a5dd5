"""The call table: a few operations, one column per client, time downwards. Plain text for a CI log."""

from collections.abc import Sequence
from typing import Protocol

from reports.history.history import Record
from reports.judge.text.short_forms import shorten, show_state, show_states

NS_PER_MS = 1_000_000
SHORT_NS = 10_000  # below, milliseconds with three digits would all read the same


def draw_table(records: Sequence[Record]) -> str:
    """The table of these operations (rows of a history). Times since the first invoke, in ms, or ns where all is short.

    `>` is an invoke, `<` a return. An operation that never returned has no `<`.
    """
    if not records:
        return ""
    start = min(record.invoked_ns for record in records)
    processes = list(dict.fromkeys(record.process for record in sorted(records, key=lambda each: each.invoked_ns)))
    events = []
    for record in records:
        # On equal times invokes come before returns.
        events.append((record.invoked_ns, 0, record.process, f"> {describe_request(record)}"))
        if record.returned_ns is not None:
            events.append((record.returned_ns, 1, record.process, f"< {describe_answer(record)}"))
    events.sort(key=lambda event: event[:2])
    short = events[-1][0] - start < SHORT_NS
    heads = [f"client {process}" for process in processes]
    lines = [
        [format_time(time - start, short=short), *(text if process == mine else "" for mine in processes)]
        for time, _, process, text in events
    ]
    return align([["ns" if short else "ms", *heads], *lines])


def align(rows: list[list[str]]) -> str:
    """Rows as aligned columns, a rule under the first."""
    widths = [max(len(row[column]) for row in rows) for column in range(len(rows[0]))]
    body = [
        " | ".join(
            cell.rjust(width) if not column else cell.ljust(width)
            for column, (cell, width) in enumerate(zip(row, widths, strict=True))
        ).rstrip()
        for row in rows
    ]
    rule = "-+-".join("-" * width for width in widths)
    return "\n".join([body[0], rule, *body[1:]])


def describe_request(record: Record) -> str:
    """What was asked: `a1: advance A -> B`."""
    return f"{record.id}: {describe_move(record)}"


class Request(Protocol):
    """What a request asks for."""

    @property
    def kind(self) -> str: ...

    @property
    def expected(self) -> Sequence[str] | None: ...

    @property
    def next(self) -> str | None: ...


def describe_move(record: Request) -> str:
    """advance A -> B, set -> B, read, read if in A|B, create."""
    kind, expected = record.kind, show_states(record.expected or ())
    if kind == "advance":
        return f"advance {shorten(expected)} -> {show_state(record.next or '')}"
    if kind == "set":
        return f"set -> {show_state(record.next or '')}"
    return f"{kind} if in {shorten(expected)}" if expected else str(kind)


def describe_answer(record: Record) -> str:
    """What came back: `a1: conflict, told B`, `r1: ok, B`."""
    status = f" {record.status}" if record.status is not None else ""
    seen = None if record.observed is None else show_state(record.observed)
    tail = "" if seen is None else f", told {seen}" if record.outcome == "conflict" else f", {seen}"
    return f"{record.id}: {record.outcome}{status}{tail}"


def format_time(nanoseconds: int, *, short: bool) -> str:
    return str(nanoseconds) if short else f"{nanoseconds / NS_PER_MS:.3f}"
