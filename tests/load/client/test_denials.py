"""Goal: a client that was let in and is turned away later accuses no service; one that never was let in is refused.

Method: an engine in memory, right in all things, that stops letting a tenant in; what was asked is judged.
"""

from collections.abc import Callable
from pathlib import Path

import pytest

from engine.target.call import Call
from engine.target.classified_answer import classify_create
from engine.target.http_answer import Answer
from engine.target.target import Target
from engine.target.template import Request
from load.client.ask import bind
from load.client.asker import Asker
from onewinner.doctor.examination import Examination
from onewinner.doctor.questions import Questions
from reports.history.history import read_history
from reports.history.journal import Journal
from reports.judge.judge import judge
from reports.judge.verdict import Judgement, Verdict
from tests.load.stub import RICH, Engine, StubRelease, judge_folder, load_text, make_answer, make_source

TEXT = RICH.replace("refused = [404]", "refused = [401, 403, 404]")
SAID = "tenant acme was let in before and got 401: its credentials may have expired"


class Door:
    """Lets all clients in until it is shut for some requests: then they are answered with `status`."""

    def __init__(self, status: int = 401) -> None:
        self.status = status
        self.is_shut: Callable[[Request], bool] = lambda _: False

    def answer(self, request: Request, right: Answer) -> Answer:
        return make_answer(self.status) if self.is_shut(request) else right


def make_asker(folder: Path, door: Door) -> Asker:
    target = load_text(folder / "target", TEXT)
    release = StubRelease(Engine(target.graph, door.answer))
    return Asker(target, release, Journal(folder / "h" / "race-0.0.jsonl"))  # type: ignore[arg-type]


def create(asker: Asker, tenant: str = "acme") -> str:
    workflow = asker.create(tenant)
    assert workflow is not None
    return workflow


def move(asker: Asker, workflow: str, origin: str = "A", to: str = "B", tenant: str = "acme") -> str:
    target: Target = asker.target
    return asker.ask(asker.advance_ask(workflow, tenant, target.routes_for(origin, to)[-1], origin, to)).outcome


def judge_asker(asker: Asker) -> Judgement:
    asker.end()
    return judge(read_history(asker.journal.path), asker.target.graph)


def shut(door: Door, path: str = "") -> None:
    door.is_shut = lambda request: path in request.path


@pytest.mark.parametrize("status", [401, 403])
def test_a_legal_request_of_a_client_that_was_let_in_is_unknown(status: int, tmp_path: Path) -> None:
    door = Door(status)
    asker = make_asker(tmp_path, door)
    workflow = create(asker)
    shut(door)
    assert move(asker, workflow) == "unknown"
    assert asker.read(workflow, "acme").outcome == "unknown"
    assert asker.create("acme") is None
    judgement = judge_asker(asker)
    assert judgement.verdict is Verdict.UNKNOWN
    assert judgement.reason.startswith(SAID.replace("401", str(status)))


def test_the_last_request_alone_makes_the_run_unknown(tmp_path: Path) -> None:
    door = Door()
    asker = make_asker(tmp_path, door)
    for _ in range(60):
        move(asker, create(asker))
    shut(door)
    assert asker.create("acme") is None
    judgement = judge_asker(asker)
    assert (judgement.verdict, judgement.reason) == (Verdict.UNKNOWN, SAID)


@pytest.mark.parametrize("path", ["/trail", "/guard"])
def test_what_is_asked_beside_is_no_failure_either(path: str, tmp_path: Path) -> None:
    door = Door()
    asker = make_asker(tmp_path, door)
    workflow = create(asker)
    move(asker, workflow)
    assert asker.trail(workflow, "acme") is not None
    shut(door, path)
    assert asker.trail(workflow, "acme") is None or path != "/trail"
    asker.ask(bind(asker.target, Call(guard=asker.target.guards[0].name), workflow, "acme"))
    judgement = judge_asker(asker)
    assert judgement.verdict is Verdict.UNKNOWN
    assert judgement.reason.startswith(SAID)


def test_a_stranger_is_refused_after_it_was_let_in_elsewhere(tmp_path: Path) -> None:
    door = Door()
    asker = make_asker(tmp_path, door)
    workflow, _ = create(asker), create(asker, "globex")
    shut(door)
    assert move(asker, workflow, tenant="globex") == "refused"
    assert asker.read(workflow, "globex").outcome == "refused"


def test_a_client_in_its_own_workflow_is_no_stranger(tmp_path: Path) -> None:
    door = Door()
    asker = make_asker(tmp_path, door)
    workflow = create(asker, "globex")
    shut(door)
    assert move(asker, workflow, tenant="globex") == "unknown"


def test_an_illegal_request_may_be_forbidden_and_not_unauthorized(tmp_path: Path) -> None:
    door = Door(403)
    asker = make_asker(tmp_path, door)
    workflow = create(asker)
    shut(door)
    assert move(asker, workflow, "A", "D") == "refused"
    door.status = 401
    assert move(asker, workflow, "A", "D") == "unknown"


def test_a_client_that_never_was_let_in_is_refused(tmp_path: Path) -> None:
    door = Door()
    asker = make_asker(tmp_path, door)
    shut(door)
    assert asker.create("acme") is None
    lines = asker.journal.path.read_text()
    assert '"outcome":"refused"' in lines
    assert "access_denied" not in lines


