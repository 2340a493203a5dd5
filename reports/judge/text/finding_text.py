"""The text of findings: what was found, as sentences. Data in, text out; nothing here decides anything.

Every function returns a title, one sentence, and the words: a paragraph, and a table of the operations with one column
per client.
"""

from collections.abc import Iterable, Sequence
from itertools import pairwise
from typing import Any, Protocol

from engine.target.graph import TransitionGraph
from reports.history.events import AccessDenied, Probe
from reports.history.history import Record
from reports.judge.evidence.ids_per_tenant import Seen
from reports.judge.text.call_table import describe_answer, describe_move, draw_table
from reports.judge.text.short_forms import capital, join, show_state, show_states, show_time

Text = tuple[str, str]
# Statuses of HTTP that may say so: locked, too early, too many requests, unavailable for a while.
TRY_AGAIN = (423, 425, 429, 503)
PRECONDITION_FAILED = 412
UNAVAILABLE = 503
RECORDS_MAX = 8
RECORDS_MIN = 3
NAMED_MAX = 3  # of several winners in a sentence; the table has more
LINE_MAX = 120  # characters: what a CI log shows without wrapping


def name(record: Record) -> str:
    """Request race-0.12 (client 3 of race r), with the request id if it differs from the operation's own."""
    request_id = record.read_detail().request_id
    told = f", request id {request_id}" if request_id not in (None, record.id) else ""
    return f"request {record.id} ({name_client(record)}{told})"


def name_client(record: Record) -> str:
    """Client 3 of race r; outside of races client race-0#3."""
    number = record.process.rpartition("#")[2]
    return f"client {number} of race {record.race}" if record.race and number.isdigit() else f"client {record.process}"


def tabulate(paragraph: str, records: Sequence[Record]) -> str:
    """The paragraph, and under it the table of the first few operations."""
    if not records:
        return paragraph
    shown = list(records)[:RECORDS_MAX]
    table = draw_table(shown)
    while len(shown) > RECORDS_MIN and max(map(len, table.splitlines())) > LINE_MAX:
        table = draw_table(shown := shown[:-1])
    more = f"\n({len(records) - len(shown)} more not shown)" if len(records) > len(shown) else ""
    return f"{paragraph}\n\n{table}{more}"


class Call(Protocol):
    """A request, and when it was in flight."""

    @property
    def id(self) -> str: ...

    @property
    def invoked_ns(self) -> int: ...

    @property
    def returned_ns(self) -> int | None: ...


def describe_overlap(first: Call, second: Call) -> str:
    """Whether two operations overlapped, and by how much; as a clause."""
    ends = [record.returned_ns for record in (first, second) if record.returned_ns is not None]
    begin = max(first.invoked_ns, second.invoked_ns)
    if not ends:
        return "neither of them ever returned"
    if min(ends) >= begin:
        return f"they overlapped by {show_time(min(ends) - begin)}"
    early = first if first.returned_ns == min(ends) else second
    return f"{early.id} had returned {show_time(begin - min(ends))} before the other was invoked"


def describe_two_winners(records: Sequence[Record]) -> Text:
    """Several contenders of a race, or several operations, that all won one transition."""
    first, second = records[0], records[1]
    workflow = first.workflow
    count = "both" if len(records) == 2 else f"all {len(records)}"
    shown = [name(record) for record in (records if len(records) <= NAMED_MAX else records[: NAMED_MAX - 1])]
    names = join(shown if len(shown) == len(records) else [*shown, f"{len(records) - len(shown)} others"])
    if {record.next for record in records} == {first.next}:
        moved = f"moved workflow {workflow} from {show_states(first.expected or ())} to {first.next}"
    else:
        moved = f"won out of {show_states(first.expected or ())} of workflow {workflow}"
    title = f"{capital(names)} {count} {moved}"
    overlap = describe_overlap(first, second)
    return f"{title}.", tabulate(f"{title}: {overlap}. Exactly one of them can have won.", records)


def describe_repeats(rows: int, winners: int) -> str:
    """What to write where the trail has fewer rows than there are winners, as it has if the others changed nothing."""
    if not 0 < rows < winners:
        return ""
    held = "one row" if rows == 1 else f"{rows} rows"
    return (
        f"The trail has {held} for their move: rows were lost, a write that saves what it read undid the first move, "
        "or the service tells a request that it won though it found the move made already. If it means to do the last, "
        "write repeats = true under [advance]."
    )


def describe_outside(records: Sequence[Record]) -> str:
    """What contenders that were sent outside of their race have to do with it; empty without one."""
    outside = [name(record) for record in records if record.race is None]
    if not outside:
        return ""
    return f"{capital(join(outside))}: a request of the race has the same idempotency key, so it is the same contender."


