"""The moves of a resource: the request that serves any of them, routes of their own, what the answers mean. Pure."""

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

from engine.target.template import Template
from onewinner.proposals.document import Operation, Property
from onewinner.proposals.requests import build_call, fill_move, list_inner, put
from onewinner.proposals.resources import PARAMETER, Resource, find_state
from onewinner.proposals.words import (
    AFTER,
    EXPECTED,
    MOVING,
    QUESTIONS,
    TRAILS,
    find_led,
    find_origins,
    is_verb,
    name_state,
    names_expected,
    names_next,
    names_side,
    names_state,
    names_version,
    order_states,
    split_words,
)

YES = re.compile(r"accept|succe|ok$|done|appli|approved|granted", re.IGNORECASE)
NO = re.compile(r"reject|abort|conflict|denied|declin|fail|lost|already", re.IGNORECASE)
BUSY = re.compile(r"wait|retry|busy|later", re.IGNORECASE)
ETAG = "header:ETag"
AGAIN = (423, 425, 429)


@dataclass(frozen=True)
class Edge:
    """A route of its own, with the states that its name suggests; `to` is empty if it suggests none."""

    call: Template
    origins: tuple[str, ...]
    to: str
    won_state: str | None = None


@dataclass(frozen=True)
class General:
    """The operation that takes the next state, the property or the parameter that names it, and what it may be."""

    operation: Operation
    following: Property | None
    parameter: str | None
    targets: tuple[str, ...]


@dataclass(frozen=True)
class Decision:
    """Where the answer to a move tells the outcome in its body: the path, and the values by outcome."""

    path: str
    won: tuple[str, ...]
    conflict: tuple[str, ...]
    busy: tuple[str, ...]


@dataclass(frozen=True)
class Trail:
    """The route of an audit trail, and where its entries, the state before and the state after stand.

    Without the state before it is a list of states.
    """

    call: Template
    entries: str
    origin: str | None
    to: str


def find_states(resource: Resource) -> tuple[str, ...]:
    """The states of the resource: as a read shows them, as a request takes them, else as its verbs suggest them."""
    state = resource.state
    told = state.schema.get("default") if state is not None else None
    initial = told if isinstance(told, str) else None
    if state is not None and len(state.values) > 1:
        return order_states(state.values, initial)
    verbs = [verb for each in resource.writes if is_verb(verb := last_word(resource, each))]
    asked = next((values for each in resource.writes if (values := find_asked(each))), ())
    if not asked and not verbs:
        return ()
    states = asked or (initial or "NEW",)
    more = dict.fromkeys(name_state(verb) for verb in verbs if find_led(verb, asked) is None)
    is_lower = bool(asked) and all(state == state.lower() for state in asked)
    named = [name.lower() if is_lower else name for name in more]
    return order_states((*states, *(name for name in named if name not in states)), initial)


def find_asked(operation: Operation) -> tuple[str, ...]:
    """The states that a request takes."""
    parts = [each for each in list_inner(operation) if names_next(each.path) or names_state(each.path)]
    return next((each.values for each in parts if len(each.values) > 1), ())


def find_general(resource: Resource, states: Sequence[str]) -> General | None:
    """The request that serves any move: the one that takes the most states, or whose property is named like one."""
    found = [*walk_enumerated(resource, states), *walk_parameters(resource, states)]
    if found:
        return max(found, key=lambda each: (len(each.targets), each.operation.method == "POST"))
    return next(walk_texts(resource), None)


def walk_enumerated(resource: Resource, states: Sequence[str]) -> Iterator[General]:
    for operation in resource.writes:
        for part in list_inner(operation):
            targets = tuple(state for state in states if state in part.values)
            if are_most(targets, part) and not names_expected(part.name) and "{" not in resource.rest(operation):
                yield General(operation, part, None, targets)
                break


def are_most(targets: Sequence[str], part: Property) -> bool:
    """Whether a property takes these states: a state of something else may be spelled like one of them."""
    return bool(targets) and len(targets) * 2 >= len(part.values)


def walk_parameters(resource: Resource, states: Sequence[str]) -> Iterator[General]:
    """Routes whose last parameter is the next state: POST /orders/{id}/transitions/{state}."""
    for operation in resource.writes:
        names = PARAMETER.findall(resource.rest(operation))
        part = operation.find_parameter(names[0], "path") if len(names) == 1 else None
        taken = Property("", part.schema if part is not None else {})
        targets = tuple(state for state in states if state in taken.values)
        if are_most(targets, taken):
            yield General(operation, None, names[0], targets)


def walk_texts(resource: Resource) -> Iterator[General]:
    """Properties without an enum that are named like a next state."""
    for operation in resource.writes:
        rest = resource.rest(operation)
        inner = [] if "{" in rest else [each for each in list_inner(operation) if "." not in each.path]
        chosen = [each for each in inner if names_next(each.path) and each.is_text and not each.values]
        paired = any(names_expected(each.name) for each in inner)
        for part in chosen:
            if (names_state(part.path) or paired) and (not rest or MOVING & set(split_words(rest))):
                yield General(operation, part, None, ())
                break


def build_general(resource: Resource, general: General, version: str | None) -> Template:
    call = fill_move(build_call(resource, general.operation), general.operation, general.following, version)
    return replace(call, path=PARAMETER.sub(lambda found: keep(found[0]), call.path)) if general.parameter else call


def keep(parameter: str) -> str:
    return parameter if parameter == "{id}" or parameter.isupper() else "{next}"


