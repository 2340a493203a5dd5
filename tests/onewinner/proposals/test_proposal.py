"""Goal: from the document of a service, init proposes the moves that the document shows, and only a file that loads.

Method: small documents, each of one kind; what is proposed is written as a file and read by the loader. Pure, but for
that file.
"""

from pathlib import Path
from typing import Any

import pytest

from engine.target.jmes_path import JmesPath
from engine.target.target import Target
from engine.target.target_file import load_target
from engine.target.template import Template
from engine.target.value_places import Place
from onewinner.proposals.document import Document
from onewinner.proposals.draft_text import draft_target
from onewinner.proposals.proposal import propose
from onewinner.proposals.resources import NothingFound
from onewinner.proposals.words import find_led, find_origins, name_state

STATES = ["DRAFT", "SUBMITTED", "APPROVED", "REJECTED"]
TEXT = {"type": "string"}
LINE = {"properties": {"sku": {"minLength": 6}}, "required": ["sku"]}


def answer(schema: dict[str, Any], status: int = 200, **more: Any) -> dict[str, Any]:
    return {"responses": {str(status): {"content": {"application/json": {"schema": schema}}}, **more}}


def take(properties: dict[str, Any], required: list[str] | None = None) -> dict[str, Any]:
    schema = {"type": "object", "properties": properties, "required": required or []}
    return {"requestBody": {"content": {"application/json": {"schema": schema}}}}


def show(**properties: Any) -> dict[str, Any]:
    return {"type": "object", "properties": {"id": TEXT, **properties}}


def make_document(routes: dict[str, dict[str, Any]], **more: Any) -> Document:
    """Routes are "POST /orders"."""
    paths: dict[str, Any] = {}
    for route, told in routes.items():
        method, _, path = route.partition(" ")
        paths.setdefault(path, {})[method.lower()] = {"responses": {"200": {}}, **told}
    return Document({"openapi": "3.1.0", "info": {"title": "Shop"}, "paths": paths, **more})


def load(document: Document, folder: Path, wanted: str | None = None) -> Target:
    """The proposal as the loader reads it; every variable stays as it stands."""
    file = folder / "proposed.toml"
    file.write_text(draft_target(propose(document, wanted), file.name))
    return load_target(file, None)


def show_moves(target: Target) -> list[tuple[str, tuple[str, ...], str | None]]:
    return [
        (f"{route.template.method} {route.template.path}", route.sources or (), route.to) for route in target.routes
    ]


REQUESTS = {
    "POST /purchase-requests": answer(show(status={"enum": STATES}), 201),
    "GET /purchase-requests/{request_id}": answer(show(status={"enum": STATES})),
}


def test_verbs_behind_an_id(tmp_path: Path) -> None:
    verbs: dict[str, Any] = {
        f"POST /purchase-requests/{{id}}/{verb}": {} for verb in ("submit", "approve", "reject", "print-again")
    }
    target = load(make_document(REQUESTS | verbs), tmp_path)
    assert show_moves(target) == [
        ("POST /purchase-requests/{id}/submit", ("DRAFT",), "SUBMITTED"),
        ("POST /purchase-requests/{id}/approve", ("SUBMITTED",), "APPROVED"),
        ("POST /purchase-requests/{id}/reject", ("DRAFT", "SUBMITTED", "APPROVED"), "REJECTED"),
    ]
    assert target.general is None


def test_a_colon_before_the_verb(tmp_path: Path) -> None:
    verbs: dict[str, Any] = {f"POST /purchase-requests/{{id}}:{verb}": {} for verb in ("submit", "approve")}
    target = load(make_document(REQUESTS | verbs), tmp_path)
    assert [route for route, *_ in show_moves(target)] == [
        "POST /purchase-requests/{id}:submit",
        "POST /purchase-requests/{id}:approve",
    ]


