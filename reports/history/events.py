"""The events of a history: one struct for each, with every field that is known of it, its type and its range.

A field that is not here is ignored, and an event that is not here is kept. What is here and does not fit is an error.
"""

from collections.abc import Mapping
from typing import Annotated, Any, Literal

import msgspec

FORMATS = 2  # the newest format that is read; all older ones are
TIME_MAX = 1 << 61

Nanoseconds = Annotated[int, msgspec.Meta(ge=-TIME_MAX, le=TIME_MAX)]
Uncertainty = Annotated[int, msgspec.Meta(ge=0, le=1 << 60)]
Format = Annotated[int, msgspec.Meta(ge=1, le=FORMATS)]
Status = Annotated[int, msgspec.Meta(ge=0, le=1 << 30)]
Sequence = Annotated[int, msgspec.Meta(ge=-TIME_MAX, le=TIME_MAX)]
Count = Annotated[int, msgspec.Meta(ge=0, le=1 << 53)]
Change = Annotated[int, msgspec.Meta(ge=-(1 << 53), le=1 << 53)]
Amount = Annotated[float, msgspec.Meta(ge=0)]


class Event(msgspec.Struct):
    """Any line: what it is is known before the rest of it is decoded."""

    event: str


class InvokeLine(msgspec.Struct):
    """An invoke line as any tool may write it; what a tool does not know may be left out."""

    id: int | str
    process: int | str
    workflow: str
    kind: str
    invoked_ns: Nanoseconds
    scenario: str | None = None
    race: int | str | None = None
    tenant: str | None = None
    expected: str | list[str] | None = None
    next: str | None = None
    marker: str | None = None


class ReturnLine(msgspec.Struct):
    """A return line. `detail` stays JSON: few ever look into it."""

    id: int | str
    outcome: str
    status: Status | None = None
    observed: str | None = None
    returned_ns: Nanoseconds | None = None
    invoked_ns: Nanoseconds | None = None
    detail: msgspec.Raw = msgspec.Raw(b"null")


class Detail(msgspec.Struct):
    """The detail of a return that says what is wrong with the answer."""

    problem: str | None = None


class Entry(msgspec.Struct, rename={"origin": "from"}):
    """One row of an audit trail as an engine tells it."""

    to: str
    origin: str | None = None
    sequence: Sequence | None = None
    actor: str | None = None
    request_id: str | None = None
    at: Any = None


class AuditLine(msgspec.Struct):
    """A trail as it was at some moment from `read_ns` to `returned_ns`; without the latter, at `read_ns`."""

    workflow: str
    read_ns: Nanoseconds
    entries: list[Entry]
    returned_ns: Nanoseconds | None = None

    def __post_init__(self) -> None:
        refuse_backwards(self.read_ns, self.returned_ns, "returned_ns", "read_ns")


class EffectsLine(msgspec.Struct):
    """Which markers an engine showed as stored in a workflow; `winners`: how often a win leaves its own."""

    workflow: str
    read_ns: Nanoseconds
    markers: list[int | str]
    winners: Literal["once", "any"] = "once"


class HeaderLine(msgspec.Struct):
    """The first line."""

    format: Format | None = None
    source: str | None = None
    clock_uncertainty_ns: Uncertainty | None = None


class PlanLine(msgspec.Struct):
    """So much more is promised; negative: taken back."""

    operations: Change | None = None
    races: Change | None = None
    scenario: str | None = None
    withdrawn: str | None = None


class EndLine(msgspec.Struct):
    """The writer finished in an orderly way."""

    operations: Count | None = None


class ShareLine(msgspec.Struct):
    """All that a source is to run, and the sources that ask about the same workflows."""

    races: Count | None = None
    rounds: Count | None = None
    shared_by: list[str] | None = None


class ScenarioShare(msgspec.Struct):
    """What of a scenario a level was given, and what it got to."""

    scenario: str | None = None
    unit: str | None = None
    planned: Amount | None = None
    run: Amount | None = None


class LevelLine(msgspec.Struct):
    """What share of a level a source was given, and what it got to."""

    level: str | None = None
    unit: str | None = None
    planned: Amount | None = None
    run: Amount | None = None
    ended: str | None = None
    restarts: Count | None = None
    scenarios: list[ScenarioShare] | None = None
    not_applicable: dict[str, Any] | None = None


class BrokenLine(msgspec.Struct):
    """Something raised."""

    what: str | None = None
    traceback: str | None = None


class ReproducedLine(msgspec.Struct):
    """The smallest plan of the parallel level that fails."""

    name: str | None = None
    branches: list[Count] | None = None
    plan: str | None = None
    failed: Count | None = None
    repeats: Count | None = None
    kind: str | None = None


