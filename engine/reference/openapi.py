"""Makes the OpenAPI document from the bodies and from one table of operations. Pure."""

from dataclasses import dataclass, field
from functools import cache
from typing import Any

import msgspec

from engine.reference.audit import TrailAnswer
from engine.reference.bodies import AdvanceRequest, Body, ErrorAnswer, HealthAnswer, RefusalAnswer, SeedSelection
from engine.reference.part_types import Transition, Workflow
from engine.reference.states import STEP_BY_NAME, Kind
from engine.reference.steps import PayloadsAnswer, StepAnswer

BODIES = (
    AdvanceRequest,
    ErrorAnswer,
    HealthAnswer,
    PayloadsAnswer,
    RefusalAnswer,
    SeedSelection,
    StepAnswer,
    TrailAnswer,
    Transition,
    Workflow,
)
PREFIX = "/api/intent"
SEEDS = "seed-extract"
OTHER_STEPS = tuple(name for name in STEP_BY_NAME if name != SEEDS)
WORK_STEPS = tuple(name for name, step in STEP_BY_NAME.items() if step.kind is Kind.WORK)
ERRORS = {
    401: "No valid bearer token.",
    404: "No such workflow in this organization.",
    409: "The state of the workflow does not allow it.",
    422: "The body is malformed, or names an unknown state.",
    503: "The outcome is not known; the request may or may not have taken effect.",
}
# The refusals of the routes of one workflow: by its state too, or not.
MAY_FAIL = (401, 404, 422, 503)
MAY_REFUSE = (401, 404, 409, 422, 503)
ANY_OBJECT = {"type": "object", "description": "Optional, and ignored."}


@dataclass(frozen=True)
class Operation:
    """One route and method. `statuses` are those of its errors; `steps` are the values of the parameter {step}.

    The defaults are those of a move that needs no body.
    """

    name: str
    summary: str
    answer: type[Body] = Transition
    statuses: tuple[int, ...] = MAY_REFUSE
    success: int = 200
    body: dict[str, Any] | None = field(default_factory=lambda: ANY_OBJECT)
    body_required: bool = False
    steps: tuple[str, ...] = ()


def refer(body: type[Body]) -> dict[str, str]:
    return {"$ref": f"#/components/schemas/{body.__name__}"}


PERFORM = "Claims a work step, or finishes a review step, and stores its payload"
READ = "Reads a step that the workflow has reached"
STEP_PAYLOAD = {"type": "object", "description": "The payload, {} when the body is empty."}
OPERATIONS = {
    ("POST", "/workflows"): Operation(
        "create",
        "Creates a workflow. Requests with one Idempotency-Key create one",
        Workflow,
        (401, 422, 503),
        success=201,
    ),
    ("GET", "/workflows/{id}"): Operation("read", "Reads a workflow", Workflow, MAY_FAIL, body=None),
    ("POST", "/workflows/{id}/advance"): Operation(
        "advance",
        "Moves a workflow from the expected state to the next one; of N concurrent requests exactly one wins. Requests "
        "with one Idempotency-Key are one request",
        body=refer(AdvanceRequest),
        body_required=True,
    ),
    # The same route as performStep. Only its payload has required fields.
    ("POST", f"/workflows/{{id}}/steps/{SEEDS}"): Operation(
        "selectSeeds", PERFORM, body=refer(SeedSelection), body_required=True
    ),
    ("GET", f"/workflows/{{id}}/steps/{SEEDS}"): Operation("readSeeds", READ, StepAnswer, body=None),
    ("POST", "/workflows/{id}/steps/{step}"): Operation("performStep", PERFORM, body=STEP_PAYLOAD, steps=OTHER_STEPS),
    ("GET", "/workflows/{id}/steps/{step}"): Operation("readStep", READ, StepAnswer, body=None, steps=OTHER_STEPS),
    ("POST", "/workflows/{id}/steps/{step}/complete"): Operation(
        "completeStep", "Completes a claimed work step", steps=WORK_STEPS
    ),
    ("POST", "/workflows/{id}/steps/{step}/fail"): Operation(
        "failStep", "Fails a claimed work step, which can then be claimed again", steps=WORK_STEPS
    ),
    ("POST", "/workflows/{id}/cancel"): Operation("cancel", "Cancels a workflow in any state that is not terminal"),
    ("GET", "/workflows/{id}/steps"): Operation(
        "readPayloads", "Reads what is stored of the steps of a workflow", PayloadsAnswer, MAY_FAIL, body=None
    ),
    ("GET", "/workflows/{id}/transitions"): Operation(
        "readTrail", "Reads every transition of a workflow, oldest first", TrailAnswer, MAY_FAIL, body=None
    ),
}


