"""Goal: a login that is over is renewed before the next request, and before a trail is asked for again.

Method: fresh workflows of an engine in memory whose tokens end.
"""

import asyncio
from collections.abc import Iterator
from pathlib import Path

import pytest

from engine.target import secrets
from engine.target.template import Request
from load.client.asker import Asker
from load.client.release import Exchange
from reports.history import events
from reports.history.history import read_history
from reports.history.journal import Journal
from stateful_tests.interleavings.fresh_workflows import FreshWorkflows
from tests.load.client.test_logins_and_setup import TEXT, GuardedEngine
from tests.load.stub import StubRelease, load_text

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
