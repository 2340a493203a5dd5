"""What a target file may look like, guessed from the routes of an OpenAPI document. Pure."""

import re
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from urllib.parse import urljoin, urlsplit

from engine.target.template import Template
from onewinner.proposals.credentials import Credentials, find_credentials
from onewinner.proposals.document import Document, Operation, Property
from onewinner.proposals.moves import (
    AGAIN,
    ETAG,
    Decision,
    Edge,
    General,
    Trail,
    build_general,
    find_current,
    find_decision,
    find_general,
    find_states,
    find_told,
    find_trail,
    find_version,
    list_statuses,
    list_trails,
    walk_edges,
)
from onewinner.proposals.requests import build_call, put, shorten
from onewinner.proposals.resources import Resource, choose, label
from onewinner.proposals.setup import Setup, find_setup
from onewinner.proposals.words import names_state, split_words

ID_NAMES = ("id", "ref", "uuid", "key", "number", "slug", "name")
LOCAL = "http://127.0.0.1:8080"
ORDER = "the states are in the order of the document, one leading to the next"
ASKED = "the answers name no states, these are those of the requests, one leading to the next"

NO_ROUTE = "the document has no such route"


@dataclass(frozen=True)
class Meanings:
    """What the answers to the moves mean: statuses by outcome, and where the body tells more.

    `missing` are those of a request that carries no version, though it must.
    """

    won: tuple[int, ...] = (200,)
    conflict: tuple[int, ...] = (409,)
    stale: tuple[int, ...] = ()
    missing: tuple[int, ...] = ()
    busy: tuple[int, ...] = ()
    decision: Decision | None = None
    current_state: str | None = None
    won_state: str | None = None


@dataclass(frozen=True)
class Proposal:
    """Every part of a target file, found or None; `guesses` says by part what was only guessed.

    `create` is None where no request creates a workflow. `targets` are the states that `advance` can lead to, empty if
    it is not known; `unclear` are routes that may move a workflow, to a state that the document does not tell.
    `resource` is the one that was taken, `others` are those that could have been.
    """

    name: str = "orders"
    base_url: str = LOCAL
    credentials: Credentials = field(default_factory=lambda: Credentials(("Authorization", "Bearer ${ACME_TOKEN}")))
    states: tuple[str, ...] = ("DRAFT", "SUBMITTED", "SHIPPED")
    create: Template | None = field(default_factory=lambda: Template("POST", "/orders", {}))
    id: str = "id"
    created: tuple[int, ...] = (201,)
    read: Template = field(default_factory=lambda: Template("GET", "/orders/{id}"))
    state: str = "status"
    advance: Template | None = None
    targets: tuple[str, ...] = ()
    edges: tuple[Edge, ...] = ()
    unclear: tuple[Template, ...] = ()
    meanings: Meanings = field(default_factory=Meanings)
    version: str | None = None
    trail: Trail | None = None
    trail_path: str | None = None
    guard: Template | None = None
    setup: tuple[Setup, ...] = ()
    guesses: dict[str, str] = field(default_factory=dict)
    resource: str = ""
    others: tuple[str, ...] = ()


def propose(document: Document, wanted: str | None = None) -> Proposal:
    """The resource of that name as a workflow, else the most likely one. Raises NothingFound."""
    resource, others = choose(document, wanted)
    states, version = find_states(resource), find_version(resource)
    guesses = guess(resource, states)
    states = states or Proposal().states
    general = find_general(resource, states)
    found = tuple(walk_edges(resource, general, states, version))
    edges = tuple(edge for edge in found if edge.to)
    moving = list_moving(resource, general, edges)
    create = resource.create
    proposal = Proposal(
        name=re.sub(r"[^a-z0-9]+", "-", document.title.lower()).strip("-") or "service",
        base_url=find_base_url(document),
        credentials=find_credentials(document, next(iter(moving), resource.read)),
        states=states,
        create=build_call(resource, create) if create is not None else None,
        id=find_id(create.shown if create is not None else (), resource.item),
        created=(create.good if create is not None else ()) or (201,),
        read=build_read(resource),
        state=guess_state(resource, general),
        advance=build_general(resource, general, version) if general is not None else None,
        targets=general.targets if general is not None else (),
        edges=edges,
        unclear=tuple(edge.call for edge in found if not edge.to),
        meanings=find_meanings(resource, moving, general, states),
        version=version,
        trail=find_trail(resource),
        trail_path=next((shorten(resource, each) for each in list_trails(resource)), None),
        guard=find_guard(resource),
        guesses=guesses,
        resource=label(resource, [resource, *others]),
        others=tuple(label(each, [resource, *others]) for each in others),
    )
    return refer(proposal, find_setup(document, create, proposal.create.json if proposal.create is not None else None))


