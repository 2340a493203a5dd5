"""What to change in a target file when an answer is not what it lets expect: a sentence, the key first. Pure."""

import json
import math
from collections import Counter
from dataclasses import dataclass
from typing import Any

from engine.target.answer_rules import SERVER_ERROR
from engine.target.classified_answer import NO_CONDITION, ClassifiedAnswer
from engine.target.http_answer import Answer
from engine.target.routes import Route
from engine.target.target import Target
from engine.target.template import Request
from onewinner.json_paths import (
    describe_leaves,
    describe_places,
    describe_query,
    describe_states,
    find_states,
    fold,
    read_state,
    walk_leaves,
    walk_lists,
)
from reports.judge.text.finding_text import TRY_AGAIN

PROOFS = ("authorization", "cookie")
LOOK = "look into the service's log"
# To a request about a workflow that was there before.
GONE = (404, 410)
ACCEPTED_STATUS = 202
UNKNOWN_CLIENT = 401
TOO_MANY = 429


@dataclass(frozen=True)
class Probe:
    """One question to the service, what came of it, and the outcomes that are right.

    `table` is the part of the file that describes the request: "create", "advance", "advance.edges[0]", ...
    """

    what: str
    table: str
    tenant: str
    request: Request
    answer: Answer
    classified: ClassifiedAnswer
    wanted: tuple[str, ...]

    @property
    def sent(self) -> str:
        return f"{self.request.method} {self.request.path}"


def advise_create(target: Target, probe: Probe) -> str | None:
    answer = probe.answer
    if target.create_won.matches(answer) and "capacity.units" in (probe.classified.message or ""):
        return f"capacity.units: {probe.classified.message}; it holds {describe_leaves(answer.json())}"
    if target.create_won.matches(answer) and probe.classified.outcome != "ok":
        found = f"create.id: {describe_query(target.create_id)} finds no id"
        return f"{found} in the answer; it holds {describe_leaves(answer.json())}"
    return advise_status(probe, "create.won")


def advise_read(target: Target, probe: Probe, state: str, server_id: str, *, is_new: bool) -> str | None:
    """`state` is the one that the workflow must be in; `is_new` says that nothing was asked of it but its create."""
    answer, seen = probe.answer, probe.classified.observed
    if probe.classified.outcome != "ok" and answer.status in GONE and not is_new:
        return (
            f"read.state_by_answer: {probe.sent} was answered {answer.status} in {state}, and was shown before; if the "
            f"service deletes it, add state_by_answer = {{ {state} = [{answer.status}] }} to [read]"
        )
    if probe.classified.outcome == "refused" and answer.status == 404:
        return (
            f"read.request.path: {probe.sent} was answered 404; correct the path, "
            f"or create.id if {server_id!r} is not the id"
        )
    if probe.classified.outcome != "ok":
        if target.read_ok.matches(answer):
            found = f"read.state: {describe_query(target.read_state)} finds no state in the answer"
            return f"{found}; {advise_text(target, answer) or describe_states(target, answer)}"
        return advise_status(probe, "read.ok")
    if seen == state:
        return None
    return advise_state(target, answer, str(seen), state, is_new=is_new)


def advise_text(target: Target, answer: Answer) -> str | None:
    """What makes a text of a state that is true, false or null; None if the path finds another value, or none."""
    place, document = target.read_state, answer.json()
    if place is None or place.path is None or place.match is not None or not isinstance(document, dict):
        return None
    found = place.path.find(document)
    if not isinstance(found, bool) and not (found is None and place.text in document):
        return None
    return f'it finds {json.dumps(found)}, which is no text; write state = "to_string({place.text})"'


def advise_state(target: Target, answer: Answer, seen: str, state: str, *, is_new: bool) -> str:
    """Why a read shows another state than the file lets expect."""
    if seen not in target.graph.states:
        spelled = next((each for each in target.graph.states if fold(each) == fold(seen)), None)
        if spelled is not None:
            return f'workflow.spelling: the service spells {spelled} as {seen!r}; add {spelled} = "{seen}"'
        if find_states(target, answer.json()):
            found = f"read.state: {describe_query(target.read_state)} finds {seen!r}, which is no state"
            return f"{found}; {describe_states(target, answer)}"
        return (
            f"workflow.transitions: the workflow is in {seen!r}, which they do not have; add it to them, "
            "or correct read.state if it is no state"
        )
    if is_new:
        return f'workflow.initial: a new workflow is in {seen!r}, not in {state!r}; write initial = "{seen}"'
    return (
        f"advance.won: the move to {state!r} was answered as won, and a read shows {seen!r}; correct what means a win"
    )


