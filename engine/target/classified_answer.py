"""ClassifiedAnswer: the meaning of an HTTP answer by the target file. Pure.

`classify_*` tell the outcome of a request; `read_*` take out what an answer shows.
"""

import re
from collections.abc import Collection
from dataclasses import dataclass, replace
from itertools import pairwise
from typing import Any

from engine.target.adapter import AdapterError, Context
from engine.target.answer_rules import Meanings, Statuses, find_meaning
from engine.target.http_answer import Answer
from engine.target.jmes_path import JmesPath
from engine.target.routes import Guard, Route, Trail, Write
from engine.target.target import Target
from engine.target.value_places import Place

# To another tenant, these say no more than that there is nothing for it.
HIDING = (401, 403, 404)
WHOLE = JmesPath("@")
DIGITS = re.compile(r"-?[0-9]{1,18}")
# The part of a message that says that the file lists the status with conditions only, and that none holds.
NO_CONDITION = "fulfils no condition of"


@dataclass(frozen=True)
class ClassifiedAnswer:
    """The meaning of an answer. `outcome` is won, conflict, ok, stale, refused, busy or unknown.

    `observed` is the state in the answer; for a create it is the initial state. `problem` tells how the answer differs
    from what the target file specifies; `message` tells why an outcome is unknown. `left` is how
    many units the answer tells (of a create: how many there are), `unit` the one that a take got.
    """

    outcome: str
    status: int | None
    observed: str | None = None
    server_id: str | None = None
    problem: str | None = None
    message: str | None = None
    left: int | None = None
    unit: str | None = None


def classify_create(target: Target, answer: Answer, units: int = 0) -> ClassifiedAnswer:
    """`units`: how many units the request asked for."""
    keys = target.idempotency if target.creates_with_key else None
    others = [] if keys is None else [("busy", keys.in_progress), ("refused", keys.mismatch)]
    classified = classify_shown(target, answer, target.create_won, Context("create"), *others)
    if classified.outcome != "ok":
        return classified
    server_id = target.create_id.find_text(answer) if target.create_id is not None else None
    if server_id is None:
        return classify_missing("id", "create.id", target.create_id, answer)
    observed = target.graph.initial if target.has_workflow else None
    classified = replace(classified, observed=observed, server_id=server_id)
    if target.capacity is None:
        return classified
    return add_left(classified, target.capacity.units or units, answer, "capacity.units")


def classify_read(target: Target, answer: Answer) -> ClassifiedAnswer:
    told = find_meaning(answer, target.read_states.items())
    if told.outcome is not None:
        return ClassifiedAnswer("ok", answer.status, observed=told.outcome)
    if told.ambiguous:
        return ClassifiedAnswer("unknown", answer.status, problem=told.ambiguous, message=told.ambiguous)
    classified = classify_shown(target, answer, target.read_ok, Context("read"))
    if target.capacity is not None and target.capacity.left is not None:
        classified = add_left(classified, target.capacity.left, answer, "capacity.left")
    if classified.outcome != "ok" or not target.has_workflow:
        return classified
    state = None if target.read_state is None else find_state(target, target.read_state, answer)
    if state is None:
        return classify_missing("state", "read.state", target.read_state, answer)
    return replace(classified, observed=state)


def classify_advance(target: Target, answer: Answer, route: Route, to: str) -> ClassifiedAnswer:
    context = Context("advance", route.name, target.spelling.spell(to))
    classified = classify_by(target, answer, list(route.meanings.walk()), context)
    if classified.outcome == "won":
        return add_state(target, classified, answer, route.won_state, "the win", "the state after the move", to)
    return add_current_state(target, classified, answer)


def classify_poll(target: Target, answer: Answer, route: Route, to: str) -> ClassifiedAnswer | None:
    """What a poll says of an accepted advance; None: nothing yet. Only for routes with a poll."""
    poll = route.poll
    assert poll is not None
    context = Context("poll", route.name, target.spelling.spell(to))
    classified = classify_by(target, answer, list(poll.meanings.walk()), context)
    if not (poll.done.matches(answer) if poll.done else classified.outcome != "unknown" or classified.problem):
        return None
    if classified.outcome == "won":
        return add_state(target, classified, answer, poll.won_state, "the poll", "the state after the move", to)
    if classified.outcome == "conflict":
        return add_state(target, classified, answer, poll.current_state, "the poll", "the current state")
    return classified


def classify_take(target: Target, answer: Answer) -> ClassifiedAnswer:
    """Only for targets with units; likewise for a give-back."""
    assert target.capacity is not None
    classified = classify_by(target, answer, list(target.capacity.meanings.walk()), Context("take"))
    place = target.capacity.unit
    if classified.outcome != "won" or place is None:
        return classified
    unit = place.find_text(answer)
    problem = f"the win does not tell the unit at {place.text!r}" if unit is None else None
    return replace(classified, unit=unit, problem=problem)


