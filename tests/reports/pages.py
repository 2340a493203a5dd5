"""Pages: two small runs whose documents are looked at, by golden files and in a browser. Always the same."""

from collections.abc import Mapping, Sequence
from typing import Any

from msgspec import structs

from engine.target.graph import TransitionGraph
from reports.comparison.comparison_result import (
    Acknowledgement,
    BlockTest,
    Change,
    CheckChange,
    Comparison,
    Design,
    MeasureChange,
    Standing,
)
from reports.comparison.facts import Facts, Pairing, StatePairs
from reports.comparison.measure_tables import measure
from reports.documents.samples import take_samples
from reports.judge.judge import judge
from reports.judge.verdict import Judgement, Verdict
from tests.reports.building import Record, advance, build, build_history, create, make_facts, read

GRAPH = TransitionGraph.of("A", {"A": ["B", "X"], "B": ["C", "X"]})
US = 1_000
TEST = BlockTest("permutation test over blocks", 0.0004, 0.001, 0.01, (1.12, 1.31), 0.95, (12, 12), 0.05, 0.12)
KNOWN = Acknowledgement("latency-won-p99", "the new index is not built yet", "2026-12-31")


def race(number: int, outcomes: Sequence[str]) -> list[Record]:
    """A workflow of its own: created, raced for, read. Times are in tens of microseconds."""
    workflow, begin = f"w{number}", number * 10_000 * US
    about: Record = {"workflow": workflow, "scenario": "same-transition"}
    records = [create(f"r.{number}.0", begin, begin + 900 * US, **about, process="r#0", status=201)]
    for index, outcome in enumerate(outcomes):
        invoked = begin + (1_000 + 7 * index) * US
        told = {"won": (200, None), "conflict": (409, "B"), "unknown": (None, None)}[outcome]
        returned = None if outcome == "unknown" else invoked + (900 + 130 * index) * US
        fields: Record = {"status": told[0], "observed": told[1], "race": f"{workflow}.race", "process": f"r#{index}"}
        detail = f'{{"request_id":"r.{number}.{index + 1}","arrived_ns":{invoked + 90 * US}}}'
        records.append(
            advance(f"r.{number}.{index + 1}", "A-B", invoked, returned, outcome, **about, **fields, detail=detail)
        )
    records.append(read(f"r.{number}.end", begin + 5_000 * US, begin + 5_400 * US, "B", **about, status=200))
    return records


def make_records(*, failing: bool) -> list[Record]:
    """Fifty races of five; one with a contender that never answered; in a failing run one with two winners."""
    winners = [["conflict"] * (number % 5) + ["won"] + ["conflict"] * (4 - number % 5) for number in range(50)]
    winners[20][0] = "unknown"
    if failing:
        winners[31][3] = "won"
    return [record for number, outcomes in enumerate(winners) for record in race(number, outcomes)]


def build_run(*, failing: bool) -> tuple[Facts, Judgement]:
    """The facts and the judgement of a run: everything that a page can show is in it."""
    history = build_history(make_records(failing=failing))
    judgement = judge(history, GRAPH, command="onewinner check runs/small")
    part = {"unit": "races", "planned": 50, "run": 50}
    facts: dict[str, Any] = {
        "name": "small",
        "command": "onewinner race --races 50 --seed 7",
        "target": "small",
        "seed": 7,
        "profile": "race",
        "database": "embedded",
        "started_at": "2026-01-01T00:00:00Z",
        "finished_at": "2026-01-01T00:00:09Z",
        "versions": {"python": "3.11.0", "onewinner": "0.1.0"},
        "machine": {"system": "Linux", "cpus": 2},
        "plan": {"sources": ["history"]},
        "levels": [{"level": "race", **part, "seconds": 8.5, "scenarios": [{"scenario": "same-transition", **part}]}],
        "measures": structs.replace(measure(history), **({"faults": FAULTS} if failing else {})),
        "samples": take_samples(history, judgement, GRAPH),
        "comparison": compare(judgement),
        "reproductions": [REPRODUCTION] if failing else [],
        "pairings": PAIRINGS[: 2 if failing else 1],
        "schedules": [SCHEDULE] if failing else [],
        "strength": STRENGTH,
        "defects": DEFECTS,
    }
    return make_facts(**facts), judgement


def build_run_of_units() -> tuple[Facts, Judgement]:
    """A resource with three units, of which five were given, with requests and answers; and a matrix of 35 states."""
    takes = [take(number, "won" if number in (0, 3, 4, 6, 8) else "conflict") for number in range(10)]
    made = create("r.0", 0, 900 * US, None, workflow="v", left=3, status=201)
    history = build_history([made, *takes])
    judgement = judge(history, GRAPH, command="onewinner check runs/units")
    samples = structs.replace(take_samples(history, judgement, None), state_pairs=make_state_pairs(35))
    command = "onewinner race --target vouchers --races 60 --seed 7"
    measures = measure(history)
    return Facts(name="units", command=command, measures=measures, samples=samples), judgement