def test_a_verb_that_leads_to_no_state_is_left_to_the_reader(tmp_path: Path) -> None:
    verbs: dict[str, Any] = {f"POST /purchase-requests/{{id}}/{verb}": {} for verb in ("submit", "escalate")}
    load(make_document(REQUESTS | verbs), tmp_path)
    text = (tmp_path / "proposed.toml").read_text()
    assert '# request = { method = "POST", path = "/purchase-requests/{id}/escalate" }' in text


def test_any_post_on_one_word_behind_the_id_may_be_a_move(tmp_path: Path) -> None:
    """Unless it adds to a collection, or only asks."""
    words = ("submit", "adjudicate", "make-offer", "notes", "search", "offer/accept-all")
    posts: dict[str, Any] = {f"POST /purchase-requests/{{id}}/{word}": {} for word in words}
    comments = {"POST /purchase-requests/{id}/comment": {}, "GET /purchase-requests/{id}/comment": answer(show())}
    load(make_document(REQUESTS | posts | comments), tmp_path)
    lines = (tmp_path / "proposed.toml").read_text().splitlines()
    left = [
        line.partition("{id}/")[2].partition('"')[0] for line in lines if line.startswith('# request = { method = "P')
    ]
    assert left == ["adjudicate", "make-offer", "offer/accept-all"]


def test_verbs_of_a_document_without_states(tmp_path: Path) -> None:
    routes = {
        "POST /jobs": answer(show(), 201),
        "GET /jobs/{id}": answer(show(status=TEXT)),
        "PUT /jobs/{id}/pause": {},
        "PUT /jobs/{id}/unpause": {},
        "PUT /jobs/{id}/cancel": {},
    }
    target = load(make_document(routes), tmp_path)
    assert target.graph.initial == "NEW"
    assert show_moves(target)[1] == ("PUT /jobs/{id}/unpause", ("PAUSED",), "RUNNING")


@pytest.mark.parametrize(
    ("route", "told", "body"),
    [
        ("PATCH /runs/{id}", take({"status": {"enum": STATES}}), {"status": "{next}"}),
        (
            "PUT /runs/{id}",
            take({"status": {"enum": STATES}, "title": TEXT}, ["title"]),
            {"title": "text", "status": "{next}"},
        ),
        ("POST /runs/{id}/transitions", take({"from": TEXT, "to": TEXT}), {"from": "{expected}", "to": "{next}"}),
        (
            "POST /runs/{id}/set_state",
            take({"state": {"properties": {"type": {"enum": STATES}}, "required": ["type"]}}, ["state"]),
            {"state": {"type": "{next}"}},
        ),
        ("POST /runs/{id}/actions", take({"newStatus": TEXT, "currentStatus": TEXT}), None),
    ],
)  # fmt: skip
def test_a_request_that_names_the_next_state(route: str, told: dict[str, Any], body: Any, tmp_path: Path) -> None:
    shown = show(status={"enum": STATES})
    document = make_document({"POST /runs": answer(shown, 201), "GET /runs/{id}": answer(shown), route: told})
    target = load(document, tmp_path)
    if body is None:
        assert "FILL IN: the document has no route that moves" in (tmp_path / "proposed.toml").read_text()
        return
    assert target.general is not None
    assert (f"{target.general.template.method} {target.general.template.path}", target.general.template.json) == (
        route,
        body,
    )


def test_a_path_that_names_the_next_state(tmp_path: Path) -> None:
    part = {"name": "state", "in": "path", "schema": {"enum": STATES[1:]}}
    document = make_document(REQUESTS | {"PUT /purchase-requests/{id}/to/{state}": {"parameters": [part]}})
    target = load(document, tmp_path)
    assert target.general is not None
    assert target.general.template.path == "/purchase-requests/{id}/to/{next}"


def test_actions_in_a_body(tmp_path: Path) -> None:
    told = take({"action": {"enum": ["submit", "approve", "reject"]}}, ["action"])
    target = load(make_document(REQUESTS | {"POST /purchase-requests/{id}/actions": told}), tmp_path)
    assert [route.template.json for route in target.routes] == [
        {"action": "submit"}, {"action": "approve"}, {"action": "reject"},
    ]  # fmt: skip


