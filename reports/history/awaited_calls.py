"""Awaited calls: waits, while a run records, until a sink was called for each win of a source that calls are due for.

The rules, the wins and the calls are in the history by then, so they are read from there.
"""

import time
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import TypeVar

import msgspec

from reports.history import events

# The source of what the sinks record.
SINKS = "sinks"
POLL_S = 0.05
# Behind the last due call one that is not due may come.
QUIET_S = 0.3
# A service that sends more slowly than it was asked is waited for so long at most.
LIMIT_S = 300
# Reading the calls again and again takes at most one part in so many of the time.
READING_PART = 10
# A sink's name, and the marker or the workflow's id that a call carries.
Calls = Counter[tuple[str, str]]
Read = TypeVar("Read")


class LineDetail(msgspec.Struct):
    server_id: str | None = None


class Line(msgspec.Struct):
    """What is read of a line."""

    event: str = ""
    id: int | str | None = None
    workflow: str | None = None
    next: str | None = None
    marker: str | None = None
    outcome: str = ""
    detail: LineDetail | None = None


DECODE = msgspec.json.Decoder(Line).decode
DECODE_SINK = msgspec.json.Decoder(events.Sink | events.Call).decode


def await_calls(
    history: Path, sources: Sequence[str], limit_s: float = LIMIT_S, tell: Callable[[str], None] | None = None
) -> events.CallsAwaited | None:
    """Waits until all due calls of the sources are there and no further one came for a while. It gives up when no due
    call of any source came for as long as the rules say, and at `limit_s`. None without any sink.

    `tell` gets one line if some are late.
    """
    path = history / f"{SINKS}.jsonl"
    sinks, _ = read_sinks(path)
    if not sinks:
        return None
    due_by_source = {each.stem: find_due(each, sinks) for each in history.glob("*.jsonl") if each != path}
    due = sum((due_by_source.get(source, Calls()) for source in sources), Calls())
    # The calls for these sources may stand behind those for others in the service's queue.
    due_of_all = sum(due_by_source.values(), Calls())
    within_s = max(sink.within_s for sink in sinks)
    is_cut = wait_until_settled(path, due, due_of_all, within_s, limit_s, tell)
    return events.CallsAwaited(sources=[*sources], at_ns=time.monotonic_ns(), still_came=is_cut)


def wait_until_settled(
    path: Path, due: Calls, due_of_all: Calls, within_s: float, limit_s: float, tell: Callable[[str], None] | None
) -> bool:
    """Whether due calls still came when the time was up."""
    began = changed = progressed = time.monotonic()
    seen = come = -1
    while True:
        now = time.monotonic()
        _, calls = read_sinks(path)
        is_whole = due <= calls
        if calls.total() != seen:
            seen, changed = calls.total(), now
        if not is_whole and (calls & due_of_all).total() != come:
            come, progressed = (calls & due_of_all).total(), now
        if now - progressed >= within_s or (is_whole and now - changed >= QUIET_S):
            return False
        if now - began >= limit_s:
            return not is_whole
        if tell is not None and now - began >= within_s:
            tell(f"onewinner waits for the calls to the sinks: {come:,} of {due_of_all.total():,} have come")
            tell = None
        time.sleep(max(POLL_S, READING_PART * (time.monotonic() - now)))


def find_due(path: Path, sinks: Sequence[events.Sink]) -> Calls:
    """The calls that are due for the wins of one source."""
    begun: dict[int | str | None, Line] = {}
    ids: dict[str | None, str] = {}
    due = Calls()
    for line in walk_whole(path, DECODE):
        if line.event == "invoke":
            begun[line.id] = line
        elif line.event == "return" and (asked := begun.pop(line.id, None)) is not None:
            if line.detail is not None and line.detail.server_id is not None:
                ids[asked.workflow] = line.detail.server_id
            for sink in sinks if line.outcome == "won" else ():
                subject = asked.marker if sink.by == "marker" else ids.get(asked.workflow)
                if asked.next in sink.per and subject is not None and sink.times != "at most once":
                    due[sink.name, subject] += 1
    return due


def walk_whole(path: Path, decode: Callable[[bytes], Read]) -> Iterator[Read]:
    """The lines that are whole by now, and that can be read so."""
    for line in path.read_bytes().splitlines() if path.exists() else ():
        try:
            yield decode(line)
        except (msgspec.DecodeError, UnicodeDecodeError):
            continue


def read_sinks(path: Path) -> tuple[list[events.Sink], Calls]:
    """The rules, and how many calls that were carried out came for each subject."""
    rules, calls = [], Calls()
    for event in walk_whole(path, DECODE_SINK):
        if isinstance(event, events.Sink):
            rules.append(event)
        elif event.taken and event.subject is not None:
            calls[event.sink, event.subject] += 1
    return rules, calls
