"""What a target file may look like, guessed from the routes of an OpenAPI document. Pure."""

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import urlsplit

from onewinner.json_paths import fold
from onewinner.openapi import Document, Operation, Property

STATE_NAMES = ("state", "status", "phase", "stage")
ID_NAMES = ("id", "ref", "uuid", "key", "number", "slug", "name")
NEXT = re.compile(r"next|^to|target|new|desired|state|status", re.IGNORECASE)
EXPECTED = re.compile(r"from|expect|current|old|previous|prior", re.IGNORECASE)
# States of these names are where a workflow stops, from wherever it was.
ENDS = re.compile(r"cancel|reject|fail|abort|expire|delete|declin|void")
TRAILS = ("transitions", "events", "history", "audit", "log", "trail", "changes")
EXAMPLES: dict[str, Any] = {"string": "text", "integer": 1, "number": 1, "boolean": True, "array": [], "object": {}}


@dataclass(frozen=True)
class Call:
    """A request as it will stand in the file."""

    method: str
    path: str
    body: dict[str, Any] | None = None


@dataclass(frozen=True)
class Edge:
    """A route of its own, with the states that its name suggests."""

    call: Call
    origins: tuple[str, ...]
    to: str


@dataclass(frozen=True)
class Proposal:
    """Every part of a target file, found or None; `guesses` says by part what was only guessed."""

    name: str = "orders"
    base_url: str = "http://127.0.0.1:8080"
    header: tuple[str, str] | None = ("Authorization", "Bearer ${ACME_TOKEN}")
    states: tuple[str, ...] = ("DRAFT", "SUBMITTED", "SHIPPED")
    create: Call = field(default_factory=lambda: Call("POST", "/orders", {}))
    id: str = "id"
    created: tuple[int, ...] = (201,)
    read: Call = field(default_factory=lambda: Call("GET", "/orders/{id}"))
    state: str = "status"
    advance: Call | None = None
    edges: tuple[Edge, ...] = ()
    won: tuple[int, ...] = (200,)
    conflict: tuple[int, ...] = (409,)
    current_state: str | None = None
    trail: tuple[Call, str, str, str] | None = None
    guesses: dict[str, str] = field(default_factory=dict)


class NothingFound(Exception):  # noqa: N818 - it says what happened
    """The document has no routes that could be those of a workflow; one sentence."""


def propose(document: Document) -> Proposal:
    """The most likely workflow of the document. Raises NothingFound."""
    operations = document.list_operations()
    found = find_item(operations)
    if found is None:
        raise NothingFound(
            "it has no POST on a collection with a GET of one of its items beside it, such as /orders and /orders/{id}"
        )
    create, read = found
    state = find_state(read.shown())
    states = state.values if state is not None and len(state.values) > 1 else find_states(operations, read)
    guesses = {"workflow": "the states are in the order of the document, one leading to the next"}
    if not states:
        states, guesses["workflow"] = Proposal().states, "the document names no states: these are only an example"
    under = [each for each in operations if each.path.startswith(read.path) and each.method in ("POST", "PUT", "PATCH")]
    general = next((each for each in under if can_advance(each, states)), None)
    edges = tuple(edge for each in under if each is not general and (edge := find_edge(each, read, states)) is not None)
    judged = general or next(
        (each for each in under if any(edge.call.path == shorten(each, read) for edge in edges)), None
    )
    conflict = tuple(status for status in (judged.answers if judged else ()) if status in (409, 412, 423, 428))
    guesses |= {} if general or edges else {"advance": "the document has no route that moves a workflow"}
    return Proposal(
        name=re.sub(r"[^a-z0-9]+", "-", document.title.lower()).strip("-") or "service",
        base_url=find_base_url(document.server),
        header=find_header(document),
        states=states,
        create=Call("POST", create.path, fill_body(create.body)),
        id=find_id(create.shown(), read.path),
        created=create.good or (201,),
        read=Call("GET", shorten(read, read)),
        state=state.path if state is not None else "status",
        advance=Call(general.method, shorten(general, read), fill_body(general.body, moves=True)) if general else None,
        edges=edges,
        won=(judged.good if judged else ()) or (200,),
        conflict=conflict or (409,),
        current_state=find_current(judged, conflict),
        trail=find_trail(operations, read),
        guesses=guesses,
    )


def find_item(operations: Sequence[Operation]) -> tuple[Operation, Operation] | None:
    """The POST of a collection and the GET of its item; the pair whose item has a state, and most routes below it."""
    pairs = []
    for read in operations:
        collection, _, last = read.path.rpartition("/")
        if read.method != "GET" or not re.fullmatch(r"\{[^{}]+\}", last) or "{" in collection:
            continue
        for create in operations:
            if create.method == "POST" and create.path.rstrip("/") == collection:
                below = sum(each.path.startswith(read.path) and each.method != "GET" for each in operations)
                pairs.append((find_state(read.shown()) is not None, below, create, read))
    best = max(pairs, key=lambda pair: pair[:2], default=None)
    return (best[2], best[3]) if best is not None else None


