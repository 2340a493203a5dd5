"""Goal: a service that answers no more ends a source within a few timeouts; a slow, busy or stuck one never does.

Method: an engine in memory that stops answering, and a clock that passes by a timeout for each release of requests that
it does not answer.
"""

import fcntl
from pathlib import Path

import pytest

from engine.target.http_answer import Answer
from engine.target.template import Request
from load.client.asker import Asker
from load.client.silence import TIMEOUTS_MIN, UNANSWERED_MIN
from load.scenarios import SCENARIOS
from reports.history.history import read_history
from reports.history.journal import Journal
from reports.judge.verdict import Verdict
from tests.load.silent_engine import TIMED_OUT, Clock, SlowRelease, Twist, answer_first, stop_time
from tests.load.stub import RICH, Engine, judge_folder, load_text, make_answer, make_source
from tests.load.unit_stub import JOBS, VOUCHERS, UnitEngine

OF_UNITS = [name for name, scenario in SCENARIOS.items() if scenario.takes]


class SilentUnits(UnitEngine):
    """A right engine of vouchers and of jobs that stops answering."""

    def __init__(self, twist: Twist) -> None:
        super().__init__()
        self.twist = twist

    def answer(self, request: Request) -> Answer:
        return self.twist(request, super().answer(request))


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    return stop_time(monkeypatch)


def make_asker(folder: Path, clock: Clock, twist: Twist, text: str = RICH) -> Asker:
    target = load_text(folder / "target", text)
    release = SlowRelease(Engine(target.graph, twist), clock)
    return Asker(target, release, Journal(folder / "h" / "race-0.0.jsonl"))  # type: ignore[arg-type]