def classify_give_back(target: Target, answer: Answer) -> ClassifiedAnswer:
    assert target.capacity is not None
    assert target.capacity.give_back_meanings is not None
    return classify_by(target, answer, list(target.capacity.give_back_meanings.walk()), Context("give_back"))


def turn_away(classified: ClassifiedAnswer) -> ClassifiedAnswer:
    """The answer to another tenant than the workflow's. One that hides whether there is such a workflow is a refusal,
    also where the file lists its status as a conflict, because the service answers a lost request in the same way.
    """
    is_bare = classified.observed is None and classified.left is None
    told = ("conflict", "stale") if is_bare else ("ok",)
    hides = classified.status in HIDING and classified.outcome in told
    return replace(classified, outcome="refused", observed=None) if hides else classified


def add_left(classified: ClassifiedAnswer, units: int | Place, answer: Answer, key: str) -> ClassifiedAnswer:
    """The answer with the number of units that it tells, or that is known; a number that is not there is unknown."""
    if classified.outcome != "ok":
        return classified
    found = units.find(answer) if isinstance(units, Place) else units
    number = int(found) if isinstance(found, int) or (found is not None and DIGITS.fullmatch(found)) else None
    if number is None:
        missing = classify_missing("number of units", key, units if isinstance(units, Place) else None, answer)
        return replace(missing, server_id=None)
    if number < 0:
        problem = f"the answer tells {number} units at {key}, which is less than none"
        return replace(classified, problem=problem)
    return replace(classified, left=number)


def classify_guard(target: Target, answer: Answer, guard: Guard) -> ClassifiedAnswer:
    closed, context = ("conflict", guard.closed), Context("guard", guard.name)
    return add_current_state(target, classify_shown(target, answer, guard.ok, context, closed), answer)


def classify_trail(target: Target, answer: Answer) -> ClassifiedAnswer:
    """Only for targets with a trail; likewise for effects."""
    assert target.trail is not None
    return classify_shown(target, answer, target.trail.ok, Context("audit"))


def classify_effects(target: Target, answer: Answer) -> ClassifiedAnswer:
    assert target.effects is not None
    return classify_shown(target, answer, target.effects.ok, Context("effects"))


def classify_shown(
    target: Target, answer: Answer, ok: Statuses, context: Context, *others: tuple[str, Statuses]
) -> ClassifiedAnswer:
    """An answer that shows something, or has one of the other outcomes, or one that any answer may have."""
    listed = {rule.status for _, statuses in others for rule in statuses.rules}
    refused = find_refused(target.meanings, {*HIDING} - listed)
    meanings = [("ok", ok), *others, ("busy", target.meanings.busy), ("refused", refused)]
    return classify_by(target, answer, meanings, context)


def find_refused(meanings: Meanings, hiding: Collection[int]) -> Statuses:
    """What a refusal is where nothing can be lost: also those of `hiding` that mean a conflict as answers to a move."""
    lost = [rule for each in (meanings.conflict, meanings.stale) for rule in each.rules if rule.status in hiding]
    return replace(meanings.refused, rules=(*meanings.refused.rules, *lost), is_default=True)


def classify_by(
    target: Target, answer: Answer, meanings: list[tuple[str, Statuses]], context: Context
) -> ClassifiedAnswer:
    """The meaning by the adapter; else by status, and by the conditions of the file. Two meanings are a problem, and
    unknown.
    """
    try:
        told = target.adapter.classify(answer, context) if target.adapter is not None else None
    except AdapterError as error:
        return ClassifiedAnswer("unknown", answer.status, message=str(error))
    if told is not None:
        return ClassifiedAnswer(told, answer.status, message="the adapter says so" if told == "unknown" else None)
    meaning = find_meaning(answer, meanings)
    if meaning.outcome is not None:
        return ClassifiedAnswer(meaning.outcome, answer.status)
    message = meaning.ambiguous or answer.error or describe_status(answer, meanings)
    return ClassifiedAnswer("unknown", answer.status, problem=meaning.ambiguous, message=message)


def classify_write(target: Target, answer: Answer, write: Write) -> ClassifiedAnswer:
    """What does not count as carried out means the same as the answer to an advance."""
    told = target.meanings
    others = (("conflict", told.conflict), ("stale", told.stale), ("refused", told.precondition_required))
    lost = [(outcome, replace(statuses, is_default=True)) for outcome, statuses in others]
    return classify_shown(target, answer, write.ok, Context("write", write.name), *lost)


def is_busy(target: Target, answer: Answer) -> bool:
    """Whether it means: nothing happened, try again. A server error means it only with Retry-After."""
    return target.meanings.busy.matches(answer)


