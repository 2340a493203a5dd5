"""What is known of a run: everything in run.json but the judgement. Values only.

docs/run.schema.json is generated from these structs (tools/json_schemas.py). reports/documents/run_format_1.py reads
runs of the earlier format. What is not known of a run is null, or empty.
"""

from typing import Annotated, Literal

from msgspec import Meta, Struct

from reports.comparison.comparison_result import Comparison
from reports.judge.levels.run_plan import LevelRun, RunPlan, UnscheduledStatement

Count = Annotated[int, Meta(ge=0)]
Side = Literal["a", "b"]
EngineKind = Literal["defect", "control"]
Purpose = Literal["finding", "tightest", "typical"]
Sort = Literal["alone", "beside", "lone"]
Since = Literal["release", "intended", "mixed"]
Share = Annotated[float, Meta(ge=0, le=1)]


class Spread(Struct, frozen=True):
    """A measure over several races: of how many it could be taken, and its values."""

    races: Count
    min: int
    p50: int
    p95: int
    max: int


class RaceQuality(Struct, frozen=True):
    """How close together the contenders of the races of one size were; a spread is null where it could not be taken.

    `release_ns`: from the first to the last release, by the clients' clocks. `overlap`: other contenders in flight
    together with the winner. `arrival_ns`: from the first to the last arrival, as the server tells.
    """

    contenders: Count
    races: Count
    release_ns: Spread | None
    overlap: Spread | None
    arrival_ns: Spread | None


class Latency(Struct, frozen=True):
    """The latency of one outcome. `unanswered` operations are in no percentile.

    `since`: counted from the release of a request, or from the moment at which it was meant to start (an open model).
    `histogram`: an HdrHistogram, V2 compressed, base64; 1 ns to 1 h, three digits.
    """

    count: Count
    unanswered: Count
    since: Since
    p50_ns: int
    p90_ns: int
    p95_ns: int
    p99_ns: int
    p99_9_ns: int
    max_ns: int
    histogram: str


class Stratum(Struct, frozen=True):
    """One outcome of one scenario, block by block: how many answers, and percentiles in ns; null without answers."""

    count: tuple[int | None, ...]
    p50: tuple[float | None, ...]
    p95: tuple[float | None, ...]


class Progress(Struct, frozen=True):
    """How many races were planned and run, and in how many seconds: by turn, or as a whole; empty without a plan."""

    planned: tuple[int, ...] = ()
    run: tuple[int, ...] = ()
    seconds: tuple[float, ...] = ()


class Measured(Struct, frozen=True):
    """What was measured of one engine in turns: the fields of these names of Measures, a block for each turn."""

    blocks: dict[str, tuple[float, ...]]
    strata: dict[str, dict[str, Stratum]]
    plan: Progress


class Relative(Struct, frozen=True):
    """The service and the reference engine, measured in turns of so many races, for so many seconds."""

    service: Measured
    reference: Measured
    seconds: Count
    races: Count
    contenders: Count


