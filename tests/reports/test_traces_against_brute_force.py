"""Goal: `effects` finds the markers that contradict the answers, and accuses none that some order explains. Method:
small histories with requests without an answer, requests that repeat a win, and one reading of markers, against every
order of them, in which the reading has a place of its own.

ONEWINNER_TRACES=10000 judges so many, from the seed ONEWINNER_SEED on.
"""

import os
from collections import Counter
from dataclasses import replace
from random import Random
from typing import Any

import polars as pl

from engine.target.graph import TransitionGraph
from reports.history.events import Effects, Header, Winners
from reports.history.history import History, take_frame
from reports.history.journal_lines import OPERATION_SCHEMA
from reports.judge.judge import judge
from reports.judge.limits import Limits
from reports.judge.models.workflow import IMPOSSIBLE, NEVER, Operation, step
from reports.judge.verdict import Verdict

COUNT = int(os.environ.get("ONEWINNER_TRACES", "400"))
SEED = int(os.environ.get("ONEWINNER_SEED", "0"))
AT_ONCE = 40
STEPS = {"A": ["B", "C"], "B": ["A", "C"], "C": ["A"]}
GRAPH = TransitionGraph.of("A", STEPS)
World = tuple[list[dict[str, Any]], list[str], int]


def draw(random: Random) -> World:
    """Operations of some run, but for a lie; the markers that were shown, and when they were asked for."""
    state, moment, shown, records = "A", 1, list[str](), [make("create", 0, 1, outcome="ok", observed="A")]
    asked, kept, can_repeat = random.randint(4, 16), list[str](), random.random() < 0.4
    for number in range(random.randint(2, 5)):
        moment += random.randint(1, 4)
        kept = list(shown) if moment <= asked else kept
        begin, end = moment - random.randint(0, 2), moment + random.randint(0, 2)
        if random.random() < 0.35:
            records.append(make("read", begin, end, outcome="ok", observed=state))
            continue
        wanted = random.choice("ABC") if random.random() < 0.2 else state
        record = make("advance", begin, end, expected=[wanted], next=random.choice(STEPS[wanted]), marker=f"m{number}")
        record["repeats"] = can_repeat and random.random() < 0.7
        is_due, is_lost = wanted == state, random.random() < 0.6
        took = is_due and not (is_lost and random.random() < 0.4)
        is_told = took or (record["repeats"] and record["next"] == state)
        record["outcome"] = "unknown" if is_lost else "won" if is_told else "conflict"
        if took:
            state = record["next"]
            shown.append(record["marker"])
        records.append(record)
    kept = list(shown) if moment <= asked else kept
    open_ = [each["marker"] for each in records if is_open(each)]
    if open_ and random.random() < 0.5:
        marker = random.choice(open_)
        kept = [each for each in kept if each != marker] if marker in kept else [*kept, marker]
    won = [each["marker"] for each in records if each["outcome"] == "won" and not each["repeats"]]
    return records, [*won, *(each for each in kept if each not in won)], asked


def is_open(record: dict[str, Any]) -> bool:
    return record["outcome"] == "unknown" or (record["outcome"] == "won" and bool(record["repeats"]))


def make(kind: str, invoked: int, returned: int, **more: Any) -> dict[str, Any]:
    return dict.fromkeys(OPERATION_SCHEMA) | {"kind": kind, "invoked_ns": invoked, "returned_ns": returned} | more


def build(worlds: list[World], wide: int, winners: Winners) -> History:
    rows, events = [], []
    for name, (records, markers, asked) in enumerate(worlds):
        for number, record in enumerate(records):
            marker = record["marker"] and f"{name}.{record['marker']}"
            about = {"id": f"{name}.{number}", "workflow": f"w{name}", "process": "p", "tenant": "acme"}
            rows.append(record | about | {"marker": marker})
        told = [f"{name}.{marker}" for marker in markers]
        events.append(("s", Effects(workflow=f"w{name}", read_ns=asked, markers=[*told], winners=winners)))
    frame = pl.DataFrame(rows, schema=OPERATION_SCHEMA, infer_schema_length=None)
    return replace(take_frame(frame), events=(("s", Header(clock_uncertainty_ns=wide)), *events))


def is_explained(world: World, wide: int, winners: str, *, looks: bool) -> bool:
    """Whether some order explains the answers, and if it `looks`, the markers of the open requests too."""
    records, markers, asked = world
    operations = [convert(record, number, wide) for number, record in enumerate(records)]
    look = Operation(-1, "look", "ok", (), None, None, asked - wide, NEVER)
    judged = {n for n, each in enumerate(records) if is_open(each) and (winners == "once" or not each["repeats"])}
    due = {n for n in judged if records[n]["marker"] in markers}
    must_not = judged - due if winners == "once" else set[int]()
    return try_orders(None, [*operations, *([look] if looks else [])], frozenset(), due, must_not)


def convert(record: dict[str, Any], row: int, wide: int) -> Operation:
    until = NEVER if record["outcome"] == "unknown" else record["returned_ns"] + wide
    asked = tuple(record["expected"] or ()), record["next"], record["observed"]
    begin, repeats = record["invoked_ns"] - wide, bool(record["repeats"])
    return Operation(row, record["kind"], record["outcome"], *asked, begin, until, repeats=repeats)


def try_orders(
    state: str | None, left: list[Operation], moved: frozenset[int], due: set[int], must_not: set[int]
) -> bool:
    if all(each.outcome == "unknown" for each in left):
        return True
    for each in left:
        rest = [other for other in left if other is not each]
        if any(other.returned < each.invoked for other in rest):
            continue
        if each.kind == "look":
            if due <= moved and not moved & must_not and try_orders(state, rest, moved, due, must_not):
                return True
            continue
        after = step(state, each, GRAPH)
        if after is not IMPOSSIBLE:
            now = moved if after == state else moved | {each.row}
            if try_orders(after, rest, now, due, must_not):
                return True
    return False


def compare(seed: int) -> Counter[str]:
    """Judges some workflows; returns how many of them have an explanation, and how many were accused."""
    random = Random(seed)
    worlds, wide = [draw(random) for _ in range(AT_ONCE)], random.choice((0, 0, 1))
    winners: Winners = random.choice(("once", "once", "any"))
    judgement = judge(build(worlds, wide, winners), GRAPH, only=["effects"], limits=Limits(findings_max=1_000))
    assert all(finding.verdict is Verdict.FAIL for finding in judgement.findings)
    accused = {finding.workflow for finding in judgement.findings}
    counts = Counter[str]()
    for name, world in enumerate(worlds):
        right = is_explained(world, wide, winners, looks=True) or not is_explained(world, wide, winners, looks=False)
        is_accused = f"w{name}" in accused
        assert right != is_accused, (seed, name, winners, world)
        counts.update(["right" if right else "wrong", "accused" if is_accused else "passed"])
    return counts


def test_markers_are_held_to_the_answers() -> None:
    counts = Counter[str]()
    for seed in range(SEED, SEED + max(1, COUNT // AT_ONCE)):
        counts += compare(seed)
    assert min(counts["right"], counts["wrong"], counts["accused"]) > COUNT // 40, counts
