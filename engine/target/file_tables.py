"""The tables of a target file: names, types, defaults, and a description of each key.

Editors show the descriptions: tools/json_schemas.py makes docs/target.schema.json from these tables.
"""

from collections.abc import Iterator
from typing import Annotated, Any

import msgspec
from msgspec import Meta

from engine.target.workflow_source import TIMEOUT_S

WINNERS = ("once", "any")
TIMES = ("exactly once", "at most once", "at least once")
SINK_FAULTS = ("slow", "refused", "answer lost")
REFUSED = (400, 401, 403, 404, 422)

Status = Annotated[int, Meta(extra_json_schema={"minimum": 100, "maximum": 599})]
Path = Annotated[str, Meta(extra_json_schema={"pattern": "^/"})]
Strings = Annotated[list[str], Meta(extra_json_schema={"minItems": 1})]


class Table(msgspec.Struct, forbid_unknown_fields=True):
    """A table of the file; a key that it does not have is a mistake."""


def pair_names(table: Table) -> Iterator[tuple[str, str]]:
    """Each field by its name in the file and its name here; `structs.fields` would evaluate all annotations anew."""
    return zip(table.__struct_encode_fields__, table.__struct_fields__, strict=True)


class RequestTable(Table):
    """One HTTP request. {id}, {expected}, {next}, {marker}, {request_id} and the names of saved values may stand in
    path, query, headers and body; ${NAME} is taken from the environment.
    """

    method: Annotated[str, Meta(description="GET, POST, PUT, PATCH, ...")]
    path: Annotated[Path, Meta(description="The path, beginning with /; the host stands in base_url.")]
    json: Annotated[Any, Meta(description="The JSON body; without it the request has none.")] = None
    headers: Annotated[dict[str, str], Meta(description="Headers beside those of the tenant.")] = {}
    query: Annotated[dict[str, str], Meta(description="The query, by name.")] = {}
    form: Annotated[dict[str, str] | None, Meta(description="A form as the body, by name, URL-encoded.")] = None
    text: Annotated[str | None, Meta(description="A text as the body.")] = None
    xml: Annotated[str | None, Meta(description="An XML document as the body; values are escaped in it.")] = None


class SaveTable(Table, rename={"origin": "from"}):
    """A part of a value of an answer."""

    origin: Annotated[str, Meta(description='JMESPath, "header:NAME", "cookie:NAME", or "text" for the whole body.')]
    match: Annotated[str, Meta(description="A regular expression with one group, the value.")]


Where = str | SaveTable


class WhenTable(Table):
    """An answer with this status of which the body decides what it means."""

    status: Annotated[Status, Meta(description="The status of the answer.")]
    when: Annotated[
        Where,
        Meta(
            description="JMESPath into the JSON answer; holds if it finds what is neither null, false nor empty. "
            'Or "header:NAME", or { from = ..., match = ... }; holds if the answer has it.'
        ),
    ]


Answers = tuple[Status | WhenTable, ...]


SAVE = (
    'Values of the answer for later requests, by name: JMESPath, "header:NAME", "cookie:NAME", or '
    "{ from = ..., match = ... }."
)
Save = Annotated[dict[str, Where], Meta(description=SAVE)]


class ServiceTable(Table):
    """How onewinner starts the service, on a database that it provides. Leave it out for one that runs already."""

    command: Annotated[
        Strings, Meta(description="Program and arguments; {port}, {database_url}, {database_host}, ... are filled in.")
    ]
    env: Annotated[
        dict[str, str], Meta(description="Environment variables; placeholders as in command, ${NAME} as everywhere.")
    ] = {}
    ready: Annotated[Path, Meta(description="A path that answers 2xx once the service is ready.")] = "/"
    cwd: Annotated[
        str | None, Meta(description="Where it runs, relative to this file (default: where onewinner was called).")
    ] = None
    ready_timeout_s: Annotated[float, Meta(description="How long it may take to get ready, in seconds.")] = 30.0
    prepare: Annotated[
        list[Strings],
        Meta(
            description="Commands that run once before the service starts, in its folder and environment, such as "
            "migrations. Placeholders as in command."
        ),
    ] = []
    prepare_timeout_s: Annotated[float, Meta(description="How long one of them may take, in seconds.")] = 300.0
    restart: Annotated[
        bool,
        Meta(
            description="Whether onewinner starts it again if it ends after an injected fault, as a supervisor would."
        ),
    ] = True


