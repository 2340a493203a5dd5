"""Goal: a login that is over is renewed before the next request, and before a trail is asked for again; what is busy is
asked again; what may change by itself is not made ahead.

Method: fresh workflows of an engine in memory, whose tokens end, or which is busy for a while.
"""

import asyncio
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import pytest

from engine.target import secrets
from engine.target.graph import TransitionGraph
from engine.target.http_answer import Answer
from engine.target.template import Request
from load.client.asker import Asker
from load.client.release import Exchange
from reports.history import events
from reports.history.history import read_history
from reports.history.journal import Journal
from stateful_tests.interleavings.fresh_workflows import FreshWorkflows, StateNotReachedError
from tests.load.client.test_logins_and_setup import TEXT, GuardedEngine
from tests.load.stub import SMALL, Engine, StubRelease, load_text, make_answer
from tests.load.unit_stub import VOUCHERS
from tests.stateful_tests.stub import make_testbed

AUDIT = '[audit]\nrequest = { method = "GET", path = "/w/{id}/trail" }\nentries = "rows"\nfrom = "from"\nto = "to"\n'


@pytest.fixture(autouse=True)
def _forgetful() -> Iterator[None]:
    with secrets.know(secrets.Secrets()):
        yield


class StubSender:
    def __init__(self, engine: GuardedEngine) -> None:
        self.release = StubRelease(engine)

    async def send(self, number: int, request: Request) -> Exchange:  # noqa: ARG002
        return self.release.send(request)

    async def poll(self, number: int, polling: object) -> None:
        """Nothing is accepted."""


@pytest.mark.parametrize("left", [0, 1], ids=["before the read", "before the trail"])
def test_a_login_that_is_over_hides_no_trail(tmp_path: Path, left: int) -> None:
    target = load_text(tmp_path, TEXT + AUDIT)
    engine = GuardedEngine(target)
    asker = Asker(target, StubRelease(engine), Journal(tmp_path / "h" / "faults-0.jsonl"))  # type: ignore[arg-type]
    fresh = FreshWorkflows(asker, StubSender(engine))  # type: ignore[arg-type]

    async def run() -> None:
        workflow = await fresh.make("A", 0, "acme")
        engine.left = dict.fromkeys(engine.left, left)
        await fresh.read(workflow, 0)

    asyncio.run(run())
    assert engine.asked["POST /login"] == 2
    asker.end()
    history = read_history(tmp_path / "h")
    assert history.audit.height == 1
    assert not [*history.having(events.AccessDenied), *history.having(events.Hidden)]


class BusyEngine(Engine):
    """Answers so many moves with 423, and changes nothing."""

    busy = 0

    def answer(self, request: Request) -> Answer:
        if request.path.endswith("/advance") and self.busy:
            self.busy -= 1
            return make_answer(423)
        return super().answer(request)


@pytest.mark.parametrize("busy", [0, 3])
def test_what_is_busy_on_the_way_to_a_state_is_asked_again(
    tmp_path: Path, busy: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("stateful_tests.interleavings.fresh_workflows.PAUSE_S", 0.001)
    target = load_text(tmp_path, SMALL.replace("conflict = [409]", "conflict = [409]\nbusy = [423]"))
    engine = BusyEngine(target.graph)
    engine.busy = busy
    testbed = make_testbed(tmp_path / "h", target, engine)
    assert asyncio.run(testbed.fresh.make("B", 0, "acme"))
    testbed.asker.end()
    counted = Counter(read_history(tmp_path / "h").frame.filter(kind="advance").collect()["outcome"])
    assert counted == Counter({"won": 1, "busy": busy}) - Counter()


def test_what_stays_busy_is_given_up(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("stateful_tests.interleavings.fresh_workflows.BUSY_LIMIT_S", 0.0)
    target = load_text(tmp_path, SMALL.replace("conflict = [409]", "conflict = [409]\nbusy = [423]"))
    engine = BusyEngine(target.graph)
    engine.busy = 1000
    testbed = make_testbed(tmp_path / "h", target, engine)
    with pytest.raises(StateNotReachedError, match="was answered busy"):
        asyncio.run(testbed.fresh.make("B", 0, "acme"))


@pytest.mark.parametrize(("lease", "made"), [("", 4), ("returns_after_s = 0.5\n", 1)], ids=["kept", "may come back"])
def test_what_may_change_by_itself_is_not_made_ahead(
    tmp_path: Path, lease: str, made: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: list[str] = []

    async def make(self: FreshWorkflows, state: str, number: int, owner: str) -> str:
        asked.append(f"{state} {number} {owner}")
        return f"w{number}"

    monkeypatch.setattr(FreshWorkflows, "make", make)
    target = load_text(tmp_path, VOUCHERS.replace("[capacity]\n", f"[capacity]\n{lease}"))
    testbed = make_testbed(tmp_path / "h", target, Engine(TransitionGraph.of("A", {"A": ["B"]})))
    asyncio.run(testbed.fresh.take("0 left", 4, "acme"))
    assert len(asked) == made