@pytest.mark.parametrize("creates", [True, False])
def test_a_service_that_answers_no_advance_any_more(tmp_path: Path, clock: Clock, *, creates: bool) -> None:
    """It answers reads. Where the create of the check is refused, too, nothing is certain."""
    asked = 0

    def twist(request: Request, answer: Answer) -> Answer:
        nonlocal asked
        asked += request.path == "/w"
        if request.path == "/w" and asked > 2 and not creates:
            return make_answer(404)
        return TIMED_OUT if request.path.endswith("/advance") else answer

    asker = make_asker(tmp_path, clock, twist)
    route = asker.target.routes_for("A", "B")[-1]
    for workflow in [asker.create("acme"), asker.create("acme")]:
        assert workflow is not None
        for _ in range(UNANSWERED_MIN // 2):
            asker.ask(asker.advance_ask(workflow, "acme", route, "A", "B"))
            assert asker.read(workflow, "acme").outcome == "ok"
    assert asker.silence.is_certain is creates
    asked_before = asker.asked
    asker.check_silence()
    assert asker.asked == asked_before, "it is not checked again"


@pytest.mark.parametrize(
    ("name", "text"),
    [(name, RICH) for name in SCENARIOS if name not in ("stale-version", "no-version", "expiry", "same-key", *OF_UNITS)]
    + [(name, f"{VOUCHERS}returns_after_s = 0\n" if name == "returned-units" else VOUCHERS) for name in OF_UNITS],
)
def test_a_source_ends_when_the_service_answers_no_more(name: str, text: str, tmp_path: Path, clock: Clock) -> None:
    rich, answer = load_text(tmp_path / "target", text), answer_first(200)
    engine = Engine(rich.graph, answer) if text is RICH else SilentUnits(answer)
    source = make_source(tmp_path / "h", rich, engine, {name: 10_000})  # type: ignore[arg-type]
    source.asker.release = SlowRelease(source.asker.release.engine, clock)  # type: ignore[attr-defined, assignment]
    source.asker.trails.retry.release = source.asker.release
    for _ in source.run():
        continue
    source.finish()
    assert source.ended == "silent"
    judgement = judge_folder(tmp_path / "h", rich)
    assert judgement.verdict is Verdict.UNKNOWN
    assert judgement.reason.count("the service stopped answering") == 1
    assert "10,000 rounds" in judgement.reason or "10,000 races" in judgement.reason
    assert "(race: the service answers no more)" in judgement.reason
    assert {check.check: check.verdict for check in judgement.checks}["accounting"] is Verdict.PASS
    assert clock.now_s < 20 * 5.0


def test_a_queue_that_cannot_be_made_is_free_for_other_sources(tmp_path: Path, clock: Clock) -> None:
    jobs = load_text(tmp_path / "target", JOBS)
    source = make_source(tmp_path / "h", jobs, SilentUnits(answer_first(200)), {"last-unit": 10_000})  # type: ignore[arg-type]
    source.asker.release = SlowRelease(source.asker.release.engine, clock)  # type: ignore[attr-defined, assignment]
    for _ in source.run():
        continue
    source.finish()
    assert source.ended == "gave up"
    assert judge_folder(tmp_path / "h", jobs).verdict is Verdict.UNKNOWN
    with (tmp_path / "h" / "ids" / "queue.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)


def test_a_queue_is_made_though_a_fault_left_dead_connections(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Each fails one request. What it did is not known, so no create tells from then on how many units there are."""
    monkeypatch.setattr("load.client.queue_maker.ATTEMPT_PAUSE_S", 0.0)
    asked = 0

    def twist(request: Request, answer: Answer) -> Answer:
        nonlocal asked
        asked += request.path == "/jobs"
        return Answer(None, error="closed") if 20 <= asked < 40 and request.path == "/jobs" else answer

    jobs = load_text(tmp_path / "target", JOBS)
    source = make_source(tmp_path / "h", jobs, SilentUnits(twist), {"last-unit": 12})  # type: ignore[arg-type]
    for _ in source.run():
        continue
    source.finish()
    assert source.ended == "complete"
    creates = read_history(tmp_path / "h").operations.filter(kind="create")
    assert set(creates["outcome"]) == {"ok"}
    assert 0 < creates["left"].null_count() < creates.height
    judgement = judge_folder(tmp_path / "h", jobs)
    assert {each.check: each.verdict for each in judgement.checks}["capacity"] is Verdict.PASS


@pytest.mark.parametrize("left", [0, 1, UNANSWERED_MIN - 1])
def test_a_service_that_answers_one_request_in_ten_lives(left: int, tmp_path: Path, clock: Clock) -> None:
    asked = 0

    def twist(_: Request, answer: Answer) -> Answer:
        nonlocal asked
        asked += 1
        return answer if asked % UNANSWERED_MIN == left else TIMED_OUT

    asker = make_asker(tmp_path, clock, twist)
    for _ in range(100):
        asker.create("acme")
    assert not asker.silence.is_certain
    assert asker.asked == 100, "no request more"


def test_one_workflow_whose_requests_wait_for_ever_is_no_silence(tmp_path: Path, clock: Clock) -> None:
    """Its row is locked, and reads wait for it as well. A create is answered."""
    asker = make_asker(tmp_path, clock, lambda request, answer: TIMED_OUT if "/w/0" in request.path else answer)
    workflow = asker.create("acme")
    assert workflow is not None
    route = asker.target.routes_for("A", "B")[-1]
    for ask in (asker.read_ask(workflow, "acme"), asker.advance_ask(workflow, "acme", route, "A", "B")):
        for _ in range(UNANSWERED_MIN):
            asker.ask(ask)
        assert not asker.silence.is_certain
    assert read_history(asker.journal.path).encoded["workflow"].n_unique() == 3, "it was asked for others"


def test_without_creates_one_workflow_is_not_enough(tmp_path: Path, clock: Clock) -> None:
    ids = '[create]\nids = ["1", "2"]\n'
    text = RICH.replace(RICH[RICH.index("[create]") : RICH.index("[read]")], ids)
    asker = make_asker(tmp_path, clock, lambda *_: TIMED_OUT, text)
    asker.server_ids |= {"one": "1", "two": "2"}
    asker.release.engine.states |= {"1": "A", "2": "A"}  # type: ignore[attr-defined]
    asker.release.engine.owners |= {"1": "acme", "2": "acme"}  # type: ignore[attr-defined]
    for workflow, is_certain in (("one", False), ("two", True)):
        for _ in range(UNANSWERED_MIN):
            asker.ask(asker.read_ask(workflow, "acme"))
        assert asker.silence.is_certain is is_certain


def test_many_requests_without_an_answer_in_a_short_time_are_no_silence(tmp_path: Path, clock: Clock) -> None:
    asker = make_asker(tmp_path, clock, answer_first(1))
    workflow = asker.create("acme")
    assert workflow is not None
    for _ in range(TIMEOUTS_MIN - 1):
        asker.race([asker.read_ask(workflow, "acme") for _ in range(UNANSWERED_MIN)], None)
        assert not asker.silence.is_certain
    asker.race([asker.read_ask(workflow, "acme")], None)
    assert asker.silence.is_certain
    assert workflow in asker.server_ids, "what asks goes on to know it"


def test_where_a_level_ends_fewer_requests_are_enough(tmp_path: Path, clock: Clock) -> None:
    asker = make_asker(tmp_path, clock, answer_first(0))
    for number in range(TIMEOUTS_MIN):
        assert not asker.silence.is_certain
        asker.check_silence(in_doubt=True)
        assert asker.asked == number, "no request more"
        asker.create("acme")
    asker.check_silence()
    assert not asker.silence.is_certain
    asker.check_silence(in_doubt=True)
    assert asker.silence.is_certain


@pytest.mark.parametrize("answer", [make_answer(503), Answer(None, error="the server closed the connection")])
def test_errors_and_ended_connections_are_signs_of_life(answer: Answer, tmp_path: Path, clock: Clock) -> None:
    asker = make_asker(tmp_path, clock, lambda *_: answer)
    for _ in range(5 * UNANSWERED_MIN):
        asker.create("acme")
        clock.now_s += 5.0
    assert not asker.silence.is_certain