StepAnswers = Annotated[Answers | None, Meta(description="Good answers (default: those below 400).")]


class BeforeTable(Table):
    """A request that another one needs."""

    request: Annotated[RequestTable, Meta(description="The request.")]
    won: StepAnswers = None
    save: Save = {}


class SetupTable(BeforeTable):
    """A request that is sent before all others, once for a run or once for each tenant."""

    per: Annotated[
        str,
        Meta(
            description='How often: once for a "run", by its first tenant; or once for each "tenant".',
            extra_json_schema={"enum": ["run", "tenant"]},
        ),
    ] = "run"
    logged_in: Annotated[
        bool,
        Meta(
            description="Whether the tenant is logged in first, and its headers are sent; not so to register a tenant."
        ),
    ] = True


class LoginTable(BeforeTable):
    """How a tenant logs in; each process of a run does. What it saves is a secret."""

    renew_s: Annotated[
        float | None, Meta(description="After so many seconds the tenant logs in again; it does after a 401, too.")
    ] = None
    before: Annotated[
        list[BeforeTable], Meta(description="Requests that the login needs, such as a page with a token for its form.")
    ] = []


class UserTable(Table):
    """One of several users of a tenant; contenders are spread over them."""

    name: Annotated[str, Meta(description="What the user is called; it must differ from the tenant's other users.")]
    headers: Annotated[
        dict[str, str],
        Meta(description="Sent with every request of the user, beside the headers of the tenant."),
    ] = {}
    login: Annotated[LoginTable | None, Meta(description="How the user logs in (default: as the tenant).")] = None


class TenantTable(Table):
    """One tenant: what proves it to the service. The first one of the file owns the workflows of a run."""

    headers: Annotated[
        dict[str, str],
        Meta(
            description="Sent with every request of the tenant; {name} is a saved value, ${NAME} is taken from the "
            "environment."
        ),
    ] = {}
    login: Annotated[LoginTable | None, Meta(description="How the tenant logs in.")] = None
    users: Annotated[list[UserTable], Meta(description="Several users; without them the tenant is one.")] = []
    cookies: Annotated[
        bool, Meta(description="Whether the cookies that answers set are sent in the tenant's later requests.")
    ] = False


class TimedTable(Table, rename={"origin": "from"}):
    """A move that the service makes without a request, for example when a hold expires."""

    origin: Annotated[str, Meta(description="The state that the workflow leaves by itself.")]
    to: Annotated[str, Meta(description="The state that follows.")]
    after_s: Annotated[
        float,
        Meta(
            description="The move may happen at any moment from so many seconds after the request was sent that "
            "led to `from`, or never; earlier it is a failure. 0: at once.",
            extra_json_schema={"minimum": 0},
        ),
    ]
    requested: Annotated[
        bool | None,
        Meta(
            description="Whether a request can make the move too. (default: true if an [[advance.edges]] serves it; "
            "else false, and if workflow.transitions has it, no request asks for it)"
        ),
    ] = None


class WorkflowTable(Table):
    """The workflow: its states and the moves between them."""

    initial: Annotated[str, Meta(description="The state of a new workflow.")]
    transitions: Annotated[
        dict[str, list[str]], Meta(description="State -> its next states. A state that leads nowhere may be left out.")
    ]
    spelling: Annotated[
        dict[str, str | int],
        Meta(description="State -> how the service spells it, in requests and in answers; a number is sent as one."),
    ] = {}
    timed: Annotated[
        list[TimedTable], Meta(description="Moves that the service makes without a request, some time after another.")
    ] = []