def describe_no_winner(records: Sequence[Record], why: str) -> Text:
    first = records[0]
    title = f"No contender won the race {first.race} for workflow {first.workflow}: {count_outcomes(records)}"
    return f"{title}.", tabulate(f"{title}. {why}", records)


def describe_movers(records: Sequence[Record]) -> Text:
    """Contenders of which each may repeat the win of another, and of which several made the move."""
    first = records[0]
    title = f"Several requests of the race {first.race} for workflow {first.workflow} made the move"
    why = "Each of them may be told that it won, but one of them makes the move; what the service stored shows several."
    return f"{title}.", tabulate(f"{title}. {why}", records)


def describe_open_race(records: Sequence[Record]) -> Text:
    first = records[0]
    outcomes = count_outcomes(records)
    title = f"It is not known which contender won the race {first.race} for workflow {first.workflow}: {outcomes}"
    why = "Neither a trail nor a later read tells which of the requests took effect."
    return f"{title}.", tabulate(f"{title}. {why}", records)


def count_outcomes(records: Sequence[Record]) -> str:
    return describe_counts([record.outcome for record in records])


def describe_counts(outcomes: Sequence[str]) -> str:
    """1 won, 2 conflicts and 1 unknown."""
    counts = {outcome: outcomes.count(outcome) for outcome in outcomes}
    return join([f"{many} {outcome}{'s' * (outcome == 'conflict' and many > 1)}" for outcome, many in counts.items()])


def describe_no_conflict(record: Record, race: Any) -> Text:
    title = (
        f"{capital(name(record))} of the race {race} for workflow {record.workflow} neither won nor was told of a "
        f"conflict: it was answered {record.outcome}{describe_status(record)}"
    )
    return f"{title}.", tabulate(f"{title}.", [record])


def describe_status(record: Record) -> str:
    return "" if record.status is None else f" ({record.status})"


def describe_unjustified(record: Record, why: str) -> Text:
    title = f"{capital(name(record))} was answered a conflict that nothing justifies"
    words = f"{title}: it asked workflow {record.workflow} to {describe_move(record)}. {why}"
    return f"{title}.", tabulate(words, [record])


def describe_illegal_win(record: Record) -> Text:
    title = f"{capital(name(record))} won {describe_move(record)} on workflow {record.workflow}, which is no legal edge"
    return f"{title}.", tabulate(f"{title}.", [record])


def describe_illegal_state(record: Record, state: str, why: str) -> Text:
    title = f"{capital(name(record))} found workflow {record.workflow} in {state}, which {why}"
    return f"{title}.", tabulate(f"{title}.", [record])


def describe_illegal_row(workflow: str, origin: str | None, to: str) -> Text:
    title = f"The trail of workflow {workflow} has a row {origin} -> {to}, which is no legal edge"
    return f"{title}.", f"{title}."


def describe_wrong_end(record: Record, last: Sequence[Record], ends: Sequence[str]) -> Text:
    title = f"{capital(name(record))} read workflow {record.workflow} in {record.observed} after its last transition"
    moves = f", the last being {join([name(each) for each in last])}" if last else ""
    words = f"{title}; what was acknowledged, or may have happened, leaves only {' or '.join(ends)}{moves}."
    return f"{title}.", tabulate(words, [*last, record])


def describe_trail(workflow: str, what: str, why: str, records: Sequence[Record]) -> Text:
    title = f"The trail of workflow {workflow} {what}"
    return f"{title}.", tabulate(f"{title}. {why}".rstrip(), records)


def describe_foreign(record: Record, owner: str) -> Text:
    title = (
        f"{capital(name(record))} of tenant {record.tenant} was answered {record.outcome}{describe_status(record)} "
        f"on workflow {record.workflow}, which belongs to {owner}"
    )
    seen = f" It was told the state {record.observed}." if record.observed is not None else ""
    return f"{title}.", tabulate(f"{title}.{seen}", [record])


def describe_other_object(seen: Seen, own: Record, foreign: Record) -> Text:
    """A request of the owner and one of a stranger which show that one id is another object for the stranger."""
    stranger, owner, workflow = foreign.tenant, own.tenant, own.workflow
    title = (
        f"It is not known whether {stranger} could see or move what belongs to {owner}: "
        f"{owner}'s ids seem to be other objects for {stranger}"
    )
    if seen is Seen.CREATED:
        saw = (
            f"{capital(name(own))} of {owner} created workflow {workflow}, {name(foreign)} of {stranger} created "
            f"workflow {foreign.workflow}, and both were told the id {foreign.read_detail().server_id}"
        )
    else:
        told = f"told the state {foreign.observed}" if seen is Seen.TOLD else f"answered won{describe_status(foreign)}"
        saw = (
            f"{capital(name(foreign))} of {stranger}, {describe_move(foreign)}, was {told} on workflow {workflow} of "
            f"{owner}. No order explains this beside what {owner} was answered, such as to {name(own)}, "
            f"{describe_move(own)}"
        )
    advice = (
        f"So the service seems to number the workflows of each tenant by themselves, and what it answers {stranger} "
        "proves nothing about isolation. If so, name one tenant only in the target file. Or, if its paths can name the "
        f"tenant, save that part with create.save and write it into them: then {stranger} asks for what is {owner}'s"
    )
    return f"{title}.", tabulate(f"{title}. {saw}. {advice}.", [own, foreign])