def walk_edges(
    resource: Resource, general: General | None, states: Sequence[str], version: str | None
) -> Iterator[Edge]:
    """Routes whose last word is that of a state (submit for SUBMITTED), and actions that a body names."""
    for operation in resource.writes:
        rest = resource.rest(operation)
        if (general is not None and operation is general.operation) or "{" in rest:
            continue
        call = fill_move(build_call(resource, operation), operation, None, version)
        if rest:
            word = last_word(resource, operation)
            if (edge := find_edge(call, word, states)).to or names_action(operation, rest, word):
                yield replace(edge, won_state=find_told(resource, operation, states))
                continue
        for edge in walk_actions(operation, call, states):
            yield replace(edge, won_state=find_told(resource, operation, states))


def names_action(operation: Operation, rest: str, word: str) -> bool:
    """Whether a route may be named for a move: by a verb, or a POST on one word, neither a plural nor a question."""
    if is_verb(word):
        return True
    is_one = operation.method == "POST" and rest.count("/") <= 1
    return is_one and not word.endswith("s") and not QUESTIONS & set(split_words(word))


def walk_actions(operation: Operation, call: Template, states: Sequence[str]) -> Iterator[Edge]:
    """Edges whose body names a verb: { action = "approve" }."""
    for part in list_inner(operation):
        led = [value for value in part.values if find_led(value, states)]
        if len(led) >= 2 and len(led) * 2 >= len(part.values):
            for value in led:
                yield find_edge(replace(call, json=put(call.json, part.path, value)), value, states)
            return


def find_edge(call: Template, verb: str, states: Sequence[str]) -> Edge:
    to = find_led(verb, states)
    origins = find_origins(verb, to, states, states[0]) if to is not None else ()
    return Edge(call, origins, to or "" if origins else "")


def last_word(resource: Resource, operation: Operation) -> str:
    return re.split(r"[/:]", resource.rest(operation))[-1]


def find_told(resource: Resource, operation: Operation, states: Sequence[str]) -> str | None:
    """Where the answer to a win tells the state: in the property of a read, or in one that has the states."""
    state, read = find_state(operation.shown), resource.state
    if state is None:
        return None
    is_same = read is not None and read.path == state.path
    return state.path if is_same or set(state.values) & set(states) else None


def find_current(operations: Sequence[Operation], conflict: Sequence[int]) -> str | None:
    """Where a conflict tells the current state."""
    for operation in operations:
        for status in conflict:
            shown = [each for each in operation.answer(status) if "[]" not in each.path]
            current = [each for each in shown if "current" in split_words(each.name) and not names_version(each.name)]
            found = next(iter(current), None) or next(
                (each for each in shown if names_state(each.path) and is_named(each)), None
            )
            if found is not None and found.is_text:
                return found.path
    return None


def is_named(part: Property) -> bool:
    """Whether it is not the HTTP status, which problem documents repeat."""
    return part.name != "status" or "string" in str(part.schema.get("type", "string"))


def find_decision(operations: Sequence[Operation], states: Sequence[str]) -> Decision | None:
    """A property of the answers that tells won from lost in the body."""
    for operation in operations:
        for part in operation.shown:
            if part.path != part.name or set(part.values) & set(states):
                continue
            values = [value for value in part.values if re.fullmatch(r"[\w .-]+", value)]
            won, lost, busy = (tuple(value for value in values if each.search(value)) for each in (YES, NO, BUSY))
            if won and lost:
                return Decision(part.path, won, lost, busy)
    return None


def find_version(resource: Resource) -> str | None:
    """Where a read tells the version that a move must carry: a header for If-Match, else a property of its answer."""
    if any(each.find_parameter("If-Match", "header") is not None for each in resource.writes):
        return ETAG
    moving = [each for each in resource.writes if resource.may_move(each)]
    carried = {part.name for each in moving for part in each.body if names_version(part.name) and "." not in part.path}
    shown = resource.read.shown if resource.read is not None else ()
    return next((part.path for part in shown if part.name in carried and "[]" not in part.path), None)


def list_trails(resource: Resource) -> list[Operation]:
    """The routes below the item that are named like a trail."""
    return [
        each
        for each in resource.operations
        if each.method == "GET"
        and resource.rest(each)
        and "{" not in resource.rest(each)
        and TRAILS & set(split_words(last_word(resource, each)))
    ]


def find_trail(resource: Resource) -> Trail | None:
    """The route of an audit trail: its call, and where entries, from and to stand."""
    for each in list_trails(resource):
        parts = [part for part in each.shown if part.path.count("[]") == 1]
        entries = [part for part in parts if "." not in part.path.partition("[].")[2]]
        origin = next((part for part in entries if names_side(part.name, EXPECTED)), None)
        to = next((part for part in entries if names_side(part.name, AFTER)), None)
        if origin is not None and to is not None:
            return Trail(build_call(resource, each), to.path.partition("[]")[0] or "@", origin.name, to.name)
        state = next((part for part in entries if names_state(part.name) and part.is_text), None)
        if state is not None:
            return Trail(build_call(resource, each), state.path.partition("[]")[0], None, state.name)
    return None


def list_statuses(operations: Sequence[Operation], among: Sequence[int]) -> tuple[int, ...]:
    """Those of the statuses with which one of the operations answers."""
    told = {status for each in operations for status in each.statuses}
    return tuple(status for status in among if status in told)