class CreateTable(Table):
    """How workflows are created: by a request or by a command; or ids of workflows that exist already."""

    before: Annotated[
        list[BeforeTable], Meta(description="Requests that are sent once for each workflow, before its create.")
    ] = []
    request: Annotated[RequestTable | None, Meta(description="The request that creates a workflow.")] = None
    id: Annotated[Where | None, Meta(description="Where the answer to the request has the id, as in save.")] = None
    won: Annotated[Answers, Meta(description="Answers that mean: created.")] = (201,)
    save: Save = {}
    command: Annotated[
        Strings | None,
        Meta(
            description="A program that makes one workflow and prints its id as its last line. {tenant}, {request_id}, "
            "{marker} and what may stand in service.command are filled in, ${NAME} is taken from the environment."
        ),
    ] = None
    cwd: Annotated[
        str | None,
        Meta(description="Where the command runs, relative to this file (default: where onewinner was called)."),
    ] = None
    timeout_s: Annotated[float, Meta(description="How long the command may take, in seconds.")] = TIMEOUT_S
    ids: Annotated[
        list[str | int] | dict[str, list[str | int]] | None,
        Meta(description="Ids of workflows in the initial state, each used once: the owner's, or tenant -> its ids."),
    ] = None


class ReadTable(Table):
    """How a workflow's state is read. Leave it out where nothing can be read."""

    request: Annotated[
        RequestTable, Meta(description="The request that reads one workflow; it needs {id}, or a value of create.save.")
    ]
    state: Annotated[
        Where | None, Meta(description="Where the answer has the state, as in save; needed with [workflow].")
    ] = None
    state_by_answer: Annotated[
        dict[str, Answers],
        Meta(
            description="States that the status or a condition of the answer tells, such as { DELETED = [404, 410] }; "
            "then the answer need not have the state."
        ),
    ] = {}
    ok: Annotated[Answers, Meta(description="Answers that show it; also those of guards, trail and effects.")] = (200,)
    save: Save = {}


class PollTable(Table):
    """Where the outcome of an accepted request is told. The operation lasts from its release to the end of the poll."""

    request: Annotated[
        RequestTable,
        Meta(
            description="The request that is sent until it tells the outcome. It needs a value that advance.save took "
            "from the answer that accepted, such as a job's id; or {request_id}, {marker}."
        ),
    ]
    won: Annotated[Answers, Meta(description="Answers that mean: this request made the move.")]
    conflict: Annotated[
        Answers, Meta(description="Answers that mean: not in the expected state; another request was first.")
    ] = ()
    refused: Annotated[Answers, Meta(description="Answers that mean: this may not be asked.")] = ()
    stale: Annotated[Answers, Meta(description="Answers that mean: the version was not current any more.")] = ()
    busy: Annotated[Answers, Meta(description="Answers that mean: nothing happened, the client may try again.")] = ()
    done: Annotated[
        Answers,
        Meta(
            description="Answers that tell the outcome; any other one means: not yet. "
            "(default: those that fit one of the keys above)"
        ),
    ] = ()
    won_state: Annotated[Where | None, Meta(description="Where a win has the state after the move; as in save.")] = None
    current_state: Annotated[Where | None, Meta(description="Where a conflict has the current state; as in save.")] = (
        None
    )
    save: Save = {}
    every_s: Annotated[float, Meta(description="The pause between two polls, in seconds.")] = 0.02
    timeout_s: Annotated[
        float | None,
        Meta(
            description="So many seconds after the request was released, without an outcome, it is unknown. "
            "(default: timeout_s of the file)"
        ),
    ] = None


class EdgeTable(Table, rename={"origin": "from"}):
    """A route of its own for an edge, or for several edges into one state."""

    origin: Annotated[str | list[str], Meta(description="The state, or the states, in which this request wins.")]
    to: Annotated[str, Meta(description="The state that it leads to.")]
    request: Annotated[RequestTable, Meta(description="The request; it needs {id}, or a value of create.save.")]
    name: Annotated[str | None, Meta(description="What reports call it (default: method and path).")] = None
    won_state: Annotated[Where | None, Meta(description="As in [advance], for a route that tells it elsewhere.")] = None
    won: Annotated[Answers | None, Meta(description="As in [advance], for answers that differ.")] = None
    conflict: Annotated[Answers | None, Meta(description="As in [advance], for answers that differ.")] = None
    refused: Annotated[Answers | None, Meta(description="As in [advance], for answers that differ.")] = None
    busy: Annotated[Answers | None, Meta(description="As in [advance], for answers that differ.")] = None
    stale: Annotated[Answers | None, Meta(description="As in [advance], for answers that differ.")] = None
    precondition_required: Annotated[Answers | None, Meta(description="As in [advance], for answers that differ.")] = (
        None
    )
    accepted: Annotated[Answers | None, Meta(description="As in [advance], for answers that differ.")] = None
    poll: Annotated[PollTable | None, Meta(description="As in [advance], for a route that differs.")] = None
    save: Save = {}
    repeats: Annotated[bool | None, Meta(description="As in [advance], for a route that differs.")] = None
    user: Annotated[
        str | None, Meta(description="The user of the tenant who makes this move (default: any of them).")
    ] = None