def advise_advance(probe: Probe, origin: str, to: str, *, others_won: bool = False) -> str | None:
    """A legal advance from the state that a read has just shown. `others_won`: over the same request others did."""
    if probe.classified.outcome == "won":
        problem = probe.classified.problem
        return None if problem is None else f"advance.won_state: {problem}; correct it, or leave the key out"
    if probe.answer.status == TOO_MANY:
        return advise_status(probe, "advance.won")
    if probe.classified.outcome == "busy":
        return (
            f"{probe.table}: {probe.sent} was answered {probe.answer.status}, which means busy, though it was sent "
            "alone; see whether an earlier request left a lock behind, else the gate may call it a failure"
        )
    if may_be_busy(probe.answer):
        return advise_busy(Counter([probe.answer.status]), 1)
    if (advice := advise_condition(probe)) is not None:
        return advice
    if probe.classified.outcome == "conflict":
        told = (
            f"the legal move {origin} -> {to} was answered {probe.answer.status}, a conflict, though it is in {origin}"
        )
        if others_won:
            key = "workflow.transitions" if probe.table == "advance" else f"{probe.table}.from"
            return f"{key}: {told}, and other moves of this request were made; remove {origin} -> {to} if it is none"
        carried = "what carries {expected} and {next}, or workflow.transitions"
        return f"{probe.table}.request.json: {told}; correct {carried}"
    return advise_status(probe, "advance.won")


def may_be_busy(answer: Answer) -> bool:
    """Whether it may say that nothing happened: by its status, of a server error also by Retry-After."""
    return answer.status in TRY_AGAIN and (answer.status < SERVER_ERROR or "retry-after" in answer.headers)


def advise_busy(answered: Counter[int | None], asked: int) -> str:
    """`answered` are the statuses of answers that may say that nothing happened, of so many that were asked."""
    statuses = sorted(status for status in answered if status is not None)
    seen = " and ".join(f"{answered[status]} were answered {status}" for status in statuses)
    told = (
        f"of {asked} requests at once {seen}"
        if asked > 1
        else f"a request that was sent alone was answered {statuses[0]}"
    )
    return (
        f"advance.busy: {told}; write busy = {statuses} if that says that nothing happened "
        "and the client may try again, and list it nowhere else"
    )


def propose_won_state(target: Target, wins: list[tuple[Route, Answer, str]]) -> str | None:
    """What could be added: all answers to wins tell the state after the move, and the file does not say where."""
    key = find_shared_state(target, [(answer, to) for route, answer, to in wins if route.won_state is None])
    if key is None:
        return None
    return f"the answer to a win tells the state after the move; with won_state = {key} under [advance] it is checked"


def propose_current_state(target: Target, conflicts: list[tuple[Answer, str]]) -> str | None:
    """Likewise of all conflicts, each with the state of the workflow."""
    key = find_shared_state(target, conflicts) if target.current_state is None else None
    if key is None:
        return None
    return f"the answer to a conflict tells the current state; with current_state = {key} under [advance] it is checked"


def find_shared_state(target: Target, told: list[tuple[Answer, str]]) -> str | None:
    """Where each of the answers has the state beside it, as a value of the target file."""
    shared = [
        {path for path, value in walk_leaves(answer.json()) if read_state(target, value) == state}
        for answer, state in told
    ]
    found = min(set.intersection(*shared), key=len, default=None) if shared else None
    return None if found is None else json.dumps(found, ensure_ascii=False)


def advise_illegal(probe: Probe, origin: str, to: str, *, known: bool = False) -> str | None:
    """`known`: the graph has the move, but over another request."""
    if probe.classified.outcome == "won":
        if known:
            return (
                f"{probe.table}.from: the service made the move {origin} -> {to} over this request, whose states do "
                f"not have {origin!r}; add it there if it is meant, else the gate will call it a failure"
            )
        return (
            f"workflow.transitions: the service made the move {origin} -> {to}, which they do not have; "
            f"add {to!r} to the next states of {origin} if it is meant, else the gate will call it a failure"
        )
    if probe.classified.outcome != "unknown":
        return None
    if probe.answer.status is None or probe.answer.status >= 500:
        return advise_trouble(probe)
    if (advice := advise_condition(probe)) is not None:
        return advice
    status = probe.answer.status
    told = f"the illegal move {origin} -> {to} was answered {status}, which is listed nowhere"
    return f"advance.refused: {told}; add {status} to advance.refused, or to advance.conflict if it tells the state"


def advise_moved(probe: Probe, before: str, after: str) -> str:
    """A read behind an illegal request shows another state than before."""
    status = probe.answer.status
    return (
        f"advance.conflict: {probe.sent} was answered {status} in {before}, understood as {probe.classified.outcome}, "
        f"and the workflow is in {after} afterwards; correct what {status} means, else the gate will call it a failure"
    )


