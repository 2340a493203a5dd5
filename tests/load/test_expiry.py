"""Goal: the scenario `expiry` meets the moment of a move without a request, and shows engines that are wrong there.

Method: stub engines that count the time of a clock of the test's own, which waiting moves on.
"""

import json
import random
from pathlib import Path

import pytest

from engine.target.graph import TransitionGraph
from engine.target.http_answer import Answer
from engine.target.target import Target
from engine.target.template import Request
from load.scenarios.expiry import SCENARIO, WORKFLOWS, find_obstacle
from load.tally import describe_group
from reports.judge.verdict import Verdict
from tests.load.stub import SMALL, Engine, judge_folder, load_text, make_answer, make_source

HOLD_S = 0.4
HOLD_NS = int(HOLD_S * 1e9)
HOLDS = (
    SMALL.replace("[create]", f'[[workflow.timed]]\nfrom = "A"\nto = "E"\nafter_s = {HOLD_S}\n[create]', 1)
    + '[audit]\nrequest = { method = "GET", path = "/w/{id}/trail" }\nentries = "rows"\nfrom = "from"\nto = "to"\n'
)
LATEST_NS = 60_000_000


class FakeTime:
    """A clock that goes on by a moment at each look, and by all that anything waits."""

    now = 10**12

    def monotonic_ns(self) -> int:
        self.now += 1000
        return self.now

    def monotonic(self) -> float:
        return self.monotonic_ns() / 1e9

    def sleep(self, seconds: float) -> None:
        self.now += int(seconds * 1e9)


class Holds(Engine):
    """Its holds end some time after HOLD_NS, with a row, before it answers anything."""

    least_ns, writes_row = HOLD_NS, True

    def __init__(self, graph: TransitionGraph, clock: FakeTime) -> None:
        super().__init__(graph)
        self.clock, self.ends, self.rng = clock, dict[str, int](), random.Random(3)

    def decide(self, request: Request) -> Answer:
        now = self.clock.monotonic_ns()
        for name, state in self.states.items():
            end = self.ends.setdefault(name, now + self.least_ns + self.rng.randrange(LATEST_NS))
            if now >= end and self.lapses(state):
                self.lapse(name, state)
        answer = super().decide(request)
        for name in self.states:
            self.ends.setdefault(name, now + self.least_ns + self.rng.randrange(LATEST_NS))
        return answer

    def lapses(self, state: str) -> bool:
        return state == "A"

    def lapse(self, name: str, state: str) -> None:
        self.states[name] = "E"
        if self.writes_row:
            self.trails[name].append({"from": state, "to": "E"})


class Lazy(Holds):
    writes_row = False


class TooEarly(Holds):
    least_ns = HOLD_NS * 3 // 4


class Undoes(Holds):
    """Its holds end also after they were confirmed."""

    def lapses(self, state: str) -> bool:
        return state != "E"


class Forgets(Holds):
    """It shows that a hold has ended, and still lets it be taken."""

    def move(self, name: str, request: Request) -> Answer:
        if self.states[name] == "E":
            self.states[name] = "A"
        return super().move(name, request)


@pytest.fixture
def holds(tmp_path: Path) -> Target:
    return load_text(tmp_path / "target", HOLDS)


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> FakeTime:
    clock = FakeTime()
    monkeypatch.setattr("load.script_run.time", clock)
    for place in ("load.client.trails", "load.client.asker", "load.client.read_retry", "tests.load.stub"):
        monkeypatch.setattr(f"{place}.now_ns", clock.monotonic_ns, raising=False)
    return clock


def press(folder: Path, target: Target, engine: Holds, races: int = 24) -> tuple[Verdict, set[str]]:
    source = make_source(folder, target, engine, {"expiry": races})
    for _ in source.run():
        continue
    source.finish()
    judgement = judge_folder(folder, target)
    assert judgement.counts["races"] == races
    return judgement.verdict, {check.check for check in judgement.checks if check.verdict is Verdict.FAIL}


@pytest.mark.parametrize("kind", [Holds, Lazy])
def test_a_right_engine_passes(kind: type[Holds], holds: Target, clock: FakeTime, tmp_path: Path) -> None:
    assert press(tmp_path / "h", holds, kind(holds.graph, clock)) == (Verdict.PASS, set())


@pytest.mark.parametrize(("kind", "check"), [(TooEarly, "linearizable"), (Undoes, "audit"), (Forgets, "linearizable")])
def test_a_broken_one_fails(kind: type[Holds], check: str, holds: Target, clock: FakeTime, tmp_path: Path) -> None:
    assert check in press(tmp_path / "h", holds, kind(holds.graph, clock))[1]


