"""Sink text: words for calls that were made too often, or not made. Pure."""

from collections.abc import Sequence

from reports.history.events import Call, Sink
from reports.history.history import Record
from reports.judge.text.call_table import describe_move
from reports.judge.text.finding_text import Text, name, tabulate
from reports.judge.text.short_forms import capital
from reports.judge.verdict import Verdict

NUMBERS = {0: "not called", 1: "called once", 2: "called twice"}
CALLS_MAX = 6
NOT_AWAITED = "Nothing waited for the calls of this source, so one may have come later."
STILL_CAME = (
    "Other calls still came when the wait for them ended, so this one may have come later. The service sends more "
    "slowly than it is asked; ask it for less with --races."
)


def describe_calls(rule: Sink, records: Sequence[Record], calls: Sequence[Call], due: int, later: str) -> Text:
    """`records` are the requests that the calls are for; `due`: so many calls had to come; `later` says why a missing
    one may have come later, if it may.
    """
    first = records[0]
    made = NUMBERS.get(len(calls), f"called {len(calls)} times")
    what = f"for {name(first)}" if rule.by == "marker" else f"for workflow {first.workflow}"
    title = f"{rule.name} was {made} {what}, {describe_right(rule, records, due)}"
    words = f"{capital(title)}: {describe_move(first)}, answered {first.outcome}."
    words += "".join(f"\n  {line}" for line in list_calls(first, calls))
    if later:
        words += f"\n{later}"
    return f"{capital(title)}.", tabulate(words, records)


def describe_right(rule: Sink, records: Sequence[Record], due: int) -> str:
    first = records[0]
    if rule.by == "workflow":
        return f"which made {due} moves into {', '.join(rule.per)}; {rule.times} for each is right"
    if first.outcome not in ("won", "unknown"):
        return f"which lost ({first.outcome}); a loser has no call"
    if first.next not in rule.per:
        return f"which moved to {first.next}; calls are due for {', '.join(rule.per)}"
    return f"which {'won' if first.outcome == 'won' else 'was not answered'}; {rule.times} is right"


def describe_moves(rule: Sink, records: Sequence[Record], calls: Sequence[Call], verdict: Verdict) -> Text:
    """Calls for more moves than the requests can have made, by the answers to all that were sent."""
    first, which = records[0], f"workflow {records[0].workflow}"
    made = NUMBERS.get(len(calls), f"called {len(calls)} times")
    if rule.by == "workflow":
        title = f"{rule.name} was {made} for {which}, which cannot have moved so often"
    elif len(records) == 1:
        title = f"{rule.name} was {made} for {name(first)}, which cannot have moved {which}"
    else:
        title = f"{rule.name} was {made} for {len(records)} requests, which cannot all have moved {which}"
    if verdict is Verdict.UNKNOWN:
        title = f"It was not found in time whether workflow {first.workflow} can have moved as {rule.name} was told"
    words = f"{capital(title)}: no order of the requests explains that together with the answers."
    words += "".join(f"\n  {line}" for line in list_calls(first, calls))
    return f"{capital(title)}.", tabulate(words, records)


def list_calls(first: Record, calls: Sequence[Call]) -> list[str]:
    """When each call came, from the release of the request on, and what it was answered."""
    lines = []
    for call in calls[:CALLS_MAX]:
        after_ms = (call.at_ns - first.invoked_ns) / 1e6
        answered = f"answered {call.status}" if call.status is not None else "its answer was lost"
        fault = f" ({call.fault})" if call.fault is not None else ""
        lines.append(f"call {after_ms:+.1f} ms: {call.request or 'a call'}, {answered}{fault}")
    return lines + ([f"and {len(calls) - CALLS_MAX} more"] if len(calls) > CALLS_MAX else [])


def describe_silence(rule: Sink, strays: Sequence[Call]) -> Text:
    """All calls came for requests that no client sent: the file looks at the wrong place of a call."""
    told = [call.subject for call in strays if call.subject is not None]
    title = f"None of the {len(strays)} calls to {rule.name} tells which move it is for"
    found = f"they tell {', '.join(map(repr, told[:3]))}, ..." if told else "nothing stands at that place"
    return f"{title}.", f"{title}: {found}. Correct `{rule.by}` of this sink in the target file."