def describe_unknown_tenant(record: Record) -> Text:
    title = f"The service does not know tenant {record.tenant}: it answered 401 to each of its requests"
    why = "So it is not known whether a tenant that it lets in could see or move what belongs to another"
    return f"{title}.", tabulate(f"{title}. {why}; correct its credentials.", [record])


def describe_problem(record: Record, problem: str) -> Text:
    title = f"{capital(name(record))} got an answer that is not as specified: {problem}"
    return title, tabulate(f"{title}\nIt was {describe_move(record)}; the answer: {describe_answer(record)}.", [record])


def describe_probe(probe: Probe) -> Text:
    title = f"{probe.what or 'a probe'}: {probe.problem}"
    return title, title


def describe_refused(record: Record) -> Text:
    title = f"{capital(name(record))}, a legal request of the owner, was refused{describe_status(record)}"
    told = f"{title}: {describe_move(record)} on workflow {record.workflow}.{describe_missing_key([record.status])}"
    return f"{title}.", tabulate(told, [record])


def describe_stuck_workflow(records: Sequence[Record]) -> Text:
    """Requests to which a workflow that nothing held was busy, up to its last one."""
    first, last = records[0], records[-1]
    title = f"Workflow {first.workflow} stays busy, though no other request was in flight."
    words = (
        f"{capital(name(first))}, a legal request of the owner, was alone and was told to try again"
        f"{describe_status(first)}. So was every later one, up to {name(last)}, "
        f"{show_time(last.invoked_ns - first.invoked_ns)} after it; {len(records)} of them were alone. An earlier "
        "request may have left a lock behind: release it on every way out, also where the request is not carried out."
    )
    return title, tabulate(words, records)


def describe_never_shown(event: AccessDenied) -> Text:
    title = f"The {event.question} of workflow {event.workflow} was refused ({event.status})"
    told = (
        f"{title}: tenant {event.tenant}, whose workflow it is, was answered other requests before and after, and "
        f"was never shown any {event.question}."
    )
    return f"{title}.", told


def describe_missing_key(statuses: Iterable[int | None]) -> str:
    """What to write where an answer may mean that nothing happened, or that a version is old; empty for others."""
    known = set(statuses)
    again = [status for status in TRY_AGAIN if status in known]
    said = ""
    if again:
        means = f"If {' or '.join(map(str, again))} says that nothing happened and the client may try again"
        said = f" {means}, write busy = {again} under [advance] in the target file."
    if PRECONDITION_FAILED in known:
        means = "If 412 says that the version that the request carried is not current any more"
        said += f" {means}, write stale = [412] under [advance] in the target file."
    return said


def describe_server_error(record: Record) -> Text:
    title = f"{capital(name(record))} was answered {record.status}"
    # Without Retry-After a 503 says that the service could not, not that nothing happened.
    if "Retry-After" in str(record.read_detail().message):
        again = describe_missing_key([record.status])
    elif record.status == UNAVAILABLE:
        again = " Only a 503 with a Retry-After header can say that nothing happened (busy = [503] under [advance])."
    else:
        again = ""
    return f"{title}.", tabulate(
        f"{title}: {describe_move(record)} on workflow {record.workflow}. No fault touched it.{again}", [record]
    )


def describe_wrong_create(record: Record, initial: str) -> Text:
    title = f"{capital(name(record))} created workflow {record.workflow} in {record.observed}, not in {initial}"
    return f"{title}.", tabulate(f"{title}.", [record])


def describe_shared_id(records: Sequence[Record]) -> Text:
    """Creates of different workflows that were answered with one id."""
    shared, names = records[0].read_detail().server_id, [str(record.id) for record in records[:NAMED_MAX]]
    more = f" and {len(records) - NAMED_MAX} more" if len(records) > NAMED_MAX else ""
    title = f"The creates {join(names)}{more} were all answered with the id {shared}"
    return f"{title}.", tabulate(f"{title}: each of them made a workflow of its own.", records[:NAMED_MAX])


def describe_timeout(workflow: str, limit_s: float) -> Text:
    title = f"Workflow {workflow} could not be decided within {limit_s:g} s"
    return f"{title}.", f"{title}; no order that explains it was found, and none was ruled out."


