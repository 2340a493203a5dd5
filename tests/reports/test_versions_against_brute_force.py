"""Goal: `precondition` is exact, and never accuses a right service. Method: small histories with versions
(tests/reports/drawing_versions.py), against every order of their operations (tests/reports/brute_force_versions.py).

Several workflows are judged at a time, as one history. ONEWINNER_VERSIONS=100000 goes on until there have been so many,
from the seed ONEWINNER_SEED on; ONEWINNER_PROFILE=full means 100,000.
"""

import os
from collections import Counter
from dataclasses import replace
from random import Random

import polars as pl

from engine.target.graph import TransitionGraph
from reports.history.events import Header
from reports.history.history import History, take_frame
from reports.history.journal_lines import OPERATION_SCHEMA
from reports.judge.judge import judge
from reports.judge.limits import Limits
from tests.reports.brute_force_trails import World
from tests.reports.brute_force_versions import judge_versions
from tests.reports.drawing_versions import GRAPHS, Drawn, draw_workflow

FULL = 100_000 if os.environ.get("ONEWINNER_PROFILE") == "full" else 400
COUNT = int(os.environ.get("ONEWINNER_VERSIONS", FULL))
SEED = int(os.environ.get("ONEWINNER_SEED", "0"))
AT_ONCE = 20
SIZE_MAX = 6


def draw(seed: int) -> tuple[dict[str, Drawn], dict[str, World], TransitionGraph | None]:
    """Workflows of one graph and one clock, by their names."""
    random = Random(seed)
    plain, wide, initial = random.choice(GRAPHS), random.choice((0, 0, 0, 1, 2)), random.choice((None, None, "A"))
    graph = TransitionGraph.of("A", plain) if plain else None
    drawn = {f"w{number}": draw_workflow(random, plain, wide, initial, SIZE_MAX) for number in range(AT_ONCE)}
    edges, first = None if graph is None else frozenset(graph.edges), "A" if initial is not None or graph else None
    worlds = {name: World(each.operations, [], edges, initial, first, wide) for name, each in drawn.items()}
    return drawn, worlds, graph


def build(worlds: dict[str, World]) -> History:
    rows = []
    for name, world in worlds.items():
        for number, record in enumerate(world.operations):
            about = {"id": f"{name}.{number}", "workflow": name, "process": "p", "tenant": "acme", "detail": None}
            known = {key: value for key, value in record.items() if key in OPERATION_SCHEMA}
            rows.append(dict.fromkeys(OPERATION_SCHEMA) | known | about)
    frame = pl.DataFrame(rows, schema=OPERATION_SCHEMA, infer_schema_length=None)
    header = Header(clock_uncertainty_ns=next(iter(worlds.values())).wide)
    return replace(take_frame(frame), events=(("s", header),))


def is_right(drawn: Drawn) -> bool:
    """Whether the service did nothing wrong. One whose clock is coarse may lose an update."""
    return drawn.compares and not drawn.lies and drawn.scheme != "clock"


def compare(seed: int) -> Counter[str]:
    """Judges some workflows; returns how many of them passed, failed and stayed unknown."""
    drawn, worlds, graph = draw(seed)
    initial = next(iter(worlds.values())).initial
    limits = Limits(findings_max=1_000, explain_s=0.05)
    judgement = judge(build(worlds), graph, initial, only=("precondition",), limits=limits)
    [result] = judgement.checks
    assert "itself failed" not in result.reason, (seed, result.reason)
    found = {str(finding.workflow): str(finding.verdict) for finding in result.findings}
    expected = {name: judge_versions(world) for name, world in worlds.items()}
    bad = {name: verdict for name, verdict in expected.items() if verdict in ("fail", "unknown")}
    assert found == bad, (seed, {name: (found.get(name), bad.get(name)) for name in found.keys() ^ bad.keys() or found})
    accused = [name for name in found if is_right(drawn[name])]
    assert not accused, (seed, "a right service is accused", accused)
    return Counter(str(verdict) for verdict in expected.values())


def test_every_verdict_is_that_of_all_orders() -> None:
    judged = Counter[str]()
    seed = SEED
    while judged.total() < COUNT:
        judged.update(compare(seed))
        seed += 1
    assert min(judged["pass"], judged["fail"]) > COUNT // 15, f"the draws lean to one side: {judged}"
    assert judged["unknown"], judged