def advise_stale(target: Target, probe: Probe, actual: str) -> str | None:
    """The advance that has won, once more: the workflow is in `actual` already."""
    classified, status = probe.classified, probe.answer.status
    if classified.outcome == "won":
        return (
            f"advance.won: the same move was answered {status} a second time; list another status under "
            "advance.conflict if it answers so to a request that comes too late; if it answers so on purpose, and "
            "changes nothing, write repeats = true under [advance]; else the gate will find two winners"
        )
    if classified.outcome == "refused":
        return (
            f"advance.conflict: a request that comes too late was answered {status}, which advance.refused lists; "
            f"move {status} from advance.refused to advance.conflict"
        )
    if classified.outcome == "unknown":
        if status is None or status >= 500 or 300 <= status < 400:
            return advise_trouble(probe)
        if (advice := advise_condition(probe)) is not None:
            return advice
        return (
            f"advance.conflict: a request that comes too late was answered {status}, which is listed nowhere; "
            f"add {status} to advance.conflict"
        )
    is_told = classified.outcome == "conflict" and target.current_state is not None
    if is_told and classified.observed != actual:
        found = f"finds {classified.observed!r}" if classified.observed else "finds nothing"
        return (
            f"advance.current_state: {describe_query(target.current_state)} {found} in the conflict, and the "
            f"workflow is in {actual}; {describe_states(target, probe.answer)}, or leave the key out"
        )
    return None


def advise_stranger(target: Target, probe: Probe, state: str | None = None) -> str | None:
    """`state`: the state of the owner's workflow, where it is certain. If the other tenant is told another one, it was
    asked about another object.
    """
    outcome, key, seen = probe.classified.outcome, f"tenants.{probe.tenant}.headers", probe.classified.observed
    if outcome in ("ok", "won", "conflict"):
        told = f"{probe.tenant} was answered {probe.answer.status} on a workflow of {target.owner}"
        if outcome != "won" and state is not None and seen in target.graph.states and seen != state:
            return (
                f"{key}: {told}, and told the state {seen}, but that workflow is in {state}; the service seems to "
                "number the workflows of each tenant by themselves, so that one id is another object for "
                f"{probe.tenant}. If so, leave this tenant out; or, if the paths can name the tenant, save that part "
                "with create.save and write it into them. Else the gate learns nothing about isolation"
            )
        return (
            f"{key}: {told}; write the headers of another tenant, or leave this one out if the service has one only, "
            "else the gate will call it a failure"
        )
    return advise_trouble(probe) if outcome == "unknown" else None


def advise_unknown_client(probe: Probe) -> str | None:
    """About a create by another tenant. One that may not create anything is answered 403."""
    if probe.answer.status != UNKNOWN_CLIENT:
        return None
    return (
        f"tenants.{probe.tenant}.headers: {probe.sent} was answered {UNKNOWN_CLIENT}; correct what proves this tenant: "
        "as it is, the service refuses all of its requests, and the gate learns nothing about isolation"
    )


def advise_guard(probe: Probe, state: str) -> str | None:
    outcome, status = probe.classified.outcome, probe.answer.status
    if outcome in probe.wanted:
        return None
    if outcome == "conflict":
        return f"{probe.table}.open: it is closed in {state}; remove {state!r} from open, or correct its request"
    if outcome == "ok":
        return f"{probe.table}.open: it answers in {state}; add {state!r} to open"
    if "conflict" in probe.wanted and status is not None and 400 <= status < 500 and status not in (401, 404):
        return f"{probe.table}.closed: in {state} it was answered {status}; add {status} to closed"
    return advise_status(probe, "read.ok")


def advise_trail(
    target: Target, probe: Probe, rows: list[dict[str, Any]] | None, moves: list[tuple[str, str]]
) -> str | None:
    """`moves` are those that were answered as won, in order; the row of the create does not count, nor those of moves
    that no request made.
    """
    assert target.trail is not None
    if probe.classified.outcome != "ok":
        return advise_status(probe, target.trail.ok.key)
    are_states = target.trail.to is None
    key, also = ("audit.states", "") if are_states else ("audit.entries", ", audit.from or audit.to")
    if rows is None:
        lists = [path for path, value in walk_lists(probe.answer.json())]
        found = f"{key}: {describe_query(target.trail.entries)} finds"
        return f"{found} no list{' of states' * are_states} in the answer; {describe_places(lists)}"
    for name, query in (("to", target.trail.to), ("from", target.trail.origin)):
        if rows and query is not None and all(row[name] is None for row in rows):
            entry = target.trail.entries.find(probe.answer.json())[-1]
            return (
                f"audit.{name}: {describe_query(query)} finds no state in an entry; it holds {describe_leaves(entry)}"
            )
    alone = {(move.origin, move.to) for move in target.graph.timed} - set(moves)
    shown = [(row["from"], row["to"]) for row in rows if row["from"] is not None]
    shown = [edge for edge in shown if edge not in alone]
    if shown != moves:
        told = f"the trail shows {describe_moves(shown)}, and the moves were {describe_moves(moves)}"
        return f"{key}: {told}; correct it{also}, else the gate will call it a failure"
    return None


