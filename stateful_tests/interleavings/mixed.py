"""Hypothesis draws who meets and in which order: requests and schedule together, so that a failure shrinks.

It shrinks to the fewest requests and the fewest switches: a drawn 0 lets whoever went last go on. Each example has a
journal of its own, so that the judge can be asked at once; then its lines join the level's.
"""

import asyncio
import tempfile
from collections.abc import Callable, Sequence
from pathlib import Path

from hypothesis import HealthCheck, Phase, given, seed, settings
from hypothesis import strategies as st
from msgspec.structs import replace

from engine.target.target import Target
from reports.history.history import read_history
from reports.history.journal import Journal
from reports.judge.judge import judge
from reports.judge.verdict import Verdict
from stateful_tests.interleavings.fresh_workflows import StateNotReachedError
from stateful_tests.interleavings.pairings import list_calls
from stateful_tests.interleavings.schedule import Choice, Choose, Option, Pairing, Trace
from stateful_tests.interleavings.testbed import Testbed

KIND = "drawn by Hypothesis"
REQUESTS_MAX = 3
SWITCHES_MAX = 12


class ViolationError(AssertionError):
    """The judge did not accept an example's history."""


@st.composite
def draw_meeting(draw: st.DrawFn, target: Target) -> tuple[Pairing, list[int]]:
    """Two or three requests that are legal in one state or right after it, as whichever tenant; and an order."""
    graph = target.graph
    states = [state for state in graph.states if list_calls(target, state, target.owner)]
    state = draw(st.sampled_from([each for each in states if graph.path(graph.initial, each)]))
    near = [state, *graph.successors.get(state, ())]
    calls = [call for each in near for call in list_calls(target, each, target.owner)]
    met = draw(st.lists(st.sampled_from(calls), min_size=2, max_size=REQUESTS_MAX))
    tenants = [draw(st.sampled_from(list(target.tenants))) for _ in met]
    asked = tuple(replace(call, tenant=tenant) for call, tenant in zip(met, tenants, strict=True))
    return Pairing(state, asked, KIND), draw(st.lists(st.integers(0, REQUESTS_MAX - 1), max_size=SWITCHES_MAX))


def turn(switches: Sequence[int]) -> Choose:
    """Chooses by numbers: so many places on from whoever went last, of those who are held."""
    left, last = list(switches), 0

    def choose(options: Sequence[Option]) -> Choice:
        nonlocal last
        tasks = sorted((option.task for option in options), key=lambda task: (task - last) % REQUESTS_MAX)
        last = tasks[(left.pop(0) if left else 0) % len(tasks)]
        return Choice(last)

    return choose


def find_violation(
    testbed: Testbed, loop: asyncio.AbstractEventLoop, examples: int, first_seed: int, go_on: Callable[[], bool]
) -> tuple[Trace | None, int]:
    """The smallest violating schedule of so many examples, None when there is none, and how many schedules were run.

    None is run any more when `go_on` says no. Not to be called on the loop. Raises StateNotReachedError.
    """
    failing: list[tuple[tuple[Pairing, list[int]], Trace]] = []
    unled: list[StateNotReachedError] = []
    tried = 0

    def find(drawn: tuple[Pairing, list[int]]) -> Trace | None:
        nonlocal tried
        if unled or not go_on():
            # Hypothesis asks for its smallest example once more, and must find it as it was.
            return failing[-1][1] if failing and failing[-1][0] == drawn else None
        tried += 1
        try:
            trace, verdict = asyncio.run_coroutine_threadsafe(run_aside(testbed, *drawn), loop).result()
        except StateNotReachedError as error:
            unled.append(error)
            return None
        return trace if verdict is Verdict.FAIL else None

    @seed(first_seed)
    @settings(
        max_examples=examples,
        deadline=None,
        database=None,
        report_multiple_bugs=False,
        suppress_health_check=list(HealthCheck),
        phases=(Phase.generate, Phase.shrink),
    )
    @given(draw_meeting(testbed.target))
    def try_one(drawn: tuple[Pairing, list[int]]) -> None:
        trace = find(drawn)
        if trace is not None:
            failing.append((drawn, trace))
            raise ViolationError(trace.order)

    try:
        try_one()
    except AssertionError:
        # Hypothesis ends with the smallest example.
        return failing[-1][1], tried
    if unled:
        raise unled[0]
    return None, tried


async def run_aside(testbed: Testbed, pairing: Pairing, switches: Sequence[int]) -> tuple[Trace, Verdict]:
    """One example, in a journal of its own until it is judged."""
    whole = testbed.asker.journal
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder, f"{whole.path.stem}.jsonl")
        with Journal(path) as aside:
            testbed.asker.journal = aside
            try:
                workflow = await testbed.fresh.make(pairing.state)
                trace = await testbed.run(pairing, turn(switches), workflow)
                await testbed.read()
            finally:
                testbed.asker.journal = whole
                whole.join(path)
        judgement = judge(read_history(path), testbed.target.graph)
    failed = any(check.verdict is Verdict.FAIL for check in judgement.checks)
    return trace, Verdict.FAIL if failed else Verdict.PASS