def take(number: int, outcome: str) -> Record:
    invoked = (1_000 + 7 * number) * US
    answer = {"status": "rejected", "left": 0} if outcome == "conflict" else {"status": "taken", "unit": number}
    fields: Record = {
        "outcome": outcome,
        "workflow": "v",
        "process": f"r#{number}",
        "scenario": "last-unit",
        "status": 409 if outcome == "conflict" else 201,
        "left": 0 if outcome == "conflict" else max(0, 2 - number),
        "unit": None if outcome == "conflict" else f"seat-{number}",
        "key": f"key-{number}",
        "sent": f"POST /vouchers/v/redeem\nAuthorization: [secret]\nIdempotency-Key: key-{number}\n\n{'x' * 300}",
        "received": f"{409 if outcome == 'conflict' else 201}\ncontent-type: application/json\n\n{answer}",
    }
    return build(f"r.{number + 1}", "take", invoked, invoked + (900 + 130 * number) * US, fields)


def make_state_pairs(many: int) -> StatePairs:
    states = tuple(f"A_RATHER_LONG_STATE_{number}" for number in range(many))
    legal = tuple((number, number + 1) for number in range(many - 1))
    asked = tuple((origin, to) for origin in range(many) for to in range(many) if origin % 3)
    return StatePairs(states, legal, (*asked, *legal[:20]), (*legal[:15], (30, 2)))


REPRODUCTION: Mapping[str, Any] = {
    "name": "fork",
    "branches": [1, 2],
    "failed": 7,
    "repeats": 10,
    "kind": "race",
    "plan": "plans/parallel.json",
    "command": "onewinner gate --plan runs/small/plans/parallel.json",
}
FAULTS: Mapping[str, int] = {"answer lost": 120, "connection lost during": 40, "delayed": 12, "server killed": 3}
PAIRINGS = (
    Pairing("interleavings", "advance / cancel", 1, 1, 6, 0, 1, 0, {"waited": 2}),
    Pairing("interleavings", "advance / advance", 2, 1, 12, 0, 1, 4),
)
SCHEDULE: Mapping[str, Any] = {
    "kind": "advance / advance",
    "schedule": "ABBA",
    "checks": {"one-winner": "Requests 1 and 2 both moved workflow w from A to B"},
    "trace": "    A            | B\n  1 SELECT <x>   |\n  2              | UPDATE t\n    answered won | answered won",
    "sentence": "A read in step 1, B wrote in step 2, and in step 3 A wrote what it had decided on before.",
    "file": "races/race-1.json",
    "command": "onewinner explore --replay runs/small/races/race-1.json --times 10",
}
STRENGTH: Mapping[str, Any] = {
    "transitions": {"covered": 1, "total": 4},
    "illegal_pairs": {"covered": 0, "total": 12},
    "raced_pairs": {
        "covered": 1,
        "total": 2,
        "rounds": [
            {"state": "A", "first": "B", "second": "B", "rounds": 50},
            {"state": "A", "first": "B", "second": "X", "rounds": 0},
        ],
    },
    "bounds": [{"sort": "alone", "trials": 50, "sizes": [5, 5], "violations_max": 0.06}],
    "calibration": {"defect": "narrow-check-then-act", "races": 50, "caught": 49, "contenders": 5},
}
NEVER = {"seeds": 3, "caught": 0, "checks": {}, "operations_p50": None, "seconds_p50": None}
SEEN = {"seeds": 3, "caught": 3, "checks": {"one-winner": 3, "audit": 1}, "operations_p50": 120.0, "seconds_p50": 0.41}
PROMISE = {"check": "one-winner", "promised": "one-winner"}
DEFECTS: Sequence[Mapping[str, Any]] = (
    {"name": "check-then-act", "kind": "defect", "level": "race", **PROMISE, "status": "caught", **SEEN},
    {"name": "late-loser", "kind": "defect", "level": "race", **PROMISE, "status": "survived", **NEVER},
    {
        "name": "row-lock",
        "kind": "control",
        "level": "race",
        "check": None,
        "promised": None,
        "status": "passed",
        **NEVER,
    },
)


def compare(judgement: Judgement) -> Comparison:
    failed = [result.check for result in judgement.checks if result.verdict is Verdict.FAIL]
    checks = [CheckChange(check, Verdict.PASS, Verdict.FAIL, Standing.NEWLY_FAILING) for check in failed]
    checks.append(CheckChange("audit", Verdict.FAIL, None, Standing.LOST))
    slower = MeasureChange(
        "latency-won-p99",
        "latency of won, p99",
        "ns",
        "lower",
        900_000.0,
        1_090_000.0,
        1.211,
        Change.REGRESSED,
        "21 % slower",
        TEST,
        KNOWN,
    )
    same = MeasureChange(
        "races-per-second",
        "races per second",
        "races/s",
        "higher",
        6.1,
        None,
        None,
        Change.INCONCLUSIVE,
        "too few blocks: 3",
    )
    design, notes = Design.SESSIONS, ("the baseline was made on another machine",)
    return Comparison(
        "runs/base", Verdict.PASS, "runs/small", judgement.verdict, design, tuple(checks), (slower, same), notes
    )