def describe_timed(graph: TransitionGraph | None, origin: str | None, to: str | None) -> str:
    """A sentence about each move without a request from `origin` (None: any) to `to` (None: any), with a space before
    it.
    """
    return "".join(
        f" {move.origin} -> {move.to} needs no request, but comes no earlier than {move.after_s:g} s after the "
        f"request that led to {move.origin} was sent."
        for move in (graph.timed if graph is not None else ())
        if origin in (None, move.origin) and to in (None, move.to)
    )


def describe_contradiction(
    records: Sequence[Record], start: str | None, *, is_minimal: bool, graph: TransitionGraph | None = None
) -> Text:
    """Operations that no order explains: two winners, an answer about a state that never was, or a few that clash."""
    first = records[0]
    winners = [record for record in records if record.outcome == "won" and record.kind == "advance"]
    if len(records) == 2 == len(winners) and first.expected == records[1].expected:
        title = describe_two_winners(records)[0].rstrip(".")
        words = f"{title}: {describe_overlap(*records)}. No order of the two explains both answers."
        return f"{title}.", tabulate(words, records)
    begun = f" began in {start} and" if start else ""
    if len(records) == 1 and first.outcome == "won" and first.observed not in (None, first.next):
        title = f"{capital(name(first))} won {describe_move(first)} and was told the state {first.observed}"
        words = f"{title}: a win must tell the state after the move, {first.next}."
        return f"{title}.", tabulate(words, records)
    if len(records) == 1:
        title = f"{capital(name(first))} was answered {describe_seen(first)}, which nothing explains"
        why = f"workflow {first.workflow}{begun} no transition that was won, or may have been, can have made it so"
        if first.outcome == "conflict" and (first.observed is None or first.observed in (first.expected or ())):
            why = (
                f"workflow {first.workflow}{begun} by the transitions that were won, or may have been, was at no "
                "moment of the call in a state in which this request may lose"
            )
        words = f"{title}: {why}."
        return f"{title}.", tabulate(f"{words}{describe_timed(graph, None, first.observed)}", records)
    ids = join([record.id for record in records])
    title = f"No order explains these {len(records)} answers of workflow {first.workflow}: {ids}"
    sentences = [
        f"{capital(name(record))}: {describe_move(record)} was answered {describe_seen(record)}." for record in records
    ]
    sentences += describe_precedence(records)
    if start:
        sentences.append(f"The workflow began in {start}.")
    told = {state for record in records for state in (record.observed, *(record.expected or ()))}
    sentences += [describe_timed(graph, None, state).strip() for state in sorted(told - {None}, key=str)]
    sentences.append(
        "Each of them is needed for the contradiction."
        if is_minimal
        else "Some of them may not be needed: the time to find out ran out."
    )
    return f"{title}.", tabulate("\n".join([f"{title}.", *filter(None, sentences)]), records)


def describe_create_contradiction(records: Sequence[Record]) -> Text:
    """An answer about a workflow that was created only later, or two creates that both succeeded."""
    early, late = records
    workflow = early.workflow
    if early.kind == "create":
        title = f"{capital(name(early))} and {name(late)} both created workflow {workflow}"
        return f"{title}.", tabulate(f"{title}: {describe_overlap(early, late)}.", records)
    title = f"{capital(name(early))} was answered {describe_seen(early)} before workflow {workflow} was created"
    gap = show_time(late.invoked_ns - (early.returned_ns or 0))
    words = f"{title}: it had returned {gap} before the create, {late.id}, was invoked. Nothing justifies its answer."
    return f"{title}.", tabulate(words, records)


def describe_seen(record: Record) -> str:
    """won; conflict, telling the state B; ok with the state B."""
    seen = None if record.observed is None else show_state(record.observed)
    outcome = record.outcome
    if outcome == "conflict":
        return f"with a conflict{describe_status(record)}" + (
            f" that tells the state {seen}" if seen is not None else ""
        )
    if outcome == "unknown":
        return "by nothing certain"
    return f"{outcome}{describe_status(record)}" + (f" with the state {seen}" if seen is not None else "")


def describe_precedence(records: Sequence[Record]) -> list[str]:
    """Which of them had returned before which other was invoked, neighbours only."""
    ordered = sorted(records, key=lambda record: record.invoked_ns)
    said = []
    for before, after in pairwise(ordered):
        if before.returned_ns is not None and before.outcome != "unknown" and before.returned_ns < after.invoked_ns:
            gap = show_time(after.invoked_ns - before.returned_ns)
            said.append(f"{before.id} had returned {gap} before {after.id} was invoked.")
        elif before.returned_ns is not None:
            said.append(f"{before.id} and {after.id}: {describe_overlap(before, after)}.")
    return said