def find_state(properties: Iterable[Property]) -> Property | None:
    """The property that looks most like a state: by its name, then by its enum; the outer ones first."""
    found = [each for each in properties if "[]" not in each.path]
    named = [each for each in found if each.name.lower() in STATE_NAMES]
    named += [each for each in found if each.name.lower().endswith(STATE_NAMES)]
    return next((each for each in named if each.values), next(iter(named), None))


def find_states(operations: Iterable[Operation], read: Operation) -> tuple[str, ...]:
    """The states as some request below the item takes them; empty when none tells."""
    for each in operations:
        if each.path.startswith(read.path):
            for part in each.body:
                if NEXT.search(part.name) and len(part.values) > 1:
                    return part.values
    return ()


def find_id(properties: Sequence[Property], item: str) -> str:
    """The property of the create's answer that the item's path takes."""
    parameter = item.rpartition("{")[2].rstrip("}").lower()
    plain = [each for each in properties if "[]" not in each.path]
    for name in (parameter, *ID_NAMES):
        for each in plain:
            if each.name.lower() == name:
                return each.path
    return next((each.path for each in plain if each.name.lower().endswith("id")), "id")


def can_advance(operation: Operation, states: Sequence[str]) -> bool:
    """Whether one of its properties names the next state."""
    return (
        any(
            NEXT.search(each.name)
            and not EXPECTED.search(each.name)
            and (not each.values or set(each.values) & set(states))
            for each in operation.body
        )
        and operation.path.count("{") == 1
    )


def find_edge(operation: Operation, read: Operation, states: Sequence[str]) -> Edge | None:
    """A route whose last word is that of a state: submit for SUBMITTED. Every other state may lead there."""
    last = fold(operation.path.rpartition("/")[2])
    if operation.path.count("{") != 1 or operation.path == read.path or len(last) < 3:
        return None
    stem = last[: max(3, len(last) - 2)]
    to = next((state for state in states if fold(state).startswith(stem)), None)
    if to is None:
        return None
    onward = [state for state in states if not is_end(state) and state != to]
    before = onward if is_end(to) else states[: states.index(to)][-1:] or onward[:1]
    return Edge(Call(operation.method, shorten(operation, read), fill_body(operation.body)), tuple(before), to)


def is_end(state: str) -> bool:
    return ENDS.match(fold(state)) is not None


def shorten(operation: Operation, read: Operation) -> str:
    """The operation's path, with the item's parameter as {id}."""
    parameter = "{" + read.path.rpartition("{")[2]
    return operation.path.replace(parameter, "{id}")


def fill_body(properties: Sequence[Property], *, moves: bool = False) -> dict[str, Any] | None:
    """The JSON that a request needs: what is required, and what carries a state if it `moves` a workflow."""
    body: dict[str, Any] = {}
    for each in properties:
        if moves and EXPECTED.search(each.name):
            body[each.name] = "{expected}"
        elif moves and NEXT.search(each.name):
            body[each.name] = "{next}"
        elif each.required:
            body[each.name] = make_example(each)
    return body if properties else None


def make_example(part: Property) -> Any:
    """A value that the schema may take."""
    for key in ("default", "example"):
        if part.schema.get(key) is not None:
            return part.schema[key]
    kind = part.schema.get("type")
    kind = next((each for each in kind if each != "null"), "string") if isinstance(kind, list) else kind
    return part.values[0] if part.values else EXAMPLES.get(str(kind), "text")


def find_base_url(server: str) -> str:
    url = urlsplit(server)
    return server.rstrip("/") if url.scheme in ("http", "https") else f"http://127.0.0.1:8080{url.path.rstrip('/')}"


def find_header(document: Document) -> tuple[str, str] | None:
    """The header that proves a tenant; None when the document asks for none."""
    schemes = document.list_schemes()
    for scheme in schemes:
        if scheme.get("type") == "apiKey" and scheme.get("in") == "header":
            return str(scheme.get("name")), "${ACME_KEY}"
    if any(scheme.get("scheme") == "basic" for scheme in schemes):
        return "Authorization", "Basic ${ACME_CREDENTIALS}"
    return ("Authorization", "Bearer ${ACME_TOKEN}") if schemes else None


def find_current(operation: Operation | None, conflict: Iterable[int]) -> str | None:
    """Where a conflict tells the current state."""
    for status in conflict:
        shown = operation.answers[status] if operation is not None else ()
        current = [each for each in shown if "current" in each.name.lower()]
        found = next(iter(current), None) or find_state(shown)
        if found is not None:
            return found.path
    return None


def find_trail(operations: Iterable[Operation], read: Operation) -> tuple[Call, str, str, str] | None:
    """The route of an audit trail: its call, and where entries, from and to stand."""
    for each in operations:
        last = each.path.rpartition("/")[2].lower()
        if each.method != "GET" or not each.path.startswith(read.path) or last not in TRAILS:
            continue
        entries = [part for part in each.shown() if "[]." in part.path]
        origin = next((part for part in entries if re.search(r"from|old|previous", part.name, re.IGNORECASE)), None)
        to = next((part for part in entries if re.match(r"to|new|next", part.name, re.IGNORECASE)), None)
        if origin is not None and to is not None:
            return Call("GET", shorten(each, read)), origin.path.partition("[]")[0], origin.name, to.name
    return None
