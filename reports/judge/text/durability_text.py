"""Text on what a fault destroyed: which transition was acknowledged when, which fault touched it, what came after."""

from collections.abc import Sequence

from reports.history.history import Record
from reports.judge.evidence.faults import Fault
from reports.judge.text.call_table import describe_move
from reports.judge.text.finding_text import Text, describe_seen, name, tabulate
from reports.judge.text.short_forms import capital, join, show_time


def describe_lost(records: Sequence[Record], seen: Record, faults: Sequence[Fault], fault: Fault) -> Text:
    """Acknowledged transitions that something asked after the faults contradicts. `fault` is the one to name."""
    last, workflow = records[-1], records[0].workflow
    title = (
        f"{capital(join([name(record) for record in records]))} {describe_gone(records)} after a fault ({fault.what})"
    )
    then = (
        f"{capital(name(seen))}, invoked {describe_when(seen.invoked_ns, fault.until, 'the end of the fault')}, was "
        f"answered {describe_seen(seen)}.\nAll that had been asked of workflow {workflow} before has an explanation; "
        f"with this it has one only if {'the transition was' if len(records) == 1 else 'the transitions were'} lost."
    )
    return f"{title}.", tabulate(f"{title}.\n{describe_fault(last, faults, fault)}\n{then}", [*records, seen])


def describe_missing(record: Record, read_ns: int, faults: Sequence[Fault], fault: Fault) -> Text:
    """An acknowledged transition that the trail, read after the faults, does not have."""
    title = f"{capital(name(record))} {describe_gone([record])} after a fault ({fault.what})"
    then = f"The trail, read {describe_when(read_ns, fault.until, 'the end of the fault')}, has no row of it."
    return f"{title}.", tabulate(f"{title}.\n{describe_fault(record, faults, fault)}\n{then}", [record])


def describe_replaced(record: Record) -> Text:
    """A transition that the trail does not have, but one that was asked for at the same time."""
    title = f"{capital(name(record))} was told that it won, and the trail has another one's row in its place"
    why = "It may be lost by a fault, or it never won: a fault that names no workflow may have touched any."
    return f"{title}.", tabulate(f"{title}. {why} See the check audit.", [record])


def describe_gone(records: Sequence[Record]) -> str:
    workflow = records[0].workflow
    moves = join([describe_move(record) for record in records])
    was, it = ("was", "it") if len(records) == 1 else ("were", "they")
    return f"{was} told that {it} won {moves} on workflow {workflow}, which {was} gone"


def describe_fault(record: Record, faults: Sequence[Fault], fault: Fault) -> str:
    """When the transition was acknowledged, and when the fault was, relative to that."""
    told, it = record.returned_ns or 0, "the acknowledgement"
    span = f"The fault began {describe_when(fault.at, told, it)} of {record.id}"
    if fault.until != fault.at:
        span += f" and was over {describe_when(fault.until, told, 'it')}"
    others = f"; it is one of {len(faults)} that lie in between" if len(faults) > 1 else ""
    return f"{span}{others}."


def describe_when(moment: int, origin: int, what: str) -> str:
    """3.000 ms after the acknowledgement."""
    if moment == origin:
        return f"together with {what}"
    return f"{show_time(abs(moment - origin))} {'after' if moment > origin else 'before'} {what}"


def describe_indistinct(example: Record) -> Text:
    """Why nothing can be said of what the trails miss."""
    title = "Acknowledged transitions are missing from trails, and not only where a fault was near"
    words = (
        f"{title}: none was near {name(example)} on workflow {example.workflow}, and the trail has no row of it. "
        "What a fault destroyed cannot be told from that; see the check audit."
    )
    return f"{title}.", tabulate(words, [example])
