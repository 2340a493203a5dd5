"""Goal: a client that was let in and is turned away later accuses nobody; one that never was let in is refused.

Method: an engine in memory, right in all things, that stops letting a tenant in; what was asked is judged.
"""

from collections.abc import Callable
from pathlib import Path

import pytest

from engine.target.target import Answer, Request, Target
from load.client.asker import Asker
from reports.history.history import read_history
from reports.history.journal import Journal
from reports.judge.judge import judge
from reports.judge.verdict import Judgement, Verdict
from tests.load.stub import RICH, Engine, StubRelease, load_text, make_answer

TEXT = RICH.replace("refused = [404]", "refused = [401, 403, 404]")
SAID = "tenant acme was let in before and got 401: its credentials may have expired"


class Door:
    """Lets everybody in until it is shut for some requests: then they are answered with `status`."""

    def __init__(self, status: int = 401) -> None:
        self.status = status
        self.is_shut: Callable[[Request], bool] = lambda _: False

    def answer(self, request: Request, right: Answer) -> Answer:
        return make_answer(self.status) if self.is_shut(request) else right


def make_asker(folder: Path, door: Door) -> Asker:
    target = load_text(folder / "target", TEXT)
    release = StubRelease(Engine(target.graph, door.answer))
    return Asker(target, release, Journal(folder / "h" / "race-0.0.jsonl"), "race-0.0", "")  # type: ignore[arg-type]


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
    shut(door, path)
    assert asker.trail(workflow, "acme") is None or path != "/trail"
    asker.ask(asker.guard_ask(workflow, "acme", asker.target.guards[0]))
    judgement = judge_asker(asker)
    assert judgement.verdict is Verdict.UNKNOWN
    assert judgement.reason.startswith(SAID)


def test_a_stranger_is_refused_whatever_it_was_let_into_before(tmp_path: Path) -> None:
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
    assert "turned_away" not in lines


def test_a_workflow_that_another_process_created_shows_that_the_client_was_let_in(tmp_path: Path) -> None:
    door = Door()
    asker = make_asker(tmp_path, door)
    created = asker.release.send(asker.target.build_create("acme", "elsewhere")).answer
    asker.server_ids["w"] = str(asker.target.classify_create(created).server_id)
    shut(door)
    assert move(asker, "w") == "unknown"
