"""Goal: one caller, any order of legal and illegal questions, always the one right answer.

Method: first every illegal pair of states and every legal move once, in a fixed order; then batches of random
sequences.
"""

import time
from pathlib import Path

import pytest
from hypothesis import Phase

from engine.target.target import Target
from load.client.asker import Asker
from load.client.release import Release
from reports.history import events
from reports.history.journal import Journal
from stateful_tests.reference import Probes
from stateful_tests.sequential.batches import BROKE_OFF, MISMATCH, Batches, say_ended
from stateful_tests.sequential.machine import MismatchError, WorkflowMachine
from stateful_tests.sequential.sweep import ask_refused, make_legal, plan_legal, plan_refused

SOURCE = "sequential-0"
# How much of the limit may pass with sweeps, before the first batch.
SWEEP_SHARE = 0.5


def try_sweeps(machine: WorkflowMachine, deadline: float) -> MismatchError | None:
    """What a sweep finds first is told in the end: the other, and the batches, may see more of the same mistake."""
    found = None
    for sweep, ask in ((plan_refused(machine.target), ask_refused), (plan_legal(machine.target), make_legal)):
        met = None
        try:
            ask(machine, sweep, deadline)
        except MismatchError as error:
            met = error
        sweep.tell(machine.asker, met_mismatch=met is not None)
        found = found or met
    return found


def test_sequential(target: Target, history: Path, pytestconfig: pytest.Config) -> None:
    option = pytestconfig.getoption
    limit_s: float = option("limit_s")
    phases = [Phase.generate] if option("no_shrink") else [Phase.generate, Phase.shrink]
    probes = Probes() if target.name == "reference" else None
    asker = Asker(
        target, Release(target.base_url, target.timeout_s), Journal(history / f"{SOURCE}.jsonl"), SOURCE, "sequential"
    )
    began, batches = time.monotonic(), Batches(asker, probes, option("seed"), option("batches"))
    ended = BROKE_OFF
    try:
        swept = try_sweeps(WorkflowMachine(asker, probes), began + SWEEP_SHARE * limit_s)
        while batches.goes_on and (batches.run == 0 or time.monotonic() - began < limit_s):
            batches.try_next(phases)
        if swept is not None:
            raise swept
        ended = say_ended(asker, is_whole=batches.run >= batches.amount, is_starved=batches.is_starved)
    except MismatchError:
        ended = MISMATCH
        raise
    finally:
        asker.look_again()
        told = events.Level(level="sequential", unit="batches", planned=batches.amount, run=batches.run, ended=ended)
        asker.journal.write(told)
        asker.end()