class VariantTable(Table):
    """How the requests of contenders differ: this stands over what the request of a move has."""

    json: Annotated[dict[str, Any], Meta(description="Members of the JSON body.")] = {}
    headers: Annotated[dict[str, str], Meta(description="Headers.")] = {}
    query: Annotated[dict[str, str], Meta(description="The query, by name.")] = {}
    form: Annotated[dict[str, str], Meta(description="Fields of the form.")] = {}
    name: Annotated[str | None, Meta(description="What plans and race files call it (default: its number).")] = None


class AdvanceTable(Table):
    """How a workflow is moved from one state to another, and what the answers mean."""

    request: Annotated[
        RequestTable | None, Meta(description="Serves every edge that has no route of its own; as for read.")
    ] = None
    won: Annotated[Answers, Meta(description="Answers that mean: this request made the move.")] = (200,)
    conflict: Annotated[
        Answers, Meta(description="Answers that mean: not in the expected state; another request was first.")
    ] = (409,)
    refused: Annotated[
        Answers | None,
        Meta(
            description="Answers that mean: this may not be asked. An answer that nothing lists is unknown. "
            "(default: 400, 401, 403, 404, 422, where no other key fits)"
        ),
    ] = None
    stale: Annotated[
        Answers,
        Meta(description="Answers that mean: the version that the request carried is not current any more (412)."),
    ] = ()
    precondition_required: Annotated[
        Answers, Meta(description="Answers that mean: refused, for the request carried no version (428).")
    ] = ()
    current_state: Annotated[
        Where | None,
        Meta(description="Where the answer to a conflict has the current state, if it has it; as in save."),
    ] = None
    won_state: Annotated[
        Where | None,
        Meta(description="Where the answer to a win has the state after the move, if it has it; as in save."),
    ] = None
    busy: Annotated[
        Answers,
        Meta(
            description="Answers that mean: nothing happened, the client may try again (423, 425, 429; 503, which "
            "counts with a Retry-After header only). They mean it in answers to every request."
        ),
    ] = ()
    accepted: Annotated[
        Answers,
        Meta(description="Answers that mean: it will be carried out later, and poll tells the outcome (202)."),
    ] = ()
    poll: PollTable | None = None
    variants: Annotated[
        list[VariantTable], Meta(description="Contenders are spread over them: bodies or headers that differ.")
    ] = []
    edges: Annotated[
        list[EdgeTable], Meta(description="Edges with a route of their own; an edge may have several.")
    ] = []
    repeats: Annotated[
        bool,
        Meta(
            description="Whether a request for the state in which the workflow is already is answered as a win, too, "
            "and changes nothing."
        ),
    ] = False
    serves_every_edge: Annotated[
        bool, Meta(description="Whether [advance] request serves the edges with routes of their own too.")
    ] = False
    save: Save = {}


class GuardTable(Table):
    """A request that answers only in some states."""

    request: Annotated[RequestTable, Meta(description="The request; it needs {id}.")]
    open: Annotated[list[str], Meta(description="The states in which it answers.")]
    closed: Annotated[Answers, Meta(description="Answers in all other states.")] = (409,)
    ok: Annotated[Answers | None, Meta(description="Answers in those states (default: those of read.ok).")] = None
    either: Annotated[list[str], Meta(description="States in which the state alone does not decide.")] = []
    name: Annotated[str | None, Meta(description="What reports call it (default: its path).")] = None


class WriteTable(Table):
    """A request that must not move the workflow, such as a PATCH of a note. It is sent beside the moves."""

    request: Annotated[RequestTable, Meta(description="The request; it needs {id}, and {marker} may stand in it.")]
    ok: Annotated[Answers, Meta(description="Answers that mean: carried out.")] = (200, 204)
    states: Annotated[list[str], Meta(description="The states in which it is sent (default: every state).")] = []
    save: Save = {}
    name: Annotated[str | None, Meta(description="What reports call it (default: method and path).")] = None