def test_only_the_states_that_a_request_takes_are_next_states(tmp_path: Path) -> None:
    told = take({"status": {"enum": ["queued", "success", "failed"]}})
    shown = show(status={"enum": ["queued", "running", "success", "failed"]})
    document = make_document({"POST /r": answer(shown), "GET /r/{id}": answer(shown), "PATCH /r/{id}": told})
    assert load(document, tmp_path).graph.successors == {"queued": ("success", "failed")}


def test_what_is_required_gets_a_value_that_fits(tmp_path: Path) -> None:
    properties = {
        "code": {"type": "string", "pattern": "^[A-Z]{3}$"},
        "due": {"type": "string", "format": "date"},
        "ref": {"type": "string", "format": "uuid"},
        "count": {"type": "integer", "minimum": 5},
        "price": {"type": "number", "exclusiveMinimum": 0, "maximum": 0.5},
        "lines": {"type": "array", "minItems": 1, "items": LINE},
        "kind": {"anyOf": [{"enum": ["a", "b"]}, {"type": "null"}]},
        "note": {"type": "string", "maxLength": 2},
        "odd": {"example": "{id} ${HOME}"},
        "vendor_id": {"type": "string", "format": "uuid"},
        "readonly": {"type": "string", "readOnly": True},
        "optional": TEXT,
    }  # fmt: skip
    create = REQUESTS["POST /purchase-requests"] | take(properties, [name for name in properties if name != "optional"])
    target = load(make_document(REQUESTS | {"POST /purchase-requests": create}), tmp_path)
    assert isinstance(target.create, Template)
    assert target.create.json == {
        "code": "ABC",
        "due": "2030-01-31",
        "ref": "11111111-1111-4111-8111-111111111111",
        "count": 5,
        "price": 0.5,
        "lines": [{"sku": "textxx"}],
        "kind": "a",
        "note": "te",
        "odd": "id HOME",
        "vendor_id": "${VENDOR_ID}",
    }


def test_required_headers_and_queries(tmp_path: Path) -> None:
    parameters = [
        {"name": "notify", "in": "query", "required": True, "schema": {"type": "boolean"}},
        {"name": "Idempotency-Key", "in": "header", "required": True, "schema": TEXT},
        {"name": "X-Optional", "in": "header", "schema": TEXT},
    ]
    document = make_document(REQUESTS | {"POST /purchase-requests/{id}/submit": {"parameters": parameters}})
    [route] = load(document, tmp_path).routes
    assert (dict(route.template.query), dict(route.template.headers)) == (
        {"notify": "true"}, {"Idempotency-Key": "{request_id}"},
    )  # fmt: skip


def test_if_match_carries_the_version_that_a_read_shows(tmp_path: Path) -> None:
    parameters = [{"name": "if-match", "in": "header", "required": True, "schema": TEXT}]
    document = make_document(REQUESTS | {"POST /purchase-requests/{id}/submit": {"parameters": parameters}})
    target = load(document, tmp_path)
    assert dict(target.routes[0].template.headers) == {"If-Match": "{version}"}
    assert 'save = { version = "header:ETag" }' in (tmp_path / "proposed.toml").read_text()


def test_a_stale_version_is_no_conflict(tmp_path: Path) -> None:
    statuses: dict[str, Any] = {"200": {}, "409": {}, "412": {}, "428": {}}
    told = {"parameters": [{"name": "If-Match", "in": "header"}], "responses": statuses}
    document = make_document(REQUESTS | {"POST /purchase-requests/{id}/submit": told})
    target = load(document, tmp_path)
    text = (tmp_path / "proposed.toml").read_text()
    for line in ("conflict = [409]", "stale = [412]", "precondition_required = [428]"):
        assert line in text
    assert target.routes[0].to == "SUBMITTED"