class ProbeLine(msgspec.Struct):
    """A question that is no operation. `problem` null is a good answer."""

    check: Literal["contract", "no-5xx", "schema", "tenant-isolation"]
    what: str | None = None
    problem: str | None = None
    workflow: str | None = None
    at_ns: Nanoseconds | None = None
    until_ns: Nanoseconds | None = None

    def __post_init__(self) -> None:
        refuse_backwards(self.at_ns, self.until_ns, "until_ns", "at_ns")


class HiddenLine(msgspec.Struct):
    """A question about a trail or about effects that was not answered."""

    what: Literal["audit trail", "effects"]
    workflow: str
    at_ns: Nanoseconds | None = None
    until_ns: Nanoseconds | None = None

    def __post_init__(self) -> None:
        refuse_backwards(self.at_ns, self.until_ns, "until_ns", "at_ns")


class TurnedAwayLine(msgspec.Struct):
    """A client that was let in before was not any more."""

    what: str
    tenant: str | None = None
    workflow: str | None = None
    status: Status | None = None
    at_ns: Nanoseconds | None = None
    until_ns: Nanoseconds | None = None
    question: str | None = None

    def __post_init__(self) -> None:
        refuse_backwards(self.at_ns, self.until_ns, "until_ns", "at_ns")


class FaultLine(msgspec.Struct):
    """A fault was injected; its damage was over at `until_ns`."""

    at_ns: Nanoseconds
    until_ns: Nanoseconds | None = None
    what: str | None = None
    workflow: str | None = None
    workflows: list[str] | None = None

    def __post_init__(self) -> None:
        refuse_backwards(self.at_ns, self.until_ns, "until_ns", "at_ns")


class FaultBegunLine(msgspec.Struct):
    """A fault begins; without a `fault` of the same moment it lasts to the end."""

    at_ns: Nanoseconds
    what: str | None = None
    workflow: str | None = None
    workflows: list[str] | None = None


class RestartedLine(msgspec.Struct):
    """The service ended by itself after a fault, and was started again."""

    fault: str | None = None
    how: str | None = None
    at_ns: Nanoseconds | None = None
    until_ns: Nanoseconds | None = None

    def __post_init__(self) -> None:
        refuse_backwards(self.at_ns, self.until_ns, "until_ns", "at_ns")


class UnheldLine(msgspec.Struct):
    """How often a statement passed the wire while orders were chosen."""

    sql: str
    passed: Count
    why: str | None = None


class AgendaLine(msgspec.Struct):
    """How many plans of each kind a level behind the wire is to walk."""

    kinds: dict[str, Count]


class ExplorationLine(msgspec.Struct):
    """A plan that was walked."""

    plan: Count
    kind: str
    state: str
    actions: list[dict[str, Any]]
    saved: Count
    whole: bool
    apart: bool | None = None


class StatementLine(msgspec.Struct):
    """A statement's text, told once."""

    number: Count
    sql: str


class ScheduleLine(msgspec.Struct):
    """One order of one plan's statements, as it was carried out. A step: request, statement, effect, fault."""

    plan: Count
    workflow: str
    order: str
    steps: list[tuple[str, Count, str, str | None]]
    answers: list[str]
    remarks: list[str]
    switches: Count
    workflows: list[str] | None = None


class MixedLine(msgspec.Struct):
    """Random mixtures of requests that were tried."""

    examples: Count
    violated: bool


class LeftOutLine(msgspec.Struct):
    """A kind of fault that could not be injected."""

    fault: str
    why: str


class StormLine(msgspec.Struct):
    """What passed the wire of a run with faults, and how many faults of each kind were injected."""

    statements: Count
    faults: dict[str, Count]


EVENTS: Mapping[str, type[msgspec.Struct]] = {
    "invoke": InvokeLine,
    "return": ReturnLine,
    "audit": AuditLine,
    "effects": EffectsLine,
    "header": HeaderLine,
    "plan": PlanLine,
    "end": EndLine,
    "share": ShareLine,
    "level": LevelLine,
    "broken": BrokenLine,
    "reproduced": ReproducedLine,
    "probe": ProbeLine,
    "hidden": HiddenLine,
    "turned_away": TurnedAwayLine,
    "fault": FaultLine,
    "fault_begun": FaultBegunLine,
    "restarted": RestartedLine,
    "unheld": UnheldLine,
    "agenda": AgendaLine,
    "exploration": ExplorationLine,
    "statement": StatementLine,
    "schedule": ScheduleLine,
    "mixed": MixedLine,
    "left_out": LeftOutLine,
    "storm": StormLine,
}


def refuse_backwards(begin: int | None, end: int | None, later: str, earlier: str) -> None:
    """Raises ValueError for a time that ends without a beginning, or before it."""
    if end is not None and (begin is None or end < begin):
        raise ValueError(f"`{later}` without a `{earlier}`" if begin is None else f"`{later}` is before `{earlier}`")