class Measures(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """What a run measured beside its verdict, which it never changes. `errors`: measure -> why it could not be taken.

    `blocks`: measure -> its value in each block, in ns, races/s or s. `strata`: scenario -> outcome. `faults`: how many
    were injected, by sort. `endings`: how often the service ended by itself after each fault, and was started again.
    `unscheduled`: the statements that passed the proxy while schedules ran, the most frequent first. `relative`: with
    --measure, of a run that passed.
    """

    race_quality: tuple[RaceQuality, ...] | None = None
    latency: dict[str, Latency] | None = None
    blocks: dict[str, tuple[float, ...]] | None = None
    strata: dict[str, dict[str, Stratum]] | None = None
    plan: Progress | None = None
    faults: dict[str, Count] | None = None
    endings: dict[str, Count] | None = None
    unscheduled: tuple[UnscheduledStatement, ...] | None = None
    relative: Relative | None = None
    errors: dict[str, str] = {}


class Turns(Struct, frozen=True):
    """Of a run that was made in turns with another: both have the same job. `engine`: as the user named it."""

    job: str
    side: Side
    engine: str
    planned: Count = 0
    races: Count = 0
    contenders: Count = 0


class Covered(Struct, frozen=True):
    """How many of a total."""

    covered: Count
    total: Count


class RacedPair(Struct, frozen=True):
    """Two moves out of one state, and in how many rounds both were in flight together."""

    state: str
    first: str
    second: str
    rounds: Count


class RacedPairs(Covered, frozen=True):
    """Every two moves out of one state: how many raced each other."""

    rounds: tuple[RacedPair, ...]


class Bound(Struct, frozen=True):
    """How rare a violation may still be, of one sort of trial of which none showed one.

    `alone`: races on one workflow at a time; `beside`: races beside other workflows; `lone`: moves alone on their
    workflow, beside others. `sizes`: the least and the greatest number of contenders (of lone moves, of requests beside
    them). `violations_max`: the greatest rate that this still allows, with 95 % confidence.
    """

    sort: Sort
    trials: Annotated[int, Meta(ge=1)]
    sizes: tuple[int, int]
    violations_max: Share


class Calibration(Struct, frozen=True):
    """How many of the same races, on this machine, showed two winners on an engine that is broken on purpose."""

    defect: str
    races: Count
    caught: Count
    contenders: Count


class BusyAnswers(Struct, frozen=True):
    """How many answers meant "try again"; `alone`: during so many of them the workflow had no other request."""

    answers: Count
    alone: Count


class Strength(Struct, frozen=True):
    """How much of the workflow a run put to the test.

    `transitions`: legal edges taken. `illegal_pairs`: illegal moves asked in the very state that they name. `is_read`:
    whether any workflow was read. `busy`: null if no answer was.
    """

    transitions: Covered
    illegal_pairs: Covered
    raced_pairs: RacedPairs
    bounds: tuple[Bound, ...] = ()
    calibration: Calibration | None = None
    is_read: bool | None = None
    busy: BusyAnswers | None = None


class DefectRow(Struct, frozen=True):
    """One engine at one level of the kill matrix, over all seeds.

    `check`: the check that the defect is there for; `promised`: the one that must fail at this level. `caught`: in how
    many seeds. `checks`: those that failed -> in how many seeds. What was needed until the violation could be seen:
    `operations_p50`, `seconds_p50`, and races begun.
    """

    name: str
    kind: EngineKind
    level: str
    check: str | None
    promised: str | None
    status: Literal["wrong check", "accused", "survived", "unknown", "caught", "passed", "not run"]
    seeds: Count
    caught: Count
    checks: dict[str, Count]
    operations_p50: float | None
    seconds_p50: float | None
    races_p50: float | None = None
    races_p95: float | None = None


class ShownOperation(Struct, frozen=True, omit_defaults=True):
    """An operation of a picture. Times are relative to its first release. `held`: the finding rests on it. `calls_ns`:
    when the service called a sink for it. `left`, `unit`, `key`: units left by its answer, the unit that it is about,
    its idempotency key. `sent`, `received`: the request and the answer as texts, without secrets.
    """

    id: str
    process: str | None
    kind: str
    expected: tuple[str, ...]
    next: str | None
    outcome: str
    status: int | None
    observed: str | None
    tenant: str | None
    invoked_ns: int
    returned_ns: int | None
    arrived_ns: int | None
    held: bool
    message: str | None
    calls_ns: tuple[int, ...] = ()
    left: int | None = None
    unit: str | None = None
    key: str | None = None
    sent: str | None = None
    received: str | None = None

    @property
    def is_of_units(self) -> bool:
        return self.kind in ("take", "give_back")


class Picture(Struct, frozen=True, omit_defaults=True):
    """A race, or a few operations, in full. `checks`: those whose finding it is. `left_out` of the `contenders`.

    `race` is null where the operations are no race; it is empty where they raced for units. `units`: how many the
    resource had when it was made.
    """

    purpose: Purpose
    checks: tuple[str, ...]
    race: str | None
    scenario: str | None
    workflow: str
    contenders: Count
    left_out: Count
    operations: tuple[ShownOperation, ...]
    units: int | None = None


class StatePairs(Struct, frozen=True):
    """Which pairs of states are legal, were requested, and were taken (won, or in a trail): pairs of their numbers."""

    states: tuple[str, ...]
    legal: tuple[tuple[int, int], ...]
    asked: tuple[tuple[int, int], ...]
    taken: tuple[tuple[int, int], ...]


class Samples(Struct, frozen=True, omit_defaults=True):
    """What the documents show in full; texts are cut. `errors`: part -> why it could not be taken."""

    pictures: tuple[Picture, ...] = ()
    state_pairs: StatePairs | None = None
    errors: dict[str, str] = {}


class Reproduction(Struct, frozen=True):
    """A failing plan of the level parallel, as small as it went. `branches`: how many operations each has.

    `kind`: logic fails one request after the other as well. `plan`: a file of the run directory.
    """

    name: str
    branches: tuple[int, ...]
    failed: Count
    repeats: Count
    kind: Literal["race", "logic"]
    plan: str
    command: str


class Pairing(Struct, frozen=True):
    """One kind of pairing at one level behind the proxy, and what its schedules came to.

    `exhausted`: of how many of the `pairings` all schedules ran. `unknown`: schedules of which the outcome is not
    known. `pruned`: branches left out that are equal to others. `remarks`: what was seen -> in how many schedules.
    `apart`: each request has a workflow of its own; `timed`: they meet a move that no request makes. Of these, each
    request is stopped once after each of its statements.
    """

    level: str
    kind: str
    pairings: Count
    exhausted: Count
    schedules: Count
    unknown: Count
    pruned: Count
    violated: Count
    remarks: dict[str, Count] = {}
    apart: bool = False
    timed: bool = False


class ViolatingSchedule(Struct, frozen=True):
    """The smallest schedule that violates, of one kind of pairing.

    `schedule`: whose statement ran, in turn: AABB. `checks`: check -> what it found. `trace`: the statements, a column
    for each request. `file`: the race file, in the run directory.
    """

    kind: str
    schedule: str
    checks: dict[str, str]
    trace: str
    sentence: str
    file: str
    command: str


class FaultInjector(Struct, frozen=True):
    """Faults under load: the share of the statements that met one, and how often the server was killed."""

    rate: Share
    crashes: Count


class Facts(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """What is known of a run. `command`: the same run again, without --out and without passwords. Times are UTC.

    `workers`: processes of the engine; null: as the service has it. `fixed_processes`: onewinner started the service,
    and its command does not take how many they are; `shared_session`: all contenders had the same cookies. `defects`:
    the kill matrix.
    """

    name: str = ""
    command: str = ""
    target: str = ""
    seed: int | None = None
    profile: str | None = None
    database: str | None = None
    isolation: str | None = None
    workers: int | None = None
    fixed_processes: bool = False
    shared_session: bool = False
    pgbouncer: bool = False
    defect: str | None = None
    control: str | None = None
    started_at: str | None = None
    finished_at: str | None = None
    versions: dict[str, str] = {}
    machine: dict[str, str | int] = {}
    plan: RunPlan = RunPlan()
    fault_injector: FaultInjector | None = None
    levels: tuple[LevelRun, ...] = ()
    turns: Turns | None = None
    comparison: Comparison | None = None
    reproductions: tuple[Reproduction, ...] = ()
    pairings: tuple[Pairing, ...] = ()
    schedules: tuple[ViolatingSchedule, ...] = ()
    strength: Strength | None = None
    defects: tuple[DefectRow, ...] = ()
    measures: Measures = Measures()
    samples: Samples | None = None