class AuditTable(Table, rename={"origin": "from"}):
    """Where a workflow's audit trail is shown, as entries or as a list of states; enables the audit check."""

    request: Annotated[
        RequestTable, Meta(description="The request that shows it; it needs {id}, or a saved value of the workflow.")
    ]
    entries: Annotated[str | None, Meta(description="JMESPath of the list of entries, oldest first.")] = None
    origin: Annotated[str | None, Meta(description="JMESPath, in an entry, of the state before.")] = None
    to: Annotated[str | None, Meta(description="JMESPath, in an entry, of the state after.")] = None
    states: Annotated[
        str | None,
        Meta(description="Instead of entries, from and to: JMESPath of the list of all states, oldest first."),
    ] = None
    request_id: Annotated[
        str | None, Meta(description="JMESPath, in an entry, of {request_id}; every advance must carry it then.")
    ] = None
    ok: Annotated[Answers | None, Meta(description="Answers that show it (default: those of read.ok).")] = None
    within_s: Annotated[
        float,
        Meta(
            description="How long after the answer a move may still be missing here, in seconds (default: not at all)."
        ),
    ] = 0.0


class EffectsTable(Table):
    """Where the markers that left a trace are shown; enables the effects check."""

    request: Annotated[
        RequestTable, Meta(description="The request that shows them; it needs {id}, or a saved value of the workflow.")
    ]
    markers: Annotated[str, Meta(description="JMESPath of the list of markers in the answer, or of the only one.")]
    winners: Annotated[
        str,
        Meta(
            description='How often a win leaves its marker: "once", or "any" number of times, also none.',
            extra_json_schema={"enum": list(WINNERS)},
        ),
    ] = "once"
    ok: Annotated[Answers | None, Meta(description="Answers that show them (default: those of read.ok).")] = None
    within_s: Annotated[
        float,
        Meta(description="How long after the answer a marker may be missing here, in seconds (default: not at all)."),
    ] = 0.0


class CapacityTable(Table):
    """A resource with a number of units: each unit is taken at most once. It may stand in place of [workflow]."""

    take: Annotated[RequestTable, Meta(description="The request that takes one unit.")]
    units: Annotated[
        int | Where | None,
        Meta(
            description="How many units a new resource has: a number, or where the answer to the create tells it. "
            "Left out if the create carries {units}, or if put puts them in: then onewinner chooses it.",
            extra_json_schema={"minimum": 1},
        ),
    ] = None
    won: Annotated[
        Answers | None,
        Meta(description="Answers to a take that mean: it got one. (default: 200, 201, 204, where no other key fits)"),
    ] = None
    conflict: Annotated[Answers, Meta(description="Answers to a take that mean: none is left.")] = (409,)
    refused: Annotated[
        Answers | None,
        Meta(
            description="Answers that mean: this may not be asked. (default: 400, 401, 403, 404, 422, where no other "
            "key fits)"
        ),
    ] = None
    busy: Annotated[
        Answers | None,
        Meta(
            description="Answers that mean: nothing happened, the client may try again. (default: those of "
            "advance.busy)"
        ),
    ] = None
    save: Annotated[
        dict[str, Where], Meta(description="Values of the answer to a take for its give-back, by name, as in create.")
    ] = {}
    unit: Annotated[
        Where | None,
        Meta(
            description="Where the answer to a take names the unit, if units have a name (a job, a seat, a number): "
            "none is given twice. It is {unit} in give_back."
        ),
    ] = None
    give_back: Annotated[
        RequestTable | None,
        Meta(description="The request that gives back what a take got; values of capacity.save may stand in it."),
    ] = None
    given_back: Annotated[Answers, Meta(description="Answers to give_back that mean: given back.")] = (200, 201, 204)
    left: Annotated[
        Where | None, Meta(description="Where the answer to [read] tells how many units are left, if it does.")
    ] = None
    returns_after_s: Annotated[
        float | None,
        Meta(
            description="A unit that was taken may come back by itself (its lease or hold ends) at any moment from so "
            "many seconds after the take, or never; earlier it is a failure.",
            extra_json_schema={"minimum": 0},
        ),
    ] = None
    put: Annotated[
        RequestTable | None,
        Meta(
            description="The request that puts one unit in (a job into a queue); sent once for each unit of a new "
            "resource. Without [create] there is one queue for the whole service."
        ),
    ] = None