def test_a_body_that_decides(tmp_path: Path) -> None:
    shown = show(state={"enum": STATES})
    result = {"properties": {"state": {"enum": STATES}, "status": {"enum": ["ACCEPT", "REJECT", "ABORT", "WAIT"]}}}
    routes = {
        "POST /runs": answer(shown),
        "GET /runs/{id}": answer(shown),
        "POST /runs/{id}/set_state": take({"state": {"enum": STATES}}) | answer(result, 201),
    }
    load(make_document(routes), tmp_path)
    text = (tmp_path / "proposed.toml").read_text()
    assert """won = [{ status = 201, when = "status == 'ACCEPT'" }]""" in text
    assert """conflict = [{ status = 201, when = "status == 'REJECT' || status == 'ABORT'" }]""" in text
    assert """busy = [{ status = 201, when = "status == 'WAIT'" }]""" in text
    assert 'won_state = "state"' in text


def test_a_version_in_the_body(tmp_path: Path) -> None:
    shown = show(status={"enum": STATES}, lock_version={"type": "integer"})
    routes = {
        "POST /docs": answer(shown, 201),
        "GET /docs/{id}": answer(shown),
        "PATCH /docs/{id}": take({"status": {"enum": STATES}, "lock_version": {"type": "integer"}}, ["lock_version"]),
    }
    target = load(make_document(routes), tmp_path)
    assert target.general is not None
    assert target.general.template.json == {"lock_version": "{version}", "status": "{next}"}
    assert 'save = { version = "lock_version" }' in (tmp_path / "proposed.toml").read_text()


def test_the_resource_that_one_names(tmp_path: Path) -> None:
    shown = show(state={"enum": ["open", "closed"]})
    routes = REQUESTS | {
        "POST /purchase-requests/{id}/submit": {},
        "POST /teams/{team_id}/tickets": answer(shown, 201),
        "GET /teams/{team_id}/tickets/{number}": answer(shown),
        "PATCH /teams/{team_id}/tickets/{number}": take({"state": {"enum": ["open", "closed"]}}),
        "GET /health": {},
    }
    document = make_document(routes)
    best = propose(document)
    assert (best.resource, best.others) == ("purchase-requests", ("tickets",))
    for name in ("tickets", "Ticket", "/teams/{team_id}/tickets", "teams/tickets"):
        target = load(document, tmp_path, name)
        assert target.read is not None
        assert target.read.path == "/teams/${TEAM_ID}/tickets/{id}"
    for name in ("purchase_requests", "purchaseRequests"):
        assert propose(document, name).resource == "purchase-requests"
    with pytest.raises(NothingFound, match="has no resource 'ticketz'; did you mean 'tickets'"):
        propose(document, "ticketz")
    with pytest.raises(NothingFound, match="there are: purchase-requests, tickets"):
        propose(document, "?")


def test_the_state_of_something_inside_is_not_taken(tmp_path: Path) -> None:
    milestone = {"type": "object", "properties": {"state": {"enum": ["a", "b"]}}}
    shown = show(milestone=milestone, state=TEXT)
    routes = {
        "POST /issues": answer(shown),
        "GET /issues/{n}": answer(shown),
        "PATCH /issues/{n}": take({"state": {"enum": ["open", "closed"]}}),
    }
    target = load(make_document(routes), tmp_path)
    assert target.read is not None
    assert (target.read_state, target.graph.states) == (Place("state", JmesPath("state")), ("open", "closed"))


@pytest.mark.parametrize(
    ("name", "entries", "found"),
    [
        ("history", {"from": TEXT, "to": TEXT}, ("from", "to")),
        ("events", {"old_status": TEXT, "new_status": TEXT}, ("old_status", "new_status")),
        ("audit", {"stateBefore": TEXT, "stateAfter": TEXT}, ("stateBefore", "stateAfter")),
        ("transitions", {"from_account": TEXT, "to_account": TEXT}, None),
        ("members", {"from": TEXT, "to": TEXT}, None),
    ],
)
def test_a_trail(name: str, entries: dict[str, Any], found: tuple[str, str] | None, tmp_path: Path) -> None:
    rows = {"type": "array", "items": {"type": "object", "properties": entries}}
    for shown, where in ((rows, "@"), ({"type": "object", "properties": {"rows": rows}}, "rows")):
        target = load(make_document(REQUESTS | {f"GET /purchase-requests/{{x}}/{name}": answer(shown)}), tmp_path)
        if found is None:
            assert target.trail is None
            continue
        assert target.trail is not None
        assert target.trail.template.path == f"/purchase-requests/{{id}}/{name}"
        assert (target.trail.entries.text, target.trail.to) == (where, JmesPath(found[1]))
        assert target.trail.origin is not None
        assert target.trail.origin.text == found[0]


