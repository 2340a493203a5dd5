"""Goal: two creates with one idempotency key are a pairing, with and without faults, also where none was answered.

Method: engines in memory, one of which knows no key; the schedules are judged.
"""

import asyncio
from itertools import count
from pathlib import Path

import pytest

from engine.target.http_answer import Answer
from engine.target.template import Request
from reports.history.history import read_history
from reports.judge.judge import judge
from reports.judge.verdict import Verdict
from stateful_tests.interleavings import fresh_workflows as fresh
from stateful_tests.interleavings.explorer import follow
from stateful_tests.interleavings.faulted_schedules import walk_faults
from stateful_tests.interleavings.pairings import list_pairings
from stateful_tests.interleavings.schedule import Pairing
from stateful_tests.interleavings.statement_faults import SERVER_KILLED
from stateful_tests.interleavings.testbed import Testbed
from stateful_tests.interleavings.warming import warm
from tests.load.stub import SMALL, Engine, load_text
from tests.stateful_tests.stub import make_testbed

KEYED = SMALL.replace('path = "/w" }', 'path = "/w", headers = { Key = "{key}" } }') + "[idempotency]\n"


class Keeps(Engine):
    """Stores the answer to the create of each key. The answers to the creates of these numbers get lost."""

    def __init__(self, *given: object) -> None:
        super().__init__(*given)  # type: ignore[arg-type]
        self.kept: dict[str, Answer] = {}
        self.loses: set[int] = set()
        self.creates = 0

    def decide(self, request: Request) -> Answer:
        if request.path != "/w":
            return super().decide(request)
        self.creates += 1
        answer = self.create(dict(request.headers)["Key"], request)
        return Answer(None, error="lost") if self.creates in self.loses else answer

    def create(self, key: str, request: Request) -> Answer:
        if key not in self.kept:
            self.kept[key] = super().decide(request)
        return self.kept[key]


class Forgets(Keeps):
    """Knows no key."""

    def create(self, key: str, request: Request) -> Answer:
        self.kept.pop(key, None)
        return super().create(key, request)


def make(folder: Path, kind: type[Keeps]) -> tuple[Testbed, Keeps, Pairing]:
    target = load_text(folder, KEYED)
    engine = kind(target.graph)
    [pairing] = [each for each in list_pairings(target) if each.calls[0].creates]
    return make_testbed(folder, target, engine), engine, pairing


def judge_testbed(testbed: Testbed) -> dict[str, Verdict | None]:
    testbed.asker.end()
    judged = judge(read_history(testbed.asker.journal.path), testbed.target.graph)
    return {check.check: check.verdict for check in judged.checks}


@pytest.mark.parametrize(("kind", "verdict"), [(Keeps, Verdict.PASS), (Forgets, Verdict.FAIL)])
@pytest.mark.parametrize("faults", [False, True])
def test_all_creates_with_one_key_are_judged(
    kind: type[Keeps], verdict: Verdict, faults: bool, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(fresh, "PAUSE_S", 0.0)
    testbed, _, pairing = make(tmp_path, kind)

    async def run() -> None:
        await warm(testbed, [pairing])
        await (walk_faults(testbed, pairing) if faults else testbed.run(pairing, follow("")))
        await testbed.read()

    asyncio.run(run())
    verdicts = judge_testbed(testbed)
    assert verdicts["idempotent"] is verdict
    assert (Verdict.FAIL in verdicts.values()) == (verdict is Verdict.FAIL), verdicts


def test_creates_that_got_no_answer_are_sent_again(tmp_path: Path) -> None:
    """The first schedule loses both answers; the third create tells the id."""
    testbed, engine, pairing = make(tmp_path, Keeps)

    async def run() -> None:
        await testbed.take("A", testbed.target.owner)
        engine.loses = {engine.creates + number for number in (1, 2)}
        trace = await testbed.run(pairing, follow(""))
        assert trace.answers == ["unknown", "unknown"]
        await testbed.read()

    asyncio.run(run())
    verdicts = judge_testbed(testbed)
    assert verdicts["idempotent"] is verdicts["final-state"] is Verdict.PASS
    assert Verdict.FAIL not in verdicts.values()


def test_a_workflow_that_was_never_told_is_not_read(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A fault at each statement, and no create with a shared key is ever answered."""
    monkeypatch.setattr(fresh, "RECOVERY_LIMIT_S", -1.0)
    testbed, engine, pairing = make(tmp_path, Keeps)
    asked = count()

    async def run() -> None:
        await testbed.take("A", testbed.target.owner)
        engine.loses = set(range(engine.creates + 1, 1000))
        traces, _ = await walk_faults(testbed, pairing, go_on=lambda: next(asked) < 2)
        assert len(traces) == 3
        await testbed.read()

    asyncio.run(run())
    assert Verdict.FAIL not in judge_testbed(testbed).values()


def test_the_server_is_killed_under_creates_too(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(fresh, "PAUSE_S", 0.0)
    testbed, _, pairing = make(tmp_path, Keeps)
    traces, are_all = asyncio.run(walk_faults(testbed, pairing, kills=1))
    assert are_all
    assert SERVER_KILLED in {trace.fault for trace in traces}
    assert judge_testbed(testbed)["idempotent"] is Verdict.PASS
