"""ClassifiedAnswer: the meaning of an HTTP answer by the target file. Pure.

`classify_*` tell the outcome of a request; `read_*` take out what an answer shows.
"""

from dataclasses import dataclass
from typing import Any

from engine.target.checks import SERVER_ERROR
from engine.target.http_answer import Answer
from engine.target.paths import JmesPath
from engine.target.routes import Guard, Route, Trail
from engine.target.target import Target


@dataclass(frozen=True)
class ClassifiedAnswer:
    """The meaning of an answer. `outcome` is won, conflict, ok, refused, busy or unknown.

    `observed` is the state in the answer; for a create it is the initial state. `problem` tells how the answer differs
    from what the target file specifies; `message` tells why an outcome is unknown.
    """

    outcome: str
    status: int | None
    observed: str | None = None
    server_id: str | None = None
    problem: str | None = None
    message: str | None = None


def classify_create(target: Target, answer: Answer) -> ClassifiedAnswer:
    if answer.status not in target.create_won:
        return classify_other(target, answer)
    server_id = target.create_id.find_text(answer.json()) if target.create_id is not None else None
    if server_id is None:
        return classify_missing("id", "create.id", target.create_id, answer)
    return ClassifiedAnswer("ok", answer.status, target.graph.initial, server_id)


def classify_read(target: Target, answer: Answer) -> ClassifiedAnswer:
    if answer.status not in target.read_ok:
        return classify_other(target, answer)
    state = find_state(target, target.read_state, answer.json())
    if state is None:
        return classify_missing("state", "read.state", target.read_state, answer)
    return ClassifiedAnswer("ok", answer.status, state)


def classify_advance(target: Target, answer: Answer, route: Route, to: str) -> ClassifiedAnswer:
    if answer.status in target.won:
        return classify_with_state(target, "won", answer, route.won_state, "the win", "the state after the move", to)
    if answer.status in target.conflict:
        return classify_conflict(target, answer)
    return classify_other(target, answer)


def classify_guard(target: Target, answer: Answer, guard: Guard) -> ClassifiedAnswer:
    if answer.status in target.read_ok:
        return ClassifiedAnswer("ok", answer.status)
    if answer.status in guard.closed:
        return classify_conflict(target, answer)
    return classify_other(target, answer)


def is_busy(target: Target, answer: Answer) -> bool:
    """Whether it means: nothing happened, try again. A server error means it only with Retry-After."""
    if answer.status not in target.busy:
        return False
    return answer.status < SERVER_ERROR or "retry-after" in answer.headers


def read_trail(target: Target, answer: Answer) -> list[dict[str, Any]] | None:
    """The audit entries in order, as {from, to, request_id?}; None if the answer does not have them.

    In an entry that is no transition, such as a comment, `to` is None.
    """
    if target.trail is None or answer.status not in target.read_ok:
        return None
    found = find_list(target.trail.entries, answer)
    return None if found is None else [read_entry(target, target.trail, entry) for entry in found]


def read_markers(target: Target, answer: Answer) -> list[str] | None:
    """The markers that left a trace, duplicates included; None if the answer does not have them."""
    if target.effects is None or answer.status not in target.read_ok:
        return None
    found = find_list(target.effects.markers, answer)
    return None if found is None else [marker for marker in found if isinstance(marker, str)]


def read_arrival(target: Target, answer: Answer) -> int | None:
    """When the whole request had arrived, for engines that send a header with that time."""
    text = answer.headers.get(target.arrived_header.lower(), "") if target.arrived_header else ""
    return int(text) if text.isascii() and text.isdigit() else None


def read_entry(target: Target, trail: Trail, entry: Any) -> dict[str, Any]:
    row = {"from": find_state(target, trail.origin, entry), "to": find_state(target, trail.to, entry)}
    if trail.request_id is not None:
        row["request_id"] = trail.request_id.find_text(entry)
    return row


def classify_conflict(target: Target, answer: Answer) -> ClassifiedAnswer:
    return classify_with_state(target, "conflict", answer, target.current_state, "the conflict", "the current state")


def classify_with_state(
    target: Target, outcome: str, answer: Answer, path: JmesPath | None, subject: str, what: str, to: str | None = None
) -> ClassifiedAnswer:
    """An answer with a state at `path`, if there is a path. No state, or another one than `to`, is a problem."""
    if path is None:
        return ClassifiedAnswer(outcome, answer.status)
    observed, problem = find_state(target, path, answer.json()), None
    if observed is None:
        problem = f"{subject} does not tell {what} at {path.text!r}"
    elif to not in (None, observed):
        problem = f"the answer tells {observed}, the move leads to {to}"
    return ClassifiedAnswer(outcome, answer.status, observed, problem=problem)


def classify_other(target: Target, answer: Answer) -> ClassifiedAnswer:
    if is_busy(target, answer):
        return ClassifiedAnswer("busy", answer.status)
    if answer.status is not None and answer.status in target.refused:
        return ClassifiedAnswer("refused", answer.status)
    return ClassifiedAnswer("unknown", answer.status, message=answer.error or describe_status(answer))


def find_state(target: Target, query: JmesPath, document: Any) -> str | None:
    return target.spelling.read(query.find_text(document))


def classify_missing(what: str, key: str, query: JmesPath | None, answer: Answer) -> ClassifiedAnswer:
    """The meaning of a good status without a value. The message does not quote the answer, which may hold secrets."""
    kind = answer.headers.get("content-type", "").partition(";")[0]
    where = f" in an answer of type {kind}" if kind else ""
    message = f"no {what} at {key} = {query.text if query else None!r}{where}"
    return ClassifiedAnswer("unknown", answer.status, message=message)


def describe_status(answer: Answer) -> str:
    """Describes a status that the target file does not list."""
    if answer.status is not None and 300 <= answer.status < 400:
        where = answer.headers.get("location", "nowhere")
        return f"status {answer.status} redirects to {where}; redirects are not followed"
    again = " with Retry-After" if "retry-after" in answer.headers else ""
    return f"status {answer.status}{again} is neither a win, a conflict nor a refusal"


def find_list(query: JmesPath, answer: Answer) -> list[Any] | None:
    """The list at a path of an answer; None if there is none, or if the answer is not JSON."""
    document = answer.json()
    is_json = document is not None or answer.body.strip() == b"null"
    return query.find_list(document) if is_json else None