def read_trail(target: Target, answer: Answer) -> list[dict[str, Any]] | None:
    """The audit entries in order, as {from, to, request_id?}; None if the answer does not have them.

    In an entry that is no transition, such as a comment, `to` is None.
    """
    if target.trail is None or classify_trail(target, answer).outcome != "ok":
        return None
    found = find_list(target.trail.entries, answer)
    if found is not None and target.trail.to is None:
        return pair_states(target, found)
    return None if found is None else [read_entry(target, target.trail, entry) for entry in found]


def pair_states(target: Target, found: list[Any]) -> list[dict[str, Any]] | None:
    """The moves of a list of states; None if it holds anything else. It may begin with the initial state, or with the
    state after the first move.
    """
    states = [spell_entry(target, WHOLE, each) for each in found]
    if None in states:
        return None
    if states and states[0] != target.graph.initial:
        states.insert(0, target.graph.initial)
    return [{"from": origin, "to": to} for origin, to in pairwise([None, *states])]


def tell_state(target: Target, answer: Answer) -> str | None:
    """The state that an answer tells by itself, such as a 404 of what is deleted: then it may have nothing to show."""
    return find_meaning(answer, target.read_states.items()).outcome


def read_markers(target: Target, answer: Answer) -> list[str] | None:
    """The markers that left a trace, duplicates included; None if the answer does not have them. A text is one."""
    if target.effects is None or classify_effects(target, answer).outcome != "ok":
        return None
    found = find_list(target.effects.markers, answer)
    if found is not None:
        return [marker for marker in found if isinstance(marker, str)]
    one = target.effects.markers.find(answer.json())
    return [one] if isinstance(one, str) else None


def read_arrival(target: Target, answer: Answer) -> int | None:
    """When the whole request had arrived, for engines that send a header with that time."""
    text = answer.headers.get(target.arrived_header.lower(), "") if target.arrived_header else ""
    return int(text) if text.isascii() and text.isdigit() else None


def spell_entry(target: Target, path: JmesPath, entry: Any) -> str | None:
    """The state at a path of an entry of a trail."""
    return target.spelling.read(path.find_text(entry))


def read_entry(target: Target, trail: Trail, entry: Any) -> dict[str, Any]:
    row = {
        "from": spell_entry(target, trail.origin or WHOLE, entry),
        "to": spell_entry(target, trail.to or WHOLE, entry),
    }
    if trail.request_id is not None:
        row["request_id"] = trail.request_id.find_text(entry)
    return row


def add_current_state(target: Target, classified: ClassifiedAnswer, answer: Answer) -> ClassifiedAnswer:
    if classified.outcome != "conflict":
        return classified
    return add_state(target, classified, answer, target.current_state, "the conflict", "the current state")


def add_state(
    target: Target,
    classified: ClassifiedAnswer,
    answer: Answer,
    place: Place | None,
    subject: str,
    what: str,
    to: str | None = None,
) -> ClassifiedAnswer:
    """An answer with a state at `place`, if there is one. No state, or another one than `to`, is a problem.

    A state to which the workflow goes on from `to` by itself is right, and tells nothing about the move.
    """
    if place is None:
        return classified
    observed, problem = find_state(target, place, answer), None
    if to is not None and observed != to and observed in target.graph.reach_alone(to):
        return classified
    if observed is None:
        problem = f"{subject} does not tell {what} at {place.text!r}"
    elif to not in (None, observed):
        problem = f"the answer tells {observed}, the move leads to {to}"
    return replace(classified, observed=observed, problem=problem)


def find_state(target: Target, place: Place, answer: Answer) -> str | None:
    return target.spelling.read(place.find_text(answer))


def classify_missing(what: str, key: str, place: Place | None, answer: Answer) -> ClassifiedAnswer:
    """The meaning of a good status without a value. The message does not quote the answer, which may hold secrets."""
    kind = answer.headers.get("content-type", "").partition(";")[0]
    where = f" in an answer of type {kind}" if kind else ""
    message = f"no {what} at {key} = {place.text if place else None!r}{where}"
    return ClassifiedAnswer("unknown", answer.status, message=message)


def describe_status(answer: Answer, meanings: list[tuple[str, Statuses]]) -> str:
    """Describes an answer that no rule of the target file fits."""
    if answer.status is not None and 300 <= answer.status < 400:
        where = answer.headers.get("location", "nowhere")
        return f"status {answer.status} redirects to {where}; redirects are not followed"
    listed = [f"{each.key} ({rule})" for _, each in meanings for rule in each.rules if rule.status == answer.status]
    if conditions := [each for each in listed if " when " in each]:
        return f"status {answer.status} {NO_CONDITION} {', '.join(conditions)}"
    again = " with Retry-After" if "retry-after" in answer.headers else ""
    return f"status {answer.status}{again} is neither a win, a conflict nor a refusal"


def find_list(query: JmesPath, answer: Answer) -> list[Any] | None:
    """The list at a path of an answer; None if there is none, or if the answer is not JSON."""
    document = answer.json()
    is_json = document is not None or answer.body.strip() == b"null"
    return query.find_list(document) if is_json else None
