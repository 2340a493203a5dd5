"""Goal: mixed pairings end in time, and a violation found until then is kept. Method: an engine in memory."""

import asyncio
from collections.abc import Callable
from itertools import count
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from engine.target.http_answer import Answer
from engine.target.target import Target
from engine.target.template import Request
from load.client.ask import expect_units
from stateful_tests.interleavings.mixed_pairings import count_held, find_violation, pairings_with_switches
from stateful_tests.interleavings.schedule import Trace
from stateful_tests.interleavings.unit_pairings import read_left
from tests.load.stub import SMALL, Engine, load_text, make_answer
from tests.load.unit_stub import JOBS, TOLD, VOUCHERS, UnitEngine
from tests.stateful_tests.stub import make_testbed

EXAMPLES = 30


def believe(request: Request, answer: Answer) -> Answer:
    """Answers every request that it won."""
    return make_answer(200) if answer.status == 409 else answer


async def search(
    folder: Path, go_on: Callable[[], bool], twist: Callable[[Request, Answer], Answer] | None = None
) -> tuple[Trace | None, int]:
    target = load_text(folder, SMALL)
    return await search_engine(folder, target, Engine(target.graph, twist), go_on)


async def search_engine(
    folder: Path, target: Target, engine: Engine | UnitEngine, go_on: Callable[[], bool]
) -> tuple[Trace | None, int]:
    testbed = make_testbed(folder, target, engine)  # type: ignore[arg-type]
    try:
        return await asyncio.to_thread(find_violation, testbed, asyncio.get_running_loop(), EXAMPLES, 1, go_on)
    finally:
        testbed.asker.factory.queues.forget(testbed.asker.factory.queues.holder)


def last(calls: int) -> Callable[[], bool]:
    """Time for that many schedules."""
    asked = count()
    return lambda: next(asked) < calls


def test_all_examples_of_a_right_engine_are_run(tmp_path: Path) -> None:
    assert asyncio.run(search(tmp_path, lambda: True)) == (None, EXAMPLES)


@pytest.mark.parametrize("calls", [0, 4])
def test_no_example_is_run_when_the_time_is_up(tmp_path: Path, calls: int) -> None:
    assert asyncio.run(search(tmp_path, last(calls))) == (None, calls)


def test_a_violation_is_shrunk(tmp_path: Path) -> None:
    trace, _ = asyncio.run(search(tmp_path, lambda: True, believe))
    assert trace is not None
    assert len(trace.pairing.calls) == 2


@pytest.mark.parametrize("times", [1, 2, 3])
def test_a_violation_that_does_not_come_again_is_one_all_the_same(times: int, tmp_path: Path) -> None:
    lies = iter(range(times))

    def believe_at_first(request: Request, answer: Answer) -> Answer:
        told = believe(request, answer)
        return told if told == answer or next(lies, None) is not None else answer

    trace, _ = asyncio.run(search(tmp_path, lambda: True, believe_at_first))
    assert trace is not None


def test_a_violation_found_before_the_time_was_up_is_kept(tmp_path: Path) -> None:
    """However far Hypothesis had shrunk it."""
    _, whole = asyncio.run(search(tmp_path / "whole", lambda: True, believe))
    ended = [asyncio.run(search(tmp_path / str(calls), last(calls), believe)) for calls in range(whole)]
    assert [tried for _, tried in ended] == list(range(whole))
    has_found = [trace is not None for trace, _ in ended]
    assert has_found == sorted(has_found)
    assert has_found.count(True) > 1


@pytest.mark.parametrize("text", [VOUCHERS, TOLD, JOBS], ids=["vouchers", "told", "jobs"])
def test_takes_and_give_backs_of_a_right_engine_pass(text: str, tmp_path: Path) -> None:
    target = load_text(tmp_path, text)
    assert asyncio.run(search_engine(tmp_path, target, UnitEngine(), lambda: True)) == (None, EXAMPLES)


@pytest.mark.parametrize(
    ("text", "mistake", "kinds"),
    [
        (VOUCHERS, "oversells", {"takes"}),
        (VOUCHERS, "loses a give-back", {"gives_back"}),
        (VOUCHERS, "gives back again", {"gives_back"}),
        (TOLD, "oversells", {"takes"}),
        (JOBS, "gives one twice", {"takes"}),
    ],
)
def test_a_violation_with_units_is_shrunk(text: str, mistake: str, kinds: set[str], tmp_path: Path) -> None:
    """Each is left with two requests, the fewest that a pairing has; among them is what the mistake is about."""
    target = load_text(tmp_path, text)
    trace, _ = asyncio.run(search_engine(tmp_path, target, UnitEngine(mistake), lambda: True))
    assert trace is not None
    assert len(trace.pairing.calls) == 2
    assert any(getattr(call, kind) for call in trace.pairing.calls for kind in kinds)


@given(data=st.data())
@settings(max_examples=200, deadline=None)
def test_each_give_back_has_a_unit_that_is_held(data: st.DataObject, tmp_path_factory: pytest.TempPathFactory) -> None:
    target = load_text(tmp_path_factory.mktemp("target"), VOUCHERS)
    pairing, _ = data.draw(pairings_with_switches(target))
    left = read_left(target, pairing.state)
    assert left is not None
    assert left + count_held(pairing.calls) <= expect_units(target)
    assert {call.tenant for call in pairing.calls if call.gives_back} <= {target.owner}
