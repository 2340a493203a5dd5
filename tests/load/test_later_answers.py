"""Goal: an answer that comes later ends its operation: the interval is the whole time, and the poll tells the outcome.

Method: an engine in memory that accepts moves as jobs and carries a job out when it is asked about it for the nth time;
right ones, and ones that carry out a job twice, forget jobs, or fail while they are asked.
"""

from pathlib import Path

import pytest

from engine.target.http_answer import Answer
from engine.target.template import Request
from load.client.asker import Asker
from load.scenarios import SCENARIOS
from reports.history import events
from reports.history.history import read_history
from reports.history.journal import Journal
from reports.judge.judge import judge
from reports.judge.verdict import Verdict
from tests.load.stub import RICH, SMALL, Engine, StubRelease, judge_folder, load_text, make_answer, make_source

LATER = """accepted = [202]
save = { job = "job" }
poll = { request = { method = "GET", path = "/jobs/{job}" }, won = [{ status = 200, when = "done == 'won'" }], \
conflict = [{ status = 200, when = "done == 'lost'" }], won_state = "state", current_state = "state", every_s = 0.001 }
"""
TEXT = SMALL.replace('current_state = "state"\n', LATER)
RICH_TEXT = RICH.replace('current_state = "state"\n', LATER)


class Later(Engine):
    """Accepts each move of the owner as a job, and carries it out when it is polled for the second time."""

    polls_needed = 2

    def __init__(self, *given: object) -> None:
        super().__init__(*given)  # type: ignore[arg-type]
        self.jobs: list[tuple[str, Request]] = []
        self.asked: dict[int, int] = {}
        self.results: dict[int, Answer] = {}

    def decide(self, request: Request) -> Answer:
        parts = request.path.strip("/").split("/")
        if parts[0] == "jobs":
            return self.poll(int(parts[1]))
        is_move = request.method == "POST" and len(parts) > 1
        if not is_move or self.owners[parts[1]] != dict(request.headers)["Tenant"]:
            return super().decide(request)
        self.jobs.append((parts[1], request))
        return make_answer(202, job=len(self.jobs) - 1)

    def poll(self, job: int) -> Answer:
        self.asked[job] = self.asked.get(job, 0) + 1
        if self.asked[job] < self.polls_needed:
            return make_answer(200, done=None)
        if job not in self.results:
            self.results[job] = self.carry_out(*self.jobs[job])
        state = self.states[self.jobs[job][0]]
        return make_answer(200, done="won" if self.results[job].status == 200 else "lost", state=state)

    def carry_out(self, name: str, request: Request) -> Answer:
        return self.move(name, request)


class Careless(Later):
    """Every job wins."""

    def carry_out(self, name: str, request: Request) -> Answer:
        self.move(name, request)
        return make_answer(200)


class Forgetful(Later):
    """No poll tells anything."""

    def poll(self, job: int) -> Answer:  # noqa: ARG002 - it is forgotten
        return make_answer(404)


class Troubled(Later):
    """The first poll of each job is answered by a server error."""

    def poll(self, job: int) -> Answer:
        answer = super().poll(job)
        return answer if self.asked[job] > 1 else make_answer(503)


def make_asker(folder: Path, kind: type[Later], text: str = TEXT) -> tuple[Asker, str]:
    target = load_text(folder / "target", text)
    asker = Asker(target, StubRelease(kind(target.graph)), Journal(folder / "h" / "race-0.0.jsonl"))  # type: ignore[arg-type]
    workflow = asker.create("acme")
    assert workflow is not None
    return asker, workflow


def race(asker: Asker, workflow: str, *moves: tuple[str, str]) -> list[str]:
    route = asker.target.routes_for("A", "B")[-1]
    asks = [asker.advance_ask(workflow, "acme", route, *move) for move in moves]
    return [reply.outcome for reply in asker.race(asks, f"{workflow}.0")]


def test_the_poll_tells_and_the_interval_is_the_whole_time(tmp_path: Path) -> None:
    asker, workflow = make_asker(tmp_path, Later)
    assert sorted(race(asker, workflow, ("A", "B"), ("A", "B"), ("A", "X"))) == ["conflict", "conflict", "won"]
    assert asker.read(workflow, "acme").classified.observed in ("B", "X")
    asker.end()
    history = read_history(tmp_path / "h")
    moves = [record for record in history.rows(range(4)) if record.kind == "advance"]
    assert {record.status for record in moves} == {200}, "that of the poll"
    for record in moves:
        accepted_ns = record.read_detail().accepted_ns
        assert record.returned_ns is not None
        assert record.invoked_ns <= accepted_ns < record.returned_ns
    # All of them were in flight at one time: each was released before any poll told an outcome.
    assert max(record.invoked_ns for record in moves) < min(record.returned_ns or 0 for record in moves)
    assert judge(history, asker.target.graph).verdict is Verdict.PASS


