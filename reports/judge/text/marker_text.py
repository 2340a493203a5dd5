"""The words of findings about traces: the markers that an engine stored."""

from collections.abc import Sequence

from reports.history.history import Record
from reports.judge.text.call_table import describe_move
from reports.judge.text.finding_text import Text, describe_status, name, tabulate
from reports.judge.text.short_forms import capital


def describe_trace(record: Record, where: str) -> Text:
    """An operation that lost, or one of another workflow, whose marker the service shows as stored."""
    workflow = record.workflow
    if workflow != where:
        title = f"{capital(name(record))} was about workflow {workflow}, and left its trace in workflow {where}"
        return f"{title}.", tabulate(f"{title}: the service shows its marker there.", [record])
    told = "nothing happened" if record.outcome == "busy" else "it lost"
    title = f"{capital(name(record))} was told that {told}, and left a trace in workflow {workflow}"
    return f"{title}.", tabulate(f"{title}: {describe_move(record)}; the service shows what it carried.", [record])


def describe_trace_count(record: Record, shown: int, lone: Sequence[Record]) -> Text:
    """A winner, or one that was not answered, whose marker the service shows too often, or not at all.

    `lone` are some wins of which the same is true though nothing else was asked beside them.
    """
    told = "won" if record.outcome == "won" else "was carried out"
    if record.outcome == "unknown":
        told = "was not answered" if shown else "was not answered, and won, as the trail shows"
    left = f"left its trace {shown} times" if shown else "left no trace"
    title = f"{capital(name(record))} {told}, and {left} in workflow {record.workflow}"
    words = f"{title}: {describe_move(record)}; exactly one is right."
    if lone:
        which = ", ".join(f"{each.id}: {describe_move(each)}" for each in lone)
        leaves = f"leaves its marker {shown} times" if shown else "leaves no marker"
        words += f'\nEven a lone win {leaves} ({which}); if that is right, write winners = "any" under [effects].'
    return f"{title}.", tabulate(words, [record])


def describe_traces_of_key(records: Sequence[Record]) -> Text:
    """Requests with one idempotency key, each with a marker of its own that the service shows."""
    first, other = records[0], records[1]
    title = (
        f"{capital(name(first))} and {name(other)} carried the one key {first.key}, and each left its trace in "
        f"workflow {first.workflow}"
    )
    why = "all requests with one idempotency key are one operation, which leaves one trace"
    return f"{title}.", tabulate(f"{title}: {why}.", records)


def describe_gone(record: Record) -> Text:
    """A winner whose marker the service shows in one reading, and not in another that came after its answer."""
    told = "won" if record.outcome == "won" else "was not answered, and won, as the trail shows"
    title = f"{capital(name(record))} {told}, but one of the readings of workflow {record.workflow} lacks its trace"
    words = (
        f"{title}: {describe_move(record)}. A trace is there from the answer on, and stays. If a later request may "
        'replace it, write winners = "any" under [effects]; if it may come later, write within_s there.'
    )
    return f"{title}.", tabulate(words, [record])


def describe_trace_answers(records: Sequence[Record], shown: int, others: Sequence[Record]) -> Text:
    """Requests whose traces no order of the operations explains together with the answers to the `others`; so many of
    them were `shown`.
    """
    first, workflow = records[0], records[0].workflow
    if len(records) > 1:
        asked = f" for {first.next}" if len({record.next for record in records}) == 1 else ""
        left = f"{shown or 'None'} of {len(records)} requests{asked} left a trace in workflow {workflow}"
        title, why = f"{left}, which no order explains", "each that moves the workflow leaves one"
    else:
        told = "won" if first.outcome == "won" else "was not answered"
        left, could = ("a trace", "cannot") if shown else ("no trace", "must")
        title = f"{capital(name(first))} {told}, and left {left} in workflow {workflow}, but it {could} have moved it"
        why = "no order of the requests explains this together with the answers"
    return f"{title}.", tabulate(f"{title}: {why}.", [*records, *others])


def describe_foreign_trace(record: Record) -> Text:
    """An operation of another tenant than the owner whose marker the service shows as stored."""
    title = (
        f"{capital(name(record))} of tenant {record.tenant} left a trace in workflow {record.workflow}, "
        "which belongs to another"
    )
    told = f"It was answered {record.outcome}{describe_status(record)}; the service shows what it carried."
    return f"{title}.", tabulate(f"{title}. {told}", [record])