def test_a_workflow_that_another_process_created_shows_that_the_client_was_let_in(tmp_path: Path) -> None:
    door = Door()
    asker = make_asker(tmp_path, door)
    created = asker.release.send(asker.target.build_create("acme", "elsewhere")).answer
    asker.server_ids["w"] = str(classify_create(asker.target, created).server_id)
    shut(door)
    assert move(asker, "w") == "unknown"


def test_one_move_that_is_always_forbidden_breaks_the_contract(tmp_path: Path) -> None:
    door = Door(403)
    asker = make_asker(tmp_path, door)
    door.is_shut = lambda request: b'"B"' in request.body
    assert move(asker, create(asker)) == "unknown", "its credentials may have expired"
    assert move(asker, create(asker), "A", "X") == "won"
    judgement = judge_asker(asker)
    assert judgement.verdict is Verdict.FAIL
    assert [check.check for check in judgement.checks if check.verdict is Verdict.FAIL] == ["contract"]
    assert "a legal request of the owner, was refused (403)" in judgement.findings[0].title


def test_a_tenant_that_may_never_read_breaks_the_contract(tmp_path: Path) -> None:
    door = Door(403)
    asker = make_asker(tmp_path, door)
    door.is_shut = lambda request: request.method == "GET"
    workflow = create(asker)
    assert asker.read(workflow, "acme").outcome == "unknown"
    assert move(asker, workflow) == "won"
    assert judge_asker(asker).reason == "contract failed"


@pytest.mark.parametrize("was_shown", [True, False])
def test_a_tenant_that_may_never_see_its_trail_breaks_the_contract(tmp_path: Path, *, was_shown: bool) -> None:
    """One that saw it before may have lost its credentials, for all that is known."""
    door = Door(403)
    asker = make_asker(tmp_path, door)
    if was_shown:
        assert asker.trail(create(asker), "acme") is not None
    shut(door, "/trail")
    workflow = create(asker)
    assert asker.trail(workflow, "acme") is None
    assert move(asker, workflow) == "won"
    judgement = judge_asker(asker)
    assert judgement.verdict is (Verdict.UNKNOWN if was_shown else Verdict.FAIL)
    if not was_shown:
        assert judgement.reason == "contract failed"
        assert f"The audit trail of workflow {workflow} was refused (403)." in judgement.findings[0].title


@pytest.mark.parametrize("was_asked", [True, False])
def test_credentials_that_expire_accuse_no_service_of_a_move_that_was_never_made(
    tmp_path: Path, *, was_asked: bool
) -> None:
    """Nothing is accepted afterwards; or the same move was accepted before."""
    door = Door(403)
    asker = make_asker(tmp_path, door)
    workflow = create(asker)
    if was_asked:
        assert move(asker, create(asker)) == "won"
    door.is_shut = lambda request: not was_asked or b'"B"' in request.body
    assert move(asker, workflow) == "unknown"
    read = asker.read(workflow, "acme").outcome
    assert read == ("ok" if was_asked else "unknown")
    judgement = judge_asker(asker)
    assert judgement.verdict is Verdict.UNKNOWN
    assert judgement.reason.startswith(SAID.replace("401", "403"))


def test_another_source_that_is_let_in_says_nothing_of_this_one(tmp_path: Path) -> None:
    door = Door(403)
    asker = make_asker(tmp_path, door)
    workflow = create(asker)
    shut(door)
    assert move(asker, workflow) == "unknown"
    asker.end()
    shut(door, "nowhere")
    other = Asker(asker.target, asker.release, Journal(tmp_path / "h" / "race-1.0.jsonl"))
    assert other.read(create(other), "acme").outcome == "ok"
    other.end()
    assert judge(read_history(tmp_path / "h"), asker.target.graph).verdict is Verdict.UNKNOWN


class HidingEngine(Engine):
    """Answers a lost move as it answers another tenant's: 404. `tells` another tenant that it came too late."""

    def __init__(self, target: Target, *, tells: bool = False) -> None:
        super().__init__(target.graph)
        self.tells = tells

    def decide(self, request: Request) -> Answer:
        answer = super().decide(request)
        if answer.status == 404 and self.tells and request.method == "POST":
            return make_answer(409)
        return make_answer(404) if answer.status == 409 and request.method == "POST" else answer


@pytest.mark.parametrize(("tells", "verdict"), [(False, Verdict.PASS), (True, Verdict.FAIL)])
def test_a_tenant_that_is_told_no_more_than_a_loser_is_refused(tells: bool, verdict: Verdict, tmp_path: Path) -> None:
    text = RICH.replace("conflict = [409]", "conflict = [404, 409]").replace("refused = [404]\n", "")
    target = load_text(tmp_path, text.replace('current_state = "state"\n', ""))
    engine = HidingEngine(target, tells=tells)
    source = make_source(tmp_path, target, engine, {"same-transition": 3, "tenants": 3})
    for _ in source.run():
        pass
    source.finish()
    checks = {check.check: check for check in judge_folder(tmp_path, target).checks}
    assert checks["tenant-isolation"].verdict is verdict
    assert checks["one-winner"].verdict is Verdict.PASS
    examination = Examination(Questions(target, StubRelease(engine), tmp_path))  # type: ignore[arg-type]
    examination.run()
    assert [each.probe.what for each in examination.wrong] == ["advance by globex B -> C"] * tells
