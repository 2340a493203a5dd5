"""Goal: two give-backs of one unit are a pairing, with and without faults, and a second unit is found.

Method: engines of units in memory; the schedules are judged.
"""

import asyncio
from pathlib import Path

import pytest

from reports.history.history import read_history
from reports.judge.judge import judge
from reports.judge.verdict import Verdict
from stateful_tests.interleavings import fresh_workflows as fresh
from stateful_tests.interleavings.explorer import follow
from stateful_tests.interleavings.faulted_schedules import walk_faults
from stateful_tests.interleavings.pairings import list_pairings
from stateful_tests.interleavings.warming import warm
from tests.load.stub import load_text
from tests.load.unit_stub import JOBS, VOUCHERS, UnitEngine
from tests.stateful_tests.stub import make_testbed

KIND = "give back / give back, the same unit"


@pytest.mark.parametrize("faults", [False, True])
@pytest.mark.parametrize(
    ("text", "mistake", "verdict"),
    [
        (VOUCHERS, "", Verdict.PASS),
        (VOUCHERS, "says yes again", Verdict.PASS),
        (VOUCHERS, "gives back again", Verdict.FAIL),
        (JOBS, "", Verdict.PASS),
        (JOBS, "gives back again", Verdict.FAIL),
    ],
)
def test_a_unit_is_given_back_once(
    text: str, mistake: str, verdict: Verdict, faults: bool, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(fresh, "PAUSE_S", 0.0)
    target = load_text(tmp_path, text)
    [pairing] = [each for each in list_pairings(target) if each.kind == KIND]
    testbed = make_testbed(tmp_path, target, UnitEngine(mistake))  # type: ignore[arg-type]

    async def run() -> None:
        await warm(testbed, [pairing])
        await (walk_faults(testbed, pairing) if faults else testbed.run(pairing, follow("")))
        await testbed.read()

    asyncio.run(run())
    testbed.asker.factory.queues.forget(testbed.asker.factory.queues.holder or "")
    testbed.asker.end()
    judged = judge(read_history(testbed.asker.journal.path), target.graph)
    verdicts = {check.check: check.verdict for check in judged.checks}
    assert verdicts["capacity"] is verdict
    assert (Verdict.FAIL in verdicts.values()) == (verdict is Verdict.FAIL), verdicts