def refer(proposal: Proposal, setup: tuple[Setup, ...]) -> Proposal:
    """The proposal whose create carries what the set-up saved."""
    if proposal.create is None or not setup:
        return proposal
    body = proposal.create.json
    for each in setup:
        body = put(body, each.place, f"{{{each.name}}}")
    return replace(proposal, create=replace(proposal.create, json=body), setup=setup)


def guess(resource: Resource, states: Sequence[str]) -> dict[str, str]:
    """What of the proposal is not in the document."""
    guesses = {"workflow": ORDER}
    if not states:
        guesses["workflow"] = "the document names no states: these are only an example"
    elif resource.state is None or len(resource.state.values) < 2:
        guesses["workflow"] = ASKED
    shown = resource.create.shown if resource.create is not None else ()
    if resource.create is not None and find_id(shown, resource.item) not in {each.path for each in shown}:
        guesses["create"] = "the document does not show where the answer has the id"
    if resource.read is None:
        guesses["read"] = NO_ROUTE
    elif resource.state is None:
        guesses["read"] = "the document does not show where the answer has the state"
    return guesses


def guess_state(resource: Resource, general: General | None) -> str:
    """Where a read has the state; where the document does not show it, it is named as a move names it."""
    if resource.state is not None:
        return resource.state.path
    carried = general.following.name if general is not None and general.following is not None else ""
    return carried if names_state(carried) and len(split_words(carried)) == 1 else "status"


def list_moving(resource: Resource, general: General | None, edges: Sequence[Edge]) -> list[Operation]:
    """The operations behind the moves, the general one first."""
    found = [general.operation] if general is not None else []
    sent = {(edge.call.method, edge.call.path) for edge in edges}
    return found + [each for each in resource.writes if (each.method, shorten(resource, each)) in sent]


def find_meanings(
    resource: Resource, moving: Sequence[Operation], general: General | None, states: Sequence[str]
) -> Meanings:
    version = find_version(resource)
    # An If-Match that is not current any more is answered 412 by the standard, also where the document does not say so.
    stale = (412,) if version == ETAG else list_statuses(moving, (412,)) if version is not None else ()
    decision = find_decision(moving, states)
    conflict = list_statuses(moving, (409, 412))
    conflict = tuple(status for status in conflict if status not in stale) or (() if decision is not None else (409,))
    won = {status for operation in moving for status in operation.good}
    return Meanings(
        tuple(sorted(won)) or (200,),
        conflict,
        stale,
        list_statuses(moving, (428,)) if version is not None else (),
        list_statuses(moving, AGAIN),
        decision,
        find_current(moving, conflict),
        find_told(resource, general.operation, states) if general is not None else None,
    )


def build_read(resource: Resource) -> Template:
    if resource.read is not None:
        return build_call(resource, resource.read)
    return Template("GET", shorten(resource, Operation(resource.operations[0].document, "GET", resource.item, {})))


def find_id(properties: Sequence[Property], item: str) -> str:
    """The property of the create's answer that the item's path takes."""
    parameter = item.rpartition("{")[2].rstrip("}").lower()
    plain = [each for each in properties if "[]" not in each.path]
    for name in (parameter, *split_words(parameter)[-1:], *ID_NAMES):
        for each in plain:
            if each.name.lower() == name:
                return each.path
    return next((each.path for each in plain if each.name.lower().endswith("id")), "id")


def find_base_url(document: Document) -> str:
    """The document's server; where it names no host, the one that the document came from."""
    server = document.server
    url = urlsplit(server)
    if url.scheme in ("http", "https") and url.netloc:
        return server.rstrip("/")
    if document.address:
        return urljoin(document.address, server or "/").rstrip("/")
    return f"{LOCAL}/{url.path.strip('/')}".rstrip("/")


def find_guard(resource: Resource) -> Template | None:
    """A GET below the item that answers 409 in some states."""
    for each in resource.operations:
        if each.method == "GET" and resource.rest(each) and "{" not in resource.rest(each) and 409 in each.statuses:
            return build_call(resource, each)
    return None