def test_answers_without_schemas(tmp_path: Path) -> None:
    """The states are those of the request and of the verbs; the trail is left to the reader, with its path."""
    if_match = {"parameters": [{"name": "If-Match", "in": "header", "schema": TEXT}]}
    routes: dict[str, Any] = {
        "POST /orders": take({"vendor_id": {"type": "integer"}}, ["vendor_id"]),
        "POST /vendors": take({"name": TEXT}, ["name"]),
        "GET /orders/{id}": {},
        "PATCH /orders/{id}": take({"status": {"enum": ["draft", "submitted", "shipped"]}}) | if_match,
        "POST /orders/{id}/cancellation": if_match,
        "GET /orders/{id}/history": {},
    }
    target = load(make_document(routes), tmp_path)
    text = (tmp_path / "proposed.toml").read_text()
    assert target.graph.states == ("draft", "submitted", "cancelled", "shipped")
    assert isinstance(target.create, Template)
    assert target.create.json == {"vendor_id": "{vendor}"}
    assert '# request = { method = "GET", path = "/orders/{id}/history" }' in text
    assert "stale = [412]" in text


def test_a_trail_that_is_a_list_of_states(tmp_path: Path) -> None:
    rows = {"type": "array", "items": {"type": "object", "properties": {"at": TEXT, "status": TEXT}}}
    target = load(make_document(REQUESTS | {"GET /purchase-requests/{x}/history": answer(rows)}), tmp_path)
    assert target.trail is not None
    assert 'states = "[].status"' in (tmp_path / "proposed.toml").read_text()


def test_a_resource_that_cannot_be_read(tmp_path: Path) -> None:
    routes: dict[str, Any] = {"POST /invitations": answer(show(), 201), "POST /invitations/{code}/accept": {}}
    target = load(make_document(routes), tmp_path)
    assert not target.can_read
    assert [route.to for route in target.routes] == ["ACCEPTED"]


@pytest.mark.parametrize(
    ("servers", "address", "base"),
    [
        ([{"url": "https://a.example/v1/"}], "", "https://a.example/v1"),
        ([{"url": "http://h:{port}/x", "variables": {"port": {"default": "81"}}}], "", "http://h:81/x"),
        ([{"url": "/v2"}], "", "http://127.0.0.1:8080/v2"),
        ([{"url": "/v2"}], "http://127.0.0.1:4200/api/openapi.json", "http://127.0.0.1:4200/v2"),
        ([], "http://127.0.0.1:4200/openapi.json", "http://127.0.0.1:4200"),
    ],
)
def test_where_the_service_is(servers: list[Any], address: str, base: str) -> None:
    document = Document({**make_document(REQUESTS).content, "servers": servers}, address)
    assert propose(document).base_url == base


@pytest.mark.parametrize(
    ("schemes", "header"),
    [
        ({"k": {"type": "apiKey", "in": "header", "name": "X-Key"}}, ("X-Key", "${ACME_KEY}")),
        ({"k": {"type": "apiKey", "in": "cookie", "name": "sid"}}, ("Cookie", "sid=${ACME_COOKIE}")),
        ({"b": {"type": "http", "scheme": "bearer"}}, ("Authorization", "Bearer ${ACME_TOKEN}")),
        ({"b": {"type": "http", "scheme": "Basic"}}, ("Authorization", "Basic ${ACME_CREDENTIALS}")),
        ({"k": {"type": "apiKey", "in": "header", "name": 'X"\n'}}, ("Authorization", "Bearer ${ACME_TOKEN}")),
        ({}, None),
    ],
)
def test_security_schemes(schemes: dict[str, Any], header: tuple[str, str] | None, tmp_path: Path) -> None:
    document = make_document(REQUESTS, components={"securitySchemes": schemes})
    assert load(document, tmp_path).tenants["acme"].headers == dict([header] if header else [])


