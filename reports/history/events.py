"""The events of a history: one struct for each, to write and to read, with its fields, their types and ranges.

A reader ignores a field that is not here, and keeps an event that is not here. A known field that does not fit is an
error. docs/history.schema.json is made from these structs (tools/json_schemas.py); docs/history.md explains them.
"""

import re
from collections.abc import Mapping
from typing import Annotated, Any, Literal

import msgspec
from msgspec import UNSET, Meta, UnsetType

FORMAT_VERSION = 2  # the newest format; a reader takes all older ones, too
TIME_MAX = 1 << 61

Id = int | str
Nanoseconds = Annotated[int, Meta(ge=-TIME_MAX, le=TIME_MAX)]
Span = Annotated[int, Meta(ge=0, le=TIME_MAX)]
Uncertainty = Annotated[int, Meta(ge=0, le=1 << 60)]
Format = Annotated[int, Meta(ge=1, le=FORMAT_VERSION)]
Status = Annotated[int, Meta(ge=0, le=1 << 30)]
Sequence = Annotated[int, Meta(ge=-TIME_MAX, le=TIME_MAX)]
Count = Annotated[int, Meta(ge=0, le=1 << 53)]
Units = Annotated[int, Meta(ge=0, le=1 << 53)]
Change = Annotated[int, Meta(ge=-(1 << 53), le=1 << 53)]
Amount = Count | Annotated[float, Meta(ge=0)]
ProbeCheck = Literal["contract", "no-5xx", "schema", "tenant-isolation"]
Evidence = Literal["audit trail", "effects"]
Winners = Literal["once", "any"]
Times = Literal["exactly once", "at most once", "at least once"]
Json = Annotated[msgspec.Raw, Meta(extra_json_schema={"type": ["object", "null"]})]
NO_DETAIL = msgspec.Raw(b"null")


def name_event(struct: str) -> str:
    """FaultBegun -> fault_begun."""
    return re.sub(r"(?<!^)(?=[A-Z])", "_", struct).lower()


class Event(msgspec.Struct, omit_defaults=True, tag_field="event", tag=name_event):
    """A line of a journal."""


class Kind(msgspec.Struct):
    """A line of which only its event is decoded."""

    event: str


DECODE_KIND = msgspec.json.Decoder(Kind).decode


class Header(Event):
    """The first line of a journal."""

    format: Format | None = None
    source: str | None = None
    clock_uncertainty_ns: Uncertainty | None = None


class Invoke(Event, omit_defaults=False):
    """What is known of an operation before its answer.

    `expected` is a state or a list of states in which this request must win; `kind` is create, read, advance, set,
    write, take or give_back; `workflow` is the harness's own name of it, or of a resource with units; `marker` is the
    marker that the request carried, and `token_carried` the version. A take or a give-back is of `units` units (without
    it of one), and of `unit`, if it names one; `of` is the id of the take whose units a give-back gives back. `key` is
    the idempotency key that the request carried; `payload` differs for requests that ask for something else.
    `returns_after_ns`, of a create: so long after a take its unit may come back by itself. `repeats`: in the next state
    the request is answered as a win, too, and changes nothing. `abandoned`: the client closes its connection on
    purpose, and never reads the answer.
    """

    id: Id
    process: Id
    workflow: str
    kind: str
    invoked_ns: Nanoseconds
    scenario: str | None = None
    race: Id | None = None
    tenant: str | None = None
    expected: str | list[str] | None = None
    next: str | None = None
    marker: str | UnsetType | None = UNSET
    token_carried: str | UnsetType | None = UNSET
    units: Units | UnsetType | None = UNSET
    unit: str | UnsetType | None = UNSET
    of: Id | UnsetType | None = UNSET
    returns_after_ns: Span | UnsetType | None = UNSET
    key: str | UnsetType | None = UNSET
    payload: str | UnsetType | None = UNSET
    repeats: bool | UnsetType | None = UNSET
    abandoned: bool | UnsetType | None = UNSET


