"""Goal: contenders are spread over the variants of their request, the same for the same seed, in every level; and the
variant is saved with a call.

Method: a target in memory whose moves have two variants; scripts, plans, pairings and requests made for it.
"""

import json
from collections.abc import Callable
from itertools import islice
from pathlib import Path
from typing import Any

import pytest

from engine.target.call import Call, find_route, spread
from engine.target.target import Target
from engine.target.target_file import TargetError
from load.client.asker import Asker
from load.scenarios import SCENARIOS
from reports.history.events import Action
from reports.history.journal import Journal
from reports.judge.levels.race_file_format import RACE_FORMAT, Race, RaceRequest
from stateful_tests.interleavings.level import make_exploration, read_pairing
from stateful_tests.interleavings.pairings import list_apart, list_pairings
from stateful_tests.parallel.generated_plans import generate_plans
from stateful_tests.parallel.pinned_plans import list_pinned
from stateful_tests.parallel.plan import ParallelPlan, PlanError, load_plan, save_plan
from stateful_tests.sequential.machine import WorkflowMachine
from tests.load.stub import RICH, SMALL, Engine, StubRelease, load_text, make_source

VARIANTS = """
[[advance.variants]]
name = "short"
json = { note = { by = "ann", marker = "{marker}" } }
[[advance.variants]]
headers = { X-Reason = "long" }
"""
VARIED = RICH.replace("[[advance.edges]]", VARIANTS + "[[advance.edges]]")
NAMES = {"short", "2"}


@pytest.fixture
def target(tmp_path: Path) -> Target:
    return load_text(tmp_path / "target", VARIED)


def test_a_variant_stands_over_the_request(target: Target) -> None:
    route = find_route(target, Call(route="advance", origin="A", to="B"))
    short = target.build_advance(route, "acme", "7", "A", "B", "r", "m", variant="short")
    long = target.build_advance(route, "acme", "7", "A", "B", "r", "m", variant="2")
    assert json.loads(short.body) == {"expected": "A", "next": "B", "note": {"by": "ann", "marker": "m"}}
    assert json.loads(long.body) == {"expected": "A", "next": "B"}
    assert dict(long.headers)["X-Reason"] == "long"
    assert target.build_advance(route, "acme", "7", "A", "B", "r", "m") == short, "the first one where none is named"


def test_what_a_request_expects_does_not_depend_on_its_variant(target: Target, tmp_path: Path) -> None:
    plain = load_text(tmp_path / "plain", RICH)
    for route, other in zip(target.routes, plain.routes, strict=True):
        assert target.expected_by(route, "A", "X") == plain.expected_by(other, "A", "X")


def test_calls_are_spread_in_turn(target: Target) -> None:
    calls = [Call(route="advance", origin="A", to="B")] * 4
    assert [call.variant for call in spread(target, calls)] == ["short", "2", "short", "2"]
    assert [call.variant for call in spread(target, calls, 1)] == ["2", "short", "2", "short"]
    assert spread(target, [Call(), Call(write="note")]) == (Call(), Call(write="note"))
    keyed = Call(route="advance", origin="A", to="B", key="k")
    assert spread(target, [keyed, keyed]) == (keyed, keyed), "one key is one request"


def list_variants(target: Target, folder: Path) -> list[list[str]]:
    source = make_source(folder, target, Engine(target.graph), {"same-transition": 5})
    scripts = list(islice(source.draw(SCENARIOS["same-transition"]), 3))
    source.asker.end()
    return [[call.variant for call in round_.calls] for script in scripts for round_ in script.rounds]


def test_contenders_of_load_are_spread_by_the_seed(target: Target, tmp_path: Path) -> None:
    drawn = list_variants(target, tmp_path / "a")
    assert drawn == list_variants(target, tmp_path / "b")
    assert all(set(variants) == NAMES for variants in drawn)
    assert {variants[0] for variants in drawn} == NAMES


