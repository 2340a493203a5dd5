"""Outages: when the database was away though onewinner did not kill it, as history and verdict are to have it."""

from collections.abc import Sequence
from pathlib import Path

import msgspec

from reports.history import events
from reports.history.journal import Journal
from reports.judge.evidence.faults import CRASHES

SOURCE = "database-0"
LOST = "database lost"
# A pool notices late that its connections broke: when it lends them.
GRACE_NS = 1_000_000_000
Span = tuple[int, int]


def record_outages(history: Path, gaps: Sequence[Span]) -> str | None:
    """Tells of each as a fault, in a journal of its own, and says in words what that means; None without any."""
    if not gaps:
        return None
    ours = list_crashes(history)
    theirs = [gap for gap in gaps if not any(meets(gap, crash) for crash in ours)]
    if not theirs:
        return None
    with Journal(history / f"{SOURCE}.jsonl") as journal:
        lost = (events.Fault(at_ns=at_ns, until_ns=until_ns + GRACE_NS, what=LOST) for at_ns, until_ns in theirs)
        journal.write(events.Plan(operations=0, races=0, scenario="outages"), *lost, events.End(operations=0))
    times = "once" if len(theirs) == 1 else f"{len(theirs)} times"
    return (
        f"the database ended, or its sessions were ended, {times} during the run, and not by onewinner (out of "
        "memory?): what was answered then is excused and proves nothing; run it again"
    )


def list_crashes(history: Path) -> list[Span]:
    """When onewinner killed the server, told or begun, as far as the journals tell."""
    found: list[Span] = []
    for path in history.glob("*.jsonl"):
        for line in path.read_bytes().splitlines():
            if b'"fault' in line and any(what.encode() in line for what in CRASHES):
                found += read_span(line)
    return found


def read_span(line: bytes) -> list[Span]:
    try:
        event = msgspec.json.decode(line)
    except msgspec.DecodeError:
        return []
    at = int(event.get("at_ns") or 0)
    return [(at, int(event.get("until_ns") or at))]


def meets(gap: Span, crash: Span) -> bool:
    return gap[0] <= crash[1] + GRACE_NS and crash[0] - GRACE_NS <= gap[1]
