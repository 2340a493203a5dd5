"""Goal: `audit` is exact, beside `linearizable`, and the checks that lean on both accuse nothing that can have been.
Method: small histories with trails (tests/reports/drawing_trails.py), against every order of their operations
(tests/reports/brute_force_trails.py).

Several workflows are judged at a time, as one history. ONEWINNER_TRAILS=100000 goes on until there have been so many,
from the seed ONEWINNER_SEED on; ONEWINNER_PROFILE=full means 100,000.
"""

import os
from collections import Counter
from dataclasses import replace
from random import Random
from typing import Any

import polars as pl

from engine.graph import TransitionGraph
from reports.evidence import Limits
from reports.history import History, take_frame
from reports.judge import judge
from reports.lines import OPERATION_SCHEMA
from reports.verdict import Verdict
from tests.reports.brute_force_trails import World
from tests.reports.building import lay_out_trails
from tests.reports.drawing_trails import GRAPHS, NAMES, draw_workflow, rename, tell_id

FULL = 100_000 if os.environ.get("ONEWINNER_PROFILE") == "full" else 600
COUNT = int(os.environ.get("ONEWINNER_TRAILS", FULL))
SEED = int(os.environ.get("ONEWINNER_SEED", "0"))
AT_ONCE = 20
SIZE_MAX = 6
CHECKS = ("linearizable", "audit")
Record = dict[str, Any]
Judged = dict[str, list[str]]


def draw(seed: int) -> tuple[list[World], TransitionGraph | None]:
    """Workflows of one graph and one clock, and what all orders of each say."""
    random = Random(seed)
    plain, names = random.choice(GRAPHS), dict(zip("ABC", random.choice(NAMES), strict=True))
    wide, initial = random.choice((0, 0, 0, 1, 3)), random.choice((None, None, "A"))
    steps = plain and {names[state]: [names[each] for each in following] for state, following in plain.items()}
    graph = TransitionGraph.of(names["A"], steps) if steps else None
    worlds = []
    for _ in range(AT_ONCE):
        drawn = draw_workflow(random, plain, wide, initial, SIZE_MAX)
        start = None if initial is None else names[initial]
        operations, readings = rename(drawn.operations, names), rename(drawn.readings, names)
        first = names["A"] if initial is not None or graph else None
        edges = None if graph is None else frozenset(graph.edges)
        worlds.append(World(operations, readings, edges, start, first, wide))
    return worlds, graph


def build(worlds: list[World]) -> History:
    rows, readings = [], []
    for number, world in enumerate(worlds):
        for place, record in enumerate(world.operations):
            about = {"id": f"{number}.{place}", "workflow": f"w{number}", "process": "p", "tenant": "acme"}
            rows.append(dict.fromkeys(OPERATION_SCHEMA) | record | about | {"detail": tell_id(record)})
        readings += [reading | {"workflow": f"w{number}"} for reading in world.readings]
    frame = pl.DataFrame(rows, schema=OPERATION_SCHEMA, infer_schema_length=None)
    audit = lay_out_trails(readings)
    header = {"event": "header", "source": "s", "clock_uncertainty_ns": worlds[0].wide}
    return replace(take_frame(frame), audit=audit, events=(header,))


def judge_all(worlds: list[World], graph: TransitionGraph | None) -> Judged:
    """For each check the workflows that it accuses."""
    limits = Limits(findings_max=1_000, explain_s=0.0)
    judgement = judge(build(worlds), graph, worlds[0].initial, only=CHECKS, limits=limits)
    assert all(finding.verdict is Verdict.FAIL for finding in judgement.findings), judgement.findings
    return {
        result.check: sorted({finding.workflow or "" for finding in result.findings}) for result in judgement.checks
    }


def compare(seed: int) -> dict[str, int]:
    """Judges some workflows; returns how many of them passed and failed."""
    worlds, graph = draw(seed)
    accused = judge_all(worlds, graph)
    verdicts = {f"w{number}": world.judge() for number, world in enumerate(worlds)}
    for check in CHECKS:
        expected = sorted(name for name, passes in verdicts.items() if not passes[check])
        assert accused[check] == expected, (seed, check, set(accused[check]) ^ set(expected))
    with_trail = [verdicts[f"w{number}"] for number, world in enumerate(worlds) if world.readings]
    return Counter(f"{each['linearizable']} {each['audit']}" for each in with_trail) | {"all": len(worlds)}


def test_every_verdict_is_that_of_all_orders() -> None:
    judged = Counter[str]()
    seed = SEED
    while judged["all"] < COUNT:
        judged.update(compare(seed))
        seed += 1
    accepted, contradicted = judged["True True"], judged["True False"]
    assert min(accepted, contradicted) > COUNT // 10, f"the draws lean to one side: {judged}"