def test_contenders_ask_about_their_own_jobs(tmp_path: Path) -> None:
    asker, workflow = make_asker(tmp_path, Later)
    race(asker, workflow, ("A", "B"), ("A", "B"))
    engine = asker.release.engine  # type: ignore[attr-defined]
    assert engine.asked == {0: 2, 1: 2}
    assert asker.values.list("acme", "", workflow)["job"] in (0, 1), "that of the winner"


def test_two_jobs_that_are_both_carried_out_are_two_winners(tmp_path: Path) -> None:
    asker, workflow = make_asker(tmp_path, Careless, TEXT.replace('won_state = "state", ', ""))
    assert race(asker, workflow, ("A", "B"), ("A", "B")) == ["won", "won"]
    asker.end()
    judged = judge(read_history(tmp_path / "h"), asker.target.graph)
    assert {check.check for check in judged.checks if check.verdict is Verdict.FAIL} >= {"one-winner", "linearizable"}


def test_a_state_that_the_poll_tells_is_checked(tmp_path: Path) -> None:
    asker, workflow = make_asker(tmp_path, Careless)
    race(asker, workflow, ("A", "B"), ("A", "X"))
    asker.end()
    contract = {check.check: check for check in judge(read_history(tmp_path / "h"), asker.target.graph).checks}[
        "contract"
    ]
    assert contract.verdict is Verdict.FAIL
    assert "the move leads to" in contract.findings[0].title + contract.findings[0].words


def test_a_poll_that_never_tells_is_unknown(tmp_path: Path) -> None:
    asker, workflow = make_asker(tmp_path, Forgetful, TEXT.replace("every_s", "timeout_s = 0.01, every_s"))
    [reply] = asker.race([asker.advance_ask(workflow, "acme", asker.target.routes_for("A", "B")[-1], "A", "B")], None)
    assert (reply.outcome, reply.exchange.returned_ns) == ("unknown", None)
    assert reply.classified.message == (
        "it was accepted (202), and no poll told the outcome within 0.01 s; the last one was answered 404"
    )
    assert not asker.went_unanswered, "the service is there"
    asker.end()
    assert judge(read_history(tmp_path / "h"), asker.target.graph).verdict is Verdict.PASS


def test_an_answer_that_is_not_done_tells_nothing_yet(tmp_path: Path) -> None:
    text = TEXT.replace("every_s", 'done = [{ status = 200, when = "done" }], every_s').replace(
        "done == 'won'", "done != 'lost'"
    )
    asker, workflow = make_asker(tmp_path, Later, text)
    assert sorted(race(asker, workflow, ("A", "B"), ("A", "B"))) == ["conflict", "won"]


def test_what_the_poll_saves_goes_before_what_the_first_answer_gave(tmp_path: Path) -> None:
    text = TEXT.replace('save = { job = "job" }', 'save = { job = "job", place = "job" }')
    asker, workflow = make_asker(tmp_path, Later, text.replace("every_s", 'save = { place = "state" }, every_s'))
    race(asker, workflow, ("A", "B"))
    assert asker.values.list("acme", "", workflow) == {"job": 0, "place": "B"}


def test_a_server_error_of_a_poll_is_no_outcome_and_is_in_the_history(tmp_path: Path) -> None:
    asker, workflow = make_asker(tmp_path, Troubled)
    assert race(asker, workflow, ("A", "B")) == ["won"]
    asker.end()
    history = read_history(tmp_path / "h")
    assert [event.check for event in history.having(events.Probe)] == ["no-5xx"]
    failed = [check.check for check in judge(history, asker.target.graph).checks if check.verdict is Verdict.FAIL]
    assert failed == ["no-5xx"]


def test_what_the_first_answer_tells_needs_no_poll(tmp_path: Path) -> None:
    asker, _ = make_asker(tmp_path, Later)
    asker.release.engine.decide = Engine(asker.target.graph).decide  # type: ignore[attr-defined]
    asker.server_ids.clear()
    again = asker.create("acme")
    assert again is not None
    assert race(asker, again, ("A", "B")) == ["won"]


@pytest.mark.parametrize("scenario", SCENARIOS)
def test_every_scenario_runs_with_answers_that_come_later(scenario: str, tmp_path: Path) -> None:
    target = load_text(tmp_path / "target", RICH_TEXT)
    if SCENARIOS[scenario].find_obstacle(target) is not None:
        return
    source = make_source(tmp_path / "h", target, Later(target.graph), {scenario: 8})
    list(source.run())
    source.finish()
    judgement = judge_folder(tmp_path / "h", target)
    assert judgement.verdict is Verdict.PASS, judgement