def test_races_begin_around_the_moment(holds: Target) -> None:
    script = next(SCENARIO.draw_scripts(holds, random.Random(1), 5))
    raced = [round_.wait_s for round_ in script.rounds if round_.races]
    assert len(raced) == WORKFLOWS - 1
    assert all(abs(wait_s - HOLD_S) < 0.1 for wait_s in raced[:-1])
    assert min(round_.wait_s for round_ in script.rounds) == 0
    assert [round_.wait_s for round_ in script.rounds] == sorted(round_.wait_s for round_ in script.rounds)


def test_a_race_that_all_lose_is_no_violation(holds: Target) -> None:
    script = next(SCENARIO.draw_scripts(holds, random.Random(1), 5))
    [group] = [group for round_ in script.rounds[-1:] for group in round_.groups if group.is_race]
    assert not describe_group(group, ["conflict"] * 5)
    assert describe_group(group, ["won"] * 2).startswith("2 of 2 requests for ")


def test_a_target_without_the_means_says_so(tmp_path: Path) -> None:
    assert "no move without a request" in str(find_obstacle(load_text(tmp_path / "a", SMALL)))
    long = load_text(tmp_path / "b", HOLDS.replace(str(HOLD_S), "60"))
    assert find_obstacle(long) == "the first move without a request comes after 60 s; let the service have at most 3"


def test_a_state_that_is_left_before_a_read_can_show_it_does_not_end_the_scenario(
    clock: FakeTime, tmp_path: Path
) -> None:
    """B is left at once, by a move of the service's own."""
    target = load_text(tmp_path / "target", HOLDS.replace('from = "A"', 'from = "B"').replace(str(HOLD_S), "0"))

    class GoesOn(Holds):
        def move(self, name: str, request: Request) -> Answer:
            answer = super().move(name, request)
            if self.states[name] == "B":
                self.lapse(name, "B")
            return answer

        def lapses(self, state: str) -> bool:  # noqa: ARG002 - at once, or never
            return False

    assert press(tmp_path / "h", target, GoesOn(target.graph, clock)) == (Verdict.PASS, set())


# B is left without a request alone, for E, from which requests lead on.
BEHIND = (
    HOLDS.replace('from = "A"', 'from = "B"')
    .replace('A = ["B", "X"]', 'A = ["B"]')
    .replace('B = ["C", "D"]', 'E = ["C"]')
)


class GoesOnLater(Holds):
    def move(self, name: str, request: Request) -> Answer:
        before, answer = self.states[name], super().move(name, request)
        if before != self.states[name]:
            self.ends[name] = self.clock.monotonic_ns() + self.least_ns + self.rng.randrange(LATEST_NS)
        return answer

    def lapses(self, state: str) -> bool:
        return state == "B"


class WinsOften(GoesOnLater):
    """It is right but for the move behind the one that no request makes."""

    def move(self, name: str, request: Request) -> Answer:
        if self.states[name] == "C" and json.loads(request.body)["next"] == "C":
            return make_answer(200, state="C")
        return super().move(name, request)


@pytest.mark.parametrize("scenario", ["same-transition", "pipelines", "side-by-side", "hot-and-cold", "lone-moves"])
def test_moves_behind_one_that_no_request_makes_are_raced(scenario: str, clock: FakeTime, tmp_path: Path) -> None:
    target = load_text(tmp_path / "target", BEHIND)
    found = {}
    for kind in (GoesOnLater, WinsOften):
        folder = tmp_path / kind.__name__
        source = make_source(folder, target, kind(target.graph, clock), {scenario: 24})
        for _ in source.run():
            continue
        source.finish()
        assert source.ended == "complete"
        found[kind] = judge_folder(folder, target).verdict
    assert found[GoesOnLater] is Verdict.PASS
    assert scenario == "lone-moves" or found[WinsOften] is Verdict.FAIL


def test_contenders_race_for_what_follows_the_move_without_a_request(clock: FakeTime, tmp_path: Path) -> None:
    """As for a seat whose hold has ended."""
    target = load_text(tmp_path / "target", BEHIND.replace('A = ["B"]', 'A = ["B"]\nB = ["D"]'))
    assert press(tmp_path / "right", target, GoesOnLater(target.graph, clock)) == (Verdict.PASS, set())
    assert "one-winner" in press(tmp_path / "wrong", target, WinsOften(target.graph, clock))[1]


def test_a_plan_waits_only_for_moves_that_lead_on_and_come_soon(tmp_path: Path) -> None:
    late = BEHIND.replace(f"after_s = {HOLD_S}", "after_s = 30")
    asked_for = BEHIND.replace('A = ["B"]', 'A = ["B", "E"]')
    for number, (text, is_waited) in enumerate([(BEHIND, True), (late, False), (asked_for, False), (HOLDS, False)]):
        target = load_text(tmp_path / f"{number}", text)
        assert bool(target.walked.timed) == is_waited
        assert (target.walked.path("A", "D") is not None) == (text != late)