def test_branches_and_pairings_are_spread(target: Target, tmp_path: Path) -> None:
    plan = next(plan for plan in list_pinned(target) if plan.name == "one edge, by advance")
    assert {branch[0].variant for branch in plan.branches} == NAMES
    save_plan(plan, tmp_path / "plan.json")
    assert load_plan(tmp_path / "plan.json", target) == plan
    drawn: list[ParallelPlan] = []
    generate_plans(target, 7, 10, drawn.append)
    assert {call.variant for plan in drawn for branch in plan.branches for call in branch if call.route} == NAMES
    for pairing in [*list_pairings(target), *list_apart(target, 8)]:
        assert [call.variant for call in pairing.calls if call.route] == ["short", "2"][
            : sum(bool(c.route) for c in pairing.calls)
        ]


def test_a_replay_sends_the_same_variants(target: Target) -> None:
    pairing = list_pairings(target)[0]
    actions = make_exploration(pairing, 0, 0, exhausted=True).actions
    assert [action.variant for action in actions] == ["short", "2"]
    requests = tuple(
        RaceRequest(name, each.tenant, each.route, each.origin, each.to, variant=each.variant)
        for name, each in zip("AB", actions, strict=True)
    )
    race = Race(RACE_FORMAT, "small", "", pairing.state, requests, "AB", ())
    assert read_pairing(race).calls == pairing.calls
    assert isinstance(actions[0], Action)


def test_the_sequential_machine_sends_each_variant(target: Target, tmp_path: Path) -> None:
    sent: set[str] = set()

    def twist(request: Any, answer: Any) -> Any:
        sent.add("2" if "X-Reason" in dict(request.headers) else "short" if b"note" in request.body else "")
        return answer

    release: Any = StubRelease(Engine(target.graph, twist))
    machine = WorkflowMachine(Asker(target, release, Journal(tmp_path / "s.jsonl"), "sequential"), None)
    machine.create_one(1)
    machine.advance_legally(which=0, hops=[(1, 0)] * 4)
    assert sent >= NAMES


def test_a_plan_with_a_variant_that_is_not_there_is_refused(target: Target, tmp_path: Path) -> None:
    call = '{"route": "advance", "from": "A", "to": "B", "variant": "loud"}'
    (tmp_path / "plan.json").write_text(f'{{"branches": [[{call}], [{{}}]]}}')
    with pytest.raises(PlanError, match="has no variant 'loud'"):
        load_plan(tmp_path / "plan.json", target)


MISTAKES: dict[str, Callable[[str], str]] = {
    "advance.variants[1].name: 'short' is the name of another variant, too": lambda text: text.replace(
        'headers = { X-Reason = "long" }', 'name = "short"'
    ),
    "advance.variants[0]: replaces {next}, which the request of 'advance' carries": lambda text: text.replace(
        "json = { note", 'json = { next = "C", note'
    ),
    "advance.variants[0]: {colour} means nothing here": lambda text: text.replace('by = "ann"', 'by = "{colour}"'),
    "advance.variants[1].headers.'X Reason': is no name of a header": lambda text: text.replace(
        "X-Reason", '"X Reason"'
    ),
    "advance.variants[0].json: must be a table": lambda text: text.replace(
        'json = { note = { by = "ann", marker = "{marker}" } }', "json = 1"
    ),
    "advance.variants[1].query: must be a table": lambda text: text.replace(
        'headers = { X-Reason = "long" }', "query = 1"
    ),
    "advance.variants[1].headers.X-Reason: the environment variable NO_REASON is not set": lambda text: text.replace(
        '"long"', '"${NO_REASON}"'
    ),
}


@pytest.mark.parametrize("sentence", MISTAKES)
def test_a_mistake_is_one_sentence(sentence: str, tmp_path: Path) -> None:
    with pytest.raises(TargetError) as caught:
        load_text(tmp_path, MISTAKES[sentence](VARIED))
    assert sentence in str(caught.value)


def test_without_variants_nothing_changes(tmp_path: Path) -> None:
    small = load_text(tmp_path, SMALL)
    calls = (Call(route="advance", origin="A", to="B"),)
    assert spread(small, calls) == calls