def advise_effects(target: Target, probe: Probe, markers: list[str] | None, carried: str | None) -> str | None:
    """`carried` is the marker that the winner's request carried; None when it carries none."""
    assert target.effects is not None
    if probe.classified.outcome != "ok":
        return advise_status(probe, target.effects.ok.key)
    found = f"effects.markers: {describe_query(target.effects.markers)} finds"
    if markers is None:
        places = describe_places([path for path, _ in walk_lists(probe.answer.json())])
        return f"{found} neither a list nor a text in the answer; {places}"
    if carried is not None and carried not in markers:
        return f"{found} {markers}, and not {carried!r} of the move that won; correct it, or where {{marker}} is sent"
    return None


def advise_delay(key: str, seconds: float) -> str:
    """What a win leaves was not there at first, but after so long."""
    late = f"{key}.within_s: what the move left came {seconds:.1f} s after its answer; write how late it may be at most"
    return f"{late}, such as within_s = {max(2, math.ceil(4 * seconds))}, else the gate will call it a failure"


def advise_status(probe: Probe, good: str) -> str | None:
    """A request that had to succeed, by the status that it met. `good` is the key that lists those of success."""
    status, outcome = probe.answer.status, probe.classified.outcome
    if outcome in probe.wanted:
        return None
    if (advice := advise_condition(probe)) is not None:
        return advice
    if status == TOO_MANY:
        return (
            f"{probe.table}: {probe.sent} was answered {TOO_MANY}, though it was sent alone: the service limits how "
            "many requests it takes; lift that limit in the service under test, by a setting in env of [service]"
        )
    if status in (401, 403):
        told = f"tenants.{probe.tenant}.headers: {probe.sent} was answered {status}"
        carried = [name for name, _ in probe.request.headers if name.lower() in PROOFS]
        if carried:
            return f"{told}; it carried {carried[0]}, so correct its value, or what the login gives"
        return f'{told}; write the header that proves this tenant, such as Authorization = "Bearer ${{TOKEN}}"'
    if status == 404:
        return f"{probe.table}.request.path: {probe.sent} was answered 404; correct the path"
    if status == 405:
        return f"{probe.table}.request.method: {probe.sent} was answered 405; correct the method, or the path"
    if status == ACCEPTED_STATUS and good == "advance.won" and not probe.table.endswith(".poll"):
        return (
            f"advance.accepted: {probe.sent} was answered 202; if it is carried out later, write accepted = [202] and "
            "poll = { request = ..., won = ... }, which tells the outcome"
        )
    if status is not None and 200 <= status < 300:
        return f"{good}: {probe.sent} was answered {status}; add {status} to {good} if it means success"
    if status is not None and 400 <= status < 500:
        return (
            f"{probe.table}.request.json: {probe.sent} was answered {status}; correct what is sent, "
            "or workflow.spelling if the service spells the states in another way"
        )
    return advise_trouble(probe)


def advise_condition(probe: Probe) -> str | None:
    """An answer with a status that the file lists with conditions, of which none holds or those of two meanings do."""
    classified = probe.classified
    if classified.outcome == "unknown" and classified.problem is not None:
        return f"{probe.table}: {probe.sent}: {classified.problem}"
    message = classified.message or ""
    if NO_CONDITION in message:
        holds = describe_leaves(probe.answer.json())
        return f"{probe.table}: {probe.sent}: {message}; correct the condition, the answer holds {holds}"
    return None


def advise_trouble(probe: Probe) -> str:
    """No answer, a redirect, a server error."""
    status = probe.answer.status
    if status is None and probe.table.endswith(".poll"):
        return f"{probe.table}: {probe.sent}: {probe.answer.error}; correct its request, won, conflict or done"
    if status is None:
        key = "timeout_s" if probe.answer.error.startswith("no answer within") else "base_url"
        return f"{key}: {probe.sent}: {probe.answer.error or probe.classified.message}; {LOOK}"
    if 300 <= status < 400:
        where = probe.answer.headers.get("location", "nowhere")
        return (
            f"{probe.table}.request.path: {probe.sent} was answered {status} and redirected to {where}; "
            "write the path at its end (no redirect is followed), or a header that makes the service answer itself"
        )
    return f"{probe.table}.request: {probe.sent} was answered {status}; {LOOK}, then at what is sent"


def describe_moves(moves: list[tuple[Any, Any]]) -> str:
    return ", ".join(f"{origin} -> {to}" for origin, to in moves) or "none"
