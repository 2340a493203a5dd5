"""Goal: one caller, any order of legal and illegal questions, always the one right answer.

Method: first every illegal pair of states and every legal move once, in a fixed order; then batches of random
sequences, each batch from a seed of its own, so that a batch left out for lack of time changes none of the others.
"""

import time
from pathlib import Path

import pytest
from hypothesis import HealthCheck, Phase, seed, settings
from hypothesis.stateful import run_state_machine_as_test

from engine.target import Target
from load.asker import Asker
from load.gate import Gate
from reports.journal import Journal
from stateful_tests.machine import MismatchError, WorkflowMachine
from stateful_tests.reference import Probes
from stateful_tests.sweep import ask_refused, make_legal

SOURCE = "sequential-0"
EXAMPLES_PER_BATCH = 20
STEPS_MAX = 30
# How much of the time may pass with pairs of states, before the first batch.
SWEEP_SHARE = 0.3

SEQUENCES = settings(
    max_examples=EXAMPLES_PER_BATCH,
    stateful_step_count=STEPS_MAX,
    deadline=None,
    database=None,
    report_multiple_bugs=False,
    suppress_health_check=list(HealthCheck),
)


def bind(asker: Asker, probes: Probes | None) -> type[WorkflowMachine]:
    """The machine as Hypothesis wants it: a class that needs no arguments."""

    class Bound(WorkflowMachine):
        def __init__(self) -> None:
            super().__init__(asker, probes)

    return Bound


def try_sweeps(machine: WorkflowMachine, deadline: float) -> MismatchError | None:
    """What a sweep finds first is told in the end: the other, and the batches, may see more of the same mistake."""
    found = None
    for sweep in (ask_refused, make_legal):
        try:
            sweep(machine, deadline)
        except MismatchError as error:
            found = found or error
    return found


def test_sequential(target: Target, history: Path, pytestconfig: pytest.Config) -> None:
    first_seed: int = pytestconfig.getoption("seed")
    batches: int = pytestconfig.getoption("batches")
    limit_s: float = pytestconfig.getoption("limit_s")
    phases = [Phase.generate] if pytestconfig.getoption("no_shrink") else [Phase.generate, Phase.shrink]
    probes = Probes() if target.name == "reference" else None
    asker = Asker(
        target, Gate(target.base_url, target.timeout_s), Journal(history / f"{SOURCE}.jsonl"), SOURCE, "sequential"
    )
    began, run = time.monotonic(), 0
    try:
        swept = try_sweeps(WorkflowMachine(asker, probes), began + SWEEP_SHARE * limit_s)
        while run < batches and not asker.is_out and (run == 0 or time.monotonic() - began < limit_s):
            machine = seed(first_seed * 1_000_003 + run)(bind(asker, probes))
            run_state_machine_as_test(machine, settings=settings(SEQUENCES, phases=phases))
            run += 1
        if swept is not None:
            raise swept
    finally:
        ended = {"ended": "out of ids"} if asker.is_out else {}
        asker.journal.event("level", level="sequential", unit="batches", planned=batches, run=run, **ended)
        asker.end()
