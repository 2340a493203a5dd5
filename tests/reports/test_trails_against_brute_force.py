"""Goal: `audit` is exact, beside `linearizable`, and no other check accuses what some order explains. Method: small
histories with trails (tests/reports/drawing_trails.py), against every order of their operations
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

from engine.target.graph import TransitionGraph
from reports.history.events import Header
from reports.history.history import History, take_frame
from reports.history.journal_lines import OPERATION_SCHEMA
from reports.judge.context import CheckContext
from reports.judge.evidence.evidence import Evidence
from reports.judge.judge import judge
from reports.judge.limits import Limits
from reports.judge.race_resolution import resolve_races
from reports.judge.verdict import Verdict
from tests.reports.brute_force_trails import World, is_made, is_move
from tests.reports.building import lay_out_trails
from tests.reports.drawing_trails import GRAPHS, NAMES, draw_workflow, rename, tell_id

FULL = 100_000 if os.environ.get("ONEWINNER_PROFILE") == "full" else 600
COUNT = int(os.environ.get("ONEWINNER_TRAILS", FULL))
SEED = int(os.environ.get("ONEWINNER_SEED", "0"))
AT_ONCE = 20
SIZE_MAX = 6
EXACT = ("linearizable", "audit")
SOUND = ("legality", "conflict-truth", "final-state", "one-winner")
Record = dict[str, Any]
Named = dict[str, World]


def draw(seed: int) -> tuple[Named, TransitionGraph | None]:
    """Workflows of one graph and one clock, by their names."""
    random = Random(seed)
    plain, names = random.choice(GRAPHS), dict(zip("ABC", random.choice(NAMES), strict=True))
    wide, initial = random.choice((0, 0, 0, 1, 3)), random.choice((None, None, "A"))
    steps = plain and {names[state]: [names[each] for each in following] for state, following in plain.items()}
    graph = TransitionGraph.of(names["A"], steps) if steps else None
    start, edges = None if initial is None else names[initial], None if graph is None else frozenset(graph.edges)
    first = names["A"] if initial is not None or graph else None
    worlds = {}
    for number in range(AT_ONCE):
        drawn = draw_workflow(random, plain, wide, initial, SIZE_MAX)
        operations, readings = rename(drawn.operations, names), rename(drawn.readings, names)
        worlds[f"w{number}"] = World(operations, readings, edges, start, first, wide)
    return worlds, graph


def build(worlds: Named) -> History:
    rows, readings = [], []
    for name, world in worlds.items():
        for number, record in enumerate(world.operations):
            about = {"id": f"{name}.{number}", "workflow": name, "process": "p", "tenant": "acme"}
            race = record["race"] and f"{name}.{record['race']}"
            rows.append(dict.fromkeys(OPERATION_SCHEMA) | record | about | {"race": race, "detail": tell_id(record)})
        readings += [reading | {"workflow": name} for reading in world.readings]
    frame = pl.DataFrame(rows, schema=OPERATION_SCHEMA, infer_schema_length=None)
    header = Header(clock_uncertainty_ns=next(iter(worlds.values())).wide)
    return replace(take_frame(frame), audit=lay_out_trails(readings), events=(("s", header),))


def find_accused(history: History, graph: TransitionGraph | None, initial: str | None) -> dict[str, set[str]]:
    """For each check the workflows in which it finds something."""
    limits = Limits(findings_max=1_000, explain_s=0.0)
    judgement = judge(history, graph, initial, only=(*EXACT, *SOUND), limits=limits)
    found = [finding for finding in judgement.findings if finding.verdict is Verdict.FAIL]
    assert all(each.verdict is Verdict.FAIL or each.check == "one-winner" for each in judgement.findings)
    return {check: {str(each.workflow) for each in found if each.check == check} for check in (*EXACT, *SOUND)}


def compare(seed: int) -> dict[str, int]:
    """Judges some workflows; returns how many of them passed and failed."""
    worlds, graph = draw(seed)
    history, initial = build(worlds), next(iter(worlds.values())).initial
    accused = find_accused(history, graph, initial)
    verdicts = {name: world.judge() for name, world in worlds.items()}
    for check in EXACT:
        expected = {name for name, passes in verdicts.items() if not passes[check]}
        assert accused[check] == expected, (seed, check, accused[check] ^ expected)
    explained = {name for name, passes in verdicts.items() if passes["linearizable"]}
    both = {name for name, passes in verdicts.items() if all(passes.values())}
    lies = {name for name, world in worlds.items() if any(tells_due(world, each) for each in world.operations)}
    odd = {
        name for name in explained if any(tells_what_never_was(worlds[name], each) for each in worlds[name].operations)
    }
    # A row that nothing explains may be what the conflict was due to.
    assert lies & both <= accused["conflict-truth"] <= lies | odd | (worlds.keys() - explained), (seed, "truth")
    assert not accused["final-state"] & explained, (seed, "final-state", accused["final-state"] & explained)
    illegal = {name for name, world in worlds.items() if has_illegal(world)}
    assert illegal <= accused["legality"] <= illegal | (worlds.keys() - explained), (seed, "legality")
    counts = Counter(
        compare_races(seed, worlds, CheckContext(Evidence(history, graph, initial)), both, accused["one-winner"])
    )
    with_trail = [verdicts[name] for name, world in worlds.items() if world.readings]
    counts.update(f"{each['linearizable']} {each['audit']}" for each in with_trail)
    return counts | {"all": len(worlds)}


def compare_races(seed: int, worlds: Named, case: CheckContext, explained: set[str], accused: set[str]) -> list[str]:
    """Where some order explains a workflow, no state was left twice in one visit; a race counts as won, or as not won,
    only if every order says so.
    """
    named = {}
    # Of contenders that may repeat the win of another, answers alone do not tell which one won.
    repeating = {name for name, world in worlds.items() if any(each["repeats"] for each in world.operations)}
    for race, settled in resolve_races(case):
        contenders = case.evidence.slice(race.w).filter(pl.col("race") == race.race)
        record = case.records(contenders["row"][:1])[0]
        world = worlds[record.workflow]
        if record.workflow in repeating:
            continue
        named[str(record.race)] = settled.winners
        if settled.winners is not None and record.workflow in explained:
            assert settled.winners < 2, (seed, "one-winner", record.race, settled)
            name = str(record.race).partition(".")[2]
            is_contradicted = begins_for_certain(world, name) and world.can_be(name, won=not settled.winners)
            assert not is_contradicted, (seed, "one-winner", record.race, settled)
    wrong = {race.partition(".")[0] for race, winners in named.items() if winners not in (None, 1)}
    assert wrong == accused - repeating, (seed, "one-winner", wrong ^ accused)
    certain = {
        name for name, world in worlds.items() if all(begins_for_certain(world, each) for each in name_races(world))
    }
    contradicted = accused & repeating & explained & certain
    assert not contradicted, (seed, "one-winner", contradicted)
    return [f"race {winners}" for winners in named.values()]


def name_races(world: World) -> set[str]:
    return {each["race"] for each in world.operations if each["race"] is not None}


def begins_for_certain(world: World, race: str) -> bool:
    """Whether it is certain that the workflow was in the state that is raced for, and that every answer tells of the
    race. Where the start is free, or no create told it, or another request may have taken effect or not, it is only
    the race that says so; and a refusal fits every order.
    """
    others = [each for each in world.operations if each["race"] != race]
    doubtful = any(each["outcome"] == "unknown" and is_move(each) for each in others)
    refused = any(each["outcome"] == "refused" for each in world.operations if each["race"] == race)
    untold = any(is_made(each) and world.tell_birth(each) is None for each in world.operations)
    return not (doubtful or refused or untold) and len(world.find_starts(by_create=True)) == 1


def tells_due(world: World, record: Record) -> bool:
    """Whether a conflict tells a state in which it was due, and no move led there while it was asked. A create is no
    move: the workflow was in no state before.
    """
    told, following = record["observed"], record["next"]
    if record["outcome"] != "conflict" or told is None or told not in (record["expected"] or ()):
        return False
    if following is not None and world.edges is not None and (told, following) not in world.edges:
        return False
    mine = world.place(record)
    moves = [world.place(each) for each in world.operations if is_move(each) and each["next"] == told]
    return not any(item.begin <= mine.end and item.end >= mine.begin for item in moves)


def tells_what_never_was(world: World, record: Record) -> bool:
    """Whether a conflict tells a state that it expected, though the edge is none, in which no order has it answered."""
    told, following = record["observed"], record["next"]
    if record["outcome"] != "conflict" or told is None or told not in (record["expected"] or ()):
        return False
    if following is None or world.edges is None or (told, following) in world.edges:
        return False
    exact = record | {"expected": [state for state in record["expected"] if state != told]}
    operations = [exact if each is record else each for each in world.operations]
    return not replace(world, operations=operations).explains(answers=True, trail=False)


def has_illegal(world: World) -> bool:
    """Whether an edge was won, or stands in a trail, that is none of the graph; to where no request may set it."""
    if world.edges is None:
        return False
    sets = {each["next"] for each in world.operations if is_move(each) and each["kind"] == "set"}
    won = [each for each in world.operations if each["kind"] == "advance" and each["outcome"] == "won"]
    won = [each for each in won if not each["repeats"]]
    rows = [row for reading in world.readings for row in reading["entries"]]
    return any(all((state, each["next"]) not in world.edges for state in each["expected"]) for each in won) or any(
        (row["from"], row["to"]) not in world.edges and row["to"] not in sets for row in rows
    )


def test_every_verdict_is_that_of_all_orders() -> None:
    judged = Counter[str]()
    seed = SEED
    while judged["all"] < COUNT:
        judged.update(compare(seed))
        seed += 1
    accepted, contradicted = judged["True True"], judged["True False"]
    assert min(accepted, contradicted) > COUNT // 10, f"the draws lean to one side: {judged}"