class Detail(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """What else a return tells. A reader holds only `problem` to its type: it is what is not as specified, in words."""

    request_id: Any = None
    request: Any = None
    server_id: Any = None
    scope: Any = None
    problem: str | None = None
    message: Any = None
    arrived_ns: Any = None
    intended_ns: Any = None
    accepted_ns: Any = None
    retry_after_s: Any = None

    def pack(self) -> msgspec.Raw:
        return msgspec.Raw(msgspec.json.encode(self))


class Return(Event, omit_defaults=False):
    """The answer of one operation. `outcome` is won, conflict, stale, ok, refused, busy or unknown.

    `invoked_ns` is the moment of the release; it replaces that of the invoke line. `token_told` is the version that the
    answer tells. `left`: how many units are left (a create tells how many there are); `unit`: which one a take got;
    `answer`: equal for equal answers, where a key was carried. `detail` stays JSON (see Detail). `sent` and `received`
    are the request and the answer as texts, cut and without secrets; they decide nothing.
    """

    id: Id
    outcome: str
    status: Status | None = None
    observed: str | None = None
    returned_ns: Nanoseconds | None = None
    invoked_ns: Nanoseconds | None = None
    left: Units | UnsetType | None = UNSET
    unit: str | UnsetType | None = UNSET
    answer: str | UnsetType | None = UNSET
    detail: Json = msgspec.field(default_factory=lambda: NO_DETAIL)
    token_told: str | UnsetType | None = UNSET
    sent: str | UnsetType | None = UNSET
    received: str | UnsetType | None = UNSET


class Entry(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True, rename={"origin": "from"}):
    """One row of an audit trail as an engine shows it."""

    to: str
    origin: str | None = None
    sequence: Sequence | None = None
    actor: str | None = None
    request_id: str | None = None
    at: Any = None


class Audit(Event):
    """A trail as it was at some moment from `read_ns` to `returned_ns`; without the latter, at `read_ns`."""

    workflow: str
    read_ns: Nanoseconds
    entries: list[Entry]
    returned_ns: Nanoseconds | None = None

    def __post_init__(self) -> None:
        if self.returned_ns is not None and self.returned_ns < self.read_ns:
            raise ValueError("`returned_ns` is before `read_ns`")


class Effects(Event):
    """Which markers an engine showed as stored in a workflow; `winners`: how often a win leaves its own."""

    workflow: str
    read_ns: Nanoseconds
    markers: list[Id]
    winners: Winners = "once"


class Sink(Event):
    """A server that the service calls, and the rule: `times` calls for each move into a state of `per`. A call tells
    `by` a marker or a workflow's id which move it is for.
    """

    name: str
    per: list[str]
    times: Times
    by: Literal["marker", "workflow"]
    within_s: Annotated[float, Meta(ge=0)] = 0.0


class Call(Event):
    """A call of the service to a sink, whole at `at_ns`. `subject` is the marker or the workflow's id that it carried,
    if any; calls with the same `key` are one. `taken`: it was carried out; not so if it was refused. `status` is null
    if its answer was lost.
    """

    sink: str
    at_ns: Nanoseconds
    subject: str | None = None
    key: str | None = None
    taken: bool = True
    status: Status | None = None
    fault: str | None = None
    request: str | None = None


class CallsAwaited(Event):
    """The calls that were due for the wins of these sources were waited for, until `at_ns`. `still_came`: some were
    missing then, and others that were due still came, so the missing ones may have come later.
    """

    sources: list[str]
    at_ns: Nanoseconds
    still_came: bool = False


class Plan(Event):
    """The source plans so much more; negative numbers withdraw, and `withdrawn` says why."""

    operations: Change | None = None
    races: Change | None = None
    scenario: str | None = None
    withdrawn: str | None = None


class End(Event):
    """The source finished in order. `shown`: the names of the values that answers about workflows gave it."""

    operations: Count | None = None
    shown: list[str] | None = None


class Quota(Event):
    """All that a source is to run, and the sources that use the same workflows."""

    races: Count | None = None
    rounds: Count | None = None
    shared_by: list[str] | None = None


class ScenarioLevel(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """How much of a scenario a level was given, and how much it ran."""

    scenario: str | None = None
    unit: str | None = None
    planned: Amount | None = None
    run: Amount | None = None


class Level(Event):
    """How much of a level a source was given, how much it ran, and why it ended."""

    level: str | None = None
    unit: str | None = None
    planned: Amount | None = None
    run: Amount | None = None
    ended: str | None = None
    restarts: Count | None = None
    scenarios: list[ScenarioLevel] | None = None
    not_applicable: dict[str, str] | None = None
    unscheduled: Count | None = None


class Turn(Event):
    """A turn of a comparison of two engines: how many races it planned and ran, and when."""

    number: Count
    planned: Count
    races: Count
    began_ns: Nanoseconds
    ended_ns: Nanoseconds


class Broken(Event):
    """The source raised an exception."""

    what: str | None = None
    traceback: str | None = None


class Reproduced(Event):
    """The smallest plan of the parallel level that fails."""

    name: str
    branches: list[Count]
    plan: str
    failed: Count
    repeats: Count
    kind: Literal["race", "logic"]


class Spanned(Event):
    """An event that lasted from `at_ns` to `until_ns`; without the latter it was a moment."""

    at_ns: Nanoseconds | None = None
    until_ns: Nanoseconds | None = None

    def __post_init__(self) -> None:
        if self.until_ns is not None and (self.at_ns is None or self.until_ns < self.at_ns):
            raise ValueError("`until_ns` without an `at_ns`" if self.at_ns is None else "`until_ns` is before `at_ns`")

    @property
    def span(self) -> tuple[int, int] | None:
        """From when to when, if the event tells."""
        return None if self.at_ns is None else (self.at_ns, self.at_ns if self.until_ns is None else self.until_ns)


class Probe(Spanned, kw_only=True):
    """A question that is no operation. `problem` is null for a good answer."""

    check: ProbeCheck
    what: str | None = None
    problem: str | None = None
    workflow: str | None = None
    status: Status | None = None


class Hidden(Spanned, kw_only=True):
    """The service did not show a trail or effects. `state`: the answer told that the workflow is in it by itself, such
    as 404 of what is deleted; there may be nothing to show.
    """

    what: Evidence
    workflow: str
    state: str | None = None


class Unsent(Spanned, kw_only=True):
    """A request that could not be built, such as for a value that no answer had shown; it was not sent. `value` names
    one that a workflow may have in some states alone.
    """

    what: str
    workflow: str | None = None
    value: str | None = None


class AccessDenied(Spanned, kw_only=True):
    """A tenant that was admitted before is refused."""

    what: str
    tenant: str | None = None
    workflow: str | None = None
    status: Status | None = None
    question: str | None = None


class Fault(Spanned, kw_only=True):
    """A fault was injected; its damage was over at `until_ns`."""

    at_ns: Nanoseconds
    what: str | None = None
    workflow: str | None = None
    workflows: list[str] | None = None


class FaultBegun(Event):
    """A fault begins; without a `fault` of the same moment it lasts to the end."""

    at_ns: Nanoseconds
    what: str | None = None
    workflow: str | None = None
    workflows: list[str] | None = None


class BreakMet(Spanned, kw_only=True):
    """The service met a connection that an earlier fault had broken, at the latest at `until_ns`."""

    at_ns: Nanoseconds


class Restarted(Spanned):
    """The service ended by itself after a fault, and onewinner started it again."""

    fault: str | None = None
    how: str | None = None


class FaultsInjected(Event):
    """How many statements passed the proxy of a run with faults, and how many faults of each kind it injected."""

    statements: Count
    faults: dict[str, Count]


class Skipped(Event):
    """A kind of fault that could not be injected, or a pairing that was impossible."""

    fault: str
    why: str


class Workload(Event):
    """How many pairings of each kind a level behind the proxy is to run."""

    kinds: dict[str, Count]


class Action(msgspec.Struct, frozen=True, omit_defaults=True):
    """One request of a pairing: an advance over a route, a write, a create, a take, or a give-back."""

    tenant: str
    route: str
    origin: str
    to: str
    write: str = ""
    key: str = ""
    variant: str = ""
    user: int = 0
    body: str = ""
    creates: bool = False
    takes: bool = False
    gives_back: bool = False


class Exploration(Event):
    """A pairing that the explorer ran. `pruned`: orders that the reduction left out; `exhausted`: all others ran."""

    pairing: Count
    kind: str
    state: str
    actions: list[Action]
    pruned: Count
    exhausted: bool
    apart: bool | None = None


class Statement(Event):
    """A statement's text, once."""

    number: Count
    sql: str


class Schedule(Event):
    """One order of one pairing's statements, as it ran. A step: request, statement, effect, fault. What was asked of
    its workflows before `began_ns` prepared them. After `lead` statements it waited until `wait_s` after that.
    """

    pairing: Count
    workflow: str
    order: str
    steps: list[tuple[str, Count, str, str | None]]
    answers: list[str]
    remarks: list[str]
    switches: Count
    workflows: list[str] | None = None
    began_ns: Nanoseconds | None = None
    wait_s: float | None = None
    lead: Count | None = None


class Unscheduled(Event):
    """How often a statement passed the proxy while the scheduler chose orders, without being one of them."""

    sql: str
    passed: Count
    why: Literal["background", "set-up"]


class RandomPlans(Event):
    """How many random mixtures of requests ran, and whether one of them violated."""

    examples: Count
    violated: bool


class Unrecognized(Event):
    """A line whose kind of event this version does not know. It is kept, counted, and read by nothing else."""

    kind: str


EVENTS: Mapping[str, type[Event]] = {
    name_event(struct.__name__): struct
    for struct in (
        Header, Plan, Quota, Invoke, Return, Audit, Effects, Probe, Hidden, Unsent, AccessDenied, Fault, FaultBegun,
        BreakMet, Restarted, FaultsInjected, Skipped, Workload, Exploration, Statement, Schedule, Unscheduled,
        RandomPlans, Reproduced, Level, Turn, Broken, End, Sink, Call, CallsAwaited,
    )
}  # fmt: skip