class IdempotencyTable(Table):
    """The key by which the service knows a request that is sent again. It gives the first answer, and does no more."""

    header: Annotated[
        str | None,
        Meta(
            description="The header of every advance that carries the key; or put {key} into requests (also create's)."
        ),
    ] = None
    in_progress: Annotated[
        Answers, Meta(description="Statuses that mean: the first request with this key is not answered yet.")
    ] = ()
    mismatch: Annotated[Answers, Meta(description="Statuses that mean: another request had this key before.")] = (422,)
    volatile: Annotated[
        list[str], Meta(description="Names of values in an answer that may differ from the first answer with the key.")
    ] = []


class SinkAnswerTable(Table):
    """What a sink answers to each call."""

    status: Annotated[Status, Meta(description="The status.")] = 200
    json: Annotated[Any, Meta(description="The JSON body.")] = {}


class SinkTable(Table):
    """A server that onewinner runs in the place of one that the service calls; {sink.NAME} is its URL, in [service]
    command, env and prepare, and in every request.
    """

    name: Annotated[str, Meta(description="What {sink.NAME} and reports call it.")]
    per: Annotated[
        Strings, Meta(description="States: for each move into one of them calls are due, and for nothing else.")
    ]
    marker: Annotated[
        Where | None,
        Meta(
            description='Where a call has the {marker} of the request that it is for: JMESPath, "header:NAME", "path" '
            "(its last part), or { from = ..., match = ... }."
        ),
    ] = None
    workflow: Annotated[
        Where | None, Meta(description="Instead of marker: where a call has the id of the workflow.")
    ] = None
    key: Annotated[
        Where | None, Meta(description="Where a call has an idempotency key; calls with the same key count as one.")
    ] = None
    times: Annotated[str, Meta(description="How many calls are due.", extra_json_schema={"enum": list(TIMES)})] = (
        "exactly once"
    )
    within_s: Annotated[
        float,
        Meta(
            description="How long the next call may take to come after the last answer of a level, or after the last "
            "call that was due, in seconds."
        ),
    ] = 2.0
    answer: Annotated[SinkAnswerTable | None, Meta(description="What it answers (default: 200, {}).")] = None
    faults: Annotated[
        list[str],
        Meta(
            description="What every fourth call meets, in turn: a slow answer, a 503 (the call counts as not made), or "
            "none at all (it counts). So the service's retries are tried.",
            extra_json_schema={"items": {"type": "string", "enum": list(SINK_FAULTS)}},
        ),
    ] = []
    slow_s: Annotated[float, Meta(description="How long a slow answer takes, in seconds.")] = 1.0


class File(Table):
    """How an engine is reached over HTTP, for onewinner."""

    name: Annotated[str, Meta(description="What reports call the engine.")]
    base_url: Annotated[
        str, Meta(description="http://host:port; with a [service], {port} stands for a free port that is found.")
    ]
    workflow: WorkflowTable | None = None
    create: CreateTable | None = None
    advance: AdvanceTable | None = None
    capacity: CapacityTable | None = None
    read: ReadTable | None = None
    tenants: Annotated[
        dict[str, TenantTable], Meta(description="By name; a second one enables the isolation checks.")
    ] = {}
    timeout_s: Annotated[float, Meta(description="After so many seconds without an answer the outcome is unknown.")] = (
        5.0
    )
    arrived_header: Annotated[
        str | None,
        Meta(description="A header that tells when the whole request had arrived, in ns of the monotonic clock."),
    ] = None
    service: ServiceTable | None = None
    setup: Annotated[list[SetupTable], Meta(description="Requests that are sent before all others.")] = []
    guards: Annotated[list[GuardTable], Meta(description="Requests that answer only in some states.")] = []
    writes: Annotated[
        list[WriteTable], Meta(description="Requests that must not move the workflow; they are sent beside the moves.")
    ] = []
    audit: AuditTable | None = None
    effects: EffectsTable | None = None
    idempotency: IdempotencyTable | None = None
    sinks: Annotated[list[SinkTable], Meta(description="Servers that the service calls; onewinner runs them.")] = []
    adapter: Annotated[
        str | None,
        Meta(description="A Python file beside this one, with prepare(request, context) or classify(answer, context)."),
    ] = None