@cache
def describe_api() -> dict[str, Any]:
    """The document that the engine publishes at /openapi.json."""
    _, schemas = msgspec.json.schema_components(BODIES, ref_template="#/components/schemas/{name}")
    schemas["StepAnswer"]["properties"]["payload"] = {"type": ["object", "null"]}
    schemas["PayloadAnswer"]["properties"]["payload"] = {"type": "object"}
    paths: dict[str, dict[str, Any]] = {"/healthz": {"get": describe_health()}}
    for (method, path), operation in OPERATIONS.items():
        paths.setdefault(PREFIX + path, {})[method.lower()] = describe(path, operation)
    return {
        "openapi": "3.1.0",
        "info": {
            "title": "onewinner reference engine",
            "version": "1",
            "description": "Workflows that move from state to state; the database decides each race.",
        },
        "paths": paths,
        "security": [{"token": []}],
        "components": {
            "schemas": schemas,
            "securitySchemes": {"token": {"type": "http", "scheme": "bearer", "bearerFormat": "JWT"}},
            "headers": {
                "X-Request-ID": {
                    "description": "The id of the request: the caller's, or a new one.",
                    "schema": {"type": "string"},
                },
                "X-Arrived-Ns": {
                    "description": "The monotonic time, in ns, at which the whole request had arrived.",
                    "schema": {"type": "string", "pattern": "^[0-9]+$"},
                },
            },
        },
    }


def describe(path: str, operation: Operation) -> dict[str, Any]:
    """One operation as an OpenAPI object."""
    answers = {operation.success: answer_with("Success.", operation.answer)}
    for status in operation.statuses:
        answers[status] = answer_with(ERRORS[status], RefusalAnswer if status == 409 else ErrorAnswer)
    parameters = [REQUEST_ID]
    if "{id}" in path:
        parameters.append(path_parameter("id", {"type": "string", "format": "uuid"}))
    if operation.steps:
        parameters.append(path_parameter("step", {"type": "string", "enum": list(operation.steps)}))
    if operation.success == 201:
        answers[201]["links"] = {
            linked.name: {"operationId": linked.name, "parameters": {"id": "$response.body#/id"}}
            for (_, route), linked in OPERATIONS.items()
            if "{id}" in route
        }
    described: dict[str, Any] = {
        "operationId": operation.name,
        "summary": operation.summary,
        "parameters": parameters,
        "responses": {str(status): answer for status, answer in answers.items()},
    }
    if operation.body is not None:
        content = {"application/json": {"schema": operation.body}}
        described["requestBody"] = {"required": operation.body_required, "content": content}
    return described


REQUEST_ID = {
    "name": "X-Request-ID",
    "in": "header",
    "required": False,
    "description": "Used if it has at most 200 characters, all printable ASCII; else the engine makes a new one.",
    "schema": {"type": "string"},
}


def path_parameter(name: str, schema: dict[str, Any]) -> dict[str, Any]:
    return {"name": name, "in": "path", "required": True, "schema": schema}


def answer_with(description: str, body: type[Body]) -> dict[str, Any]:
    names = ("X-Request-ID", "X-Arrived-Ns")
    return {
        "description": description,
        "headers": {name: {"$ref": f"#/components/headers/{name}"} for name in names},
        "content": {"application/json": {"schema": refer(body)}},
    }


def describe_health() -> dict[str, Any]:
    return {
        "operationId": "checkHealth",
        "summary": "Tells whether the database answers",
        "security": [],
        "parameters": [REQUEST_ID],
        "responses": {
            "200": answer_with("The database answers.", HealthAnswer),
            "503": answer_with("The database does not answer.", ErrorAnswer),
        },
    }
