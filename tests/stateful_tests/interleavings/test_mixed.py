"""Goal: mixed pairings end in time, and a violation found until then is kept. Method: an engine in memory."""

import asyncio
from collections.abc import Callable
from itertools import count
from pathlib import Path

import pytest

from engine.target.http_answer import Answer
from engine.target.template import Request
from stateful_tests.interleavings.mixed import find_violation
from stateful_tests.interleavings.schedule import Trace
from tests.load.stub import SMALL, Engine, load_text, make_answer
from tests.stateful_tests.stub import make_testbed

EXAMPLES = 30


def believe(request: Request, answer: Answer) -> Answer:
    """Answers every request that it won."""
    return make_answer(200) if answer.status == 409 else answer


async def search(
    folder: Path, go_on: Callable[[], bool], twist: Callable[[Request, Answer], Answer] | None = None
) -> tuple[Trace | None, int]:
    target = load_text(folder, SMALL)
    testbed = make_testbed(folder, target, Engine(target.graph, twist))
    return await asyncio.to_thread(find_violation, testbed, asyncio.get_running_loop(), EXAMPLES, 1, go_on)


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


def test_a_violation_found_before_the_time_was_up_is_kept(tmp_path: Path) -> None:
    """However far Hypothesis had shrunk it."""
    _, whole = asyncio.run(search(tmp_path / "whole", lambda: True, believe))
    ended = [asyncio.run(search(tmp_path / str(calls), last(calls), believe)) for calls in range(whole)]
    assert [tried for _, tried in ended] == list(range(whole))
    has_found = [trace is not None for trace, _ in ended]
    assert has_found == sorted(has_found)
    assert has_found.count(True) > 1