URLENCODED = "application/x-www-form-urlencoded"
TOKEN = {"accessToken": TEXT}
LOGIN = {"oauth2": {"type": "oauth2", "flows": {"password": {"tokenUrl": "auth/token"}}}}
FORM = {"properties": {"grant_type": TEXT, "username": TEXT, "password": TEXT}, "required": ["username", "password"]}


@pytest.mark.parametrize(
    ("routes", "told"),
    [
        ({}, ("/auth/token", None, {"grant_type": "password"})),
        (
            {
                "POST /v1/auth/token": {
                    "requestBody": {"content": {"application/x-www-form-urlencoded": {"schema": FORM}}}
                }
            },
            ("/v1/auth/token", None, {"grant_type": "password"}),
        ),
        (
            {
                "POST /auth/token": take({"email": TEXT, "password": TEXT})
                | answer({"properties": {"accessToken": TEXT}})
            },
            ("/auth/token", {"email": "${ACME_USER}", "password": "${ACME_PASSWORD}"}, {}),
        ),
    ],
)
def test_a_login(routes: dict[str, Any], told: tuple[str, Any, dict[str, str]], tmp_path: Path) -> None:
    document = make_document(REQUESTS | routes, components={"securitySchemes": LOGIN})
    tenant = load(document, tmp_path).tenants["acme"]
    assert tenant.headers == {"Authorization": "Bearer {token}"}
    assert tenant.login is not None
    text = (tmp_path / "proposed.toml").read_text()
    path, body, form = told
    assert f'path = "{path}"' in text
    for name, value in (body or {"username": "${ACME_USER}", "password": "${ACME_PASSWORD}", **form}).items():
        assert f'{name} = "{value}"' in text
    assert ('token = "accessToken"' in text) == (body is not None)


def test_what_a_workflow_refers_to_is_set_up(tmp_path: Path) -> None:
    create = take({"vendor_id": TEXT, "category_id": TEXT, "buyer_id": TEXT}, ["vendor_id", "category_id", "buyer_id"])
    routes = {
        "POST /purchase-requests": REQUESTS["POST /purchase-requests"] | create,
        "POST /vendors": answer(show(), 201) | take({"name": TEXT}, ["name"]),
        "POST /categories/": answer(show(), 201),
    }
    target = load(make_document(REQUESTS | routes), tmp_path)
    assert isinstance(target.create, Template)
    assert target.create.json == {"vendor_id": "{vendor}", "category_id": "{category}", "buyer_id": "${BUYER_ID}"}
    assert [step.template.path for step in target.setup] == ["/vendors", "/categories/"]


@pytest.mark.parametrize(
    ("verb", "state", "origins"),
    [
        ("pay", "PAID", ("DRAFT",)),
        ("cancel", "CANCELLED", ("DRAFT", "PAID", "PAUSED", "RUNNING")),
        ("cancellation", "CANCELLED", ("DRAFT", "PAID", "PAUSED", "RUNNING")),
        ("payment", "PAID", ("DRAFT",)),
        ("resume", "RUNNING", ("PAUSED",)),
        ("complete", None, ()),
        ("shrug", None, ()),
    ],
)
def test_where_a_verb_leads(verb: str, state: str | None, origins: tuple[str, ...]) -> None:
    states = ("DRAFT", "PAID", "PAUSED", "RUNNING", "CANCELLED")
    assert find_led(verb, states) == state
    assert state is None or find_origins(verb, state, states, "DRAFT") == origins


def test_the_state_of_a_verb() -> None:
    verbs = ("approve", "submit", "pay", "deny", "rejection", "approval")
    assert [name_state(verb) for verb in verbs] == ["APPROVED", "SUBMITTED", "PAID", "DENIED", "REJECTED", "APPROVED"]


@pytest.mark.parametrize("shows", [True, False])
def test_where_an_answer_has_an_id_or_a_token_is_guessed_if_the_document_does_not_show_it(
    shows: bool, tmp_path: Path
) -> None:
    named = answer(show(), 201) if shows else {"responses": {"201": {}}}
    token = answer({"properties": {"token": TEXT}}) if shows else {}
    routes = {
        "POST /orders": named | take({"vendor_id": TEXT}, ["vendor_id"]),
        "GET /orders/{id}": answer(show(status={"enum": STATES})),
        "POST /vendors": named,
        "POST /auth/token": token,
    }
    document = make_document(routes, components={"securitySchemes": LOGIN}, security=[{"oauth2": []}])
    load(document, tmp_path)
    text = (tmp_path / "proposed.toml").read_text()
    told = "# GUESSED, correct it: the document does not show where the answer has the {}.\n{}"
    marked = [("token", "login = "), ("id", "[[setup]]"), ("id", "[create]")]
    assert [told.format(what, behind) in text for what, behind in marked] == [not shows] * 3


@pytest.mark.parametrize(("carried", "state"), [("state", "state"), ("phase", "phase"), ("next_state", "status")])
def test_a_state_that_no_answer_shows_is_guessed_from_what_a_move_carries(
    carried: str, state: str, tmp_path: Path
) -> None:
    document = make_document(
        {
            "POST /orders": {},
            "GET /orders/{id}": answer({"type": "object"}),
            "PATCH /orders/{id}": take({carried: {"enum": STATES}}),
            "GET /orders/{id}/history": answer({"type": "object"}),
        }
    )
    target = load(document, tmp_path)
    assert target.read_state is not None
    assert target.read_state.text == state
    text = (tmp_path / "proposed.toml").read_text()
    assert "# GUESSED, correct it: the document does not show where the answer has the state.\n[read]" in text
    assert (
        "# FILL IN, this route may show an audit trail; the document does not show where its entries stand:\n"
        "# [audit]\n"
        '# request = { method = "GET", path = "/orders/{id}/history" }\n'
    ) in text


@pytest.mark.parametrize(
    "told",
    [
        take({"status": {"enum": ["SUBMITTED", "SENT", "ARRIVED"]}}),
        take({"status": {"enum": STATES, "readOnly": True}}),
        take({"run": {"readOnly": True, "properties": {"status": {"enum": STATES}}}}),
    ],
    ids=["states of a parcel", "only in answers", "part of what is only in answers"],
)
def test_a_request_that_does_not_take_the_states_of_the_resource(told: dict[str, Any], tmp_path: Path) -> None:
    shown = show(status={"enum": STATES})
    routes = {"POST /runs": answer(shown, 201), "GET /runs/{id}": answer(shown), "PATCH /runs/{id}": told}
    load(make_document(routes), tmp_path)
    assert "# FILL IN: the document has no route that moves a workflow.\n" in (tmp_path / "proposed.toml").read_text()


def test_a_request_for_the_other_moves_is_to_be_filled_in(tmp_path: Path) -> None:
    shown = show(status={"enum": ["CREATED", "ACTIVE", "SUSPENDED"]})
    routes = {"POST /runs": answer(shown, 201), "GET /runs/{id}": answer(shown), "POST /runs/{id}/suspend": {}}
    load(make_document(routes), tmp_path)
    told = "# FILL IN: the document has no route that makes the other moves; write one, or remove this request and"
    assert told in (tmp_path / "proposed.toml").read_text()


def test_what_a_reference_says_is_only_in_answers_is_not_sent(tmp_path: Path) -> None:
    shown = show(status={"enum": STATES})
    more = {"components": {"schemas": {"Stamp": {"type": "string", "readOnly": True}}}}
    made = take({"at": {"$ref": "#/components/schemas/Stamp"}, "title": TEXT}, ["at", "title"])
    routes = {"POST /runs": answer(shown, 201) | made, "GET /runs/{id}": answer(shown)}
    target = load(make_document(routes, **more), tmp_path)
    assert isinstance(target.create, Template)
    assert target.create.json == {"title": "text"}
