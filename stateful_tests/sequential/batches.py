"""Batches of random sequences, each batch from a seed of its own, so that one left out for lack of time changes none of
the others; and why a level ends that has nothing left to ask about.
"""

from collections.abc import Sequence
from dataclasses import dataclass

from hypothesis import HealthCheck, Phase, seed, settings
from hypothesis.stateful import run_state_machine_as_test

from load.client.asker import Asker
from load.client.silence import SILENT
from stateful_tests.reference import Probes
from stateful_tests.sequential.machine import WorkflowMachine

EXAMPLES_PER_BATCH = 20
STEPS_MAX = 30
# A create may be lost now and then. So many sequences in a row without a workflow are no accident.
STARVED_MAX = 3
STARVED = "no workflow could be created any more"
MISMATCH, BROKE_OFF = "mismatch", "broke off"

SEQUENCES = settings(
    max_examples=EXAMPLES_PER_BATCH,
    stateful_step_count=STEPS_MAX,
    deadline=None,
    database=None,
    report_multiple_bugs=False,
    suppress_health_check=list(HealthCheck),
)


@dataclass
class Batches:
    """So many batches; `run` counts those in which something was asked to the end. `starved` is how many sequences in a
    row, up to now, had no workflow to ask about.
    """

    asker: Asker
    probes: Probes | None
    first_seed: int
    amount: int
    run: int = 0
    starved: int = 0

    @property
    def is_starved(self) -> bool:
        return self.starved >= STARVED_MAX and not self.asker.is_out

    @property
    def goes_on(self) -> bool:
        if self.asker.is_out or self.asker.silence.is_certain:
            return False
        return self.run < self.amount and not self.is_starved

    def try_next(self, phases: Sequence[Phase]) -> None:
        """Runs a batch. Raises MismatchError."""
        machine = seed(self.first_seed * 1_000_003 + self.run)(self.bind())
        run_state_machine_as_test(machine, settings=settings(SEQUENCES, phases=phases))
        self.run += not (self.is_starved or self.asker.silence.is_certain)

    def bind(self) -> type[WorkflowMachine]:
        """The machine as Hypothesis wants it: a class that needs no arguments."""
        batches = self

        class Bound(WorkflowMachine):
            def __init__(self) -> None:
                super().__init__(batches.asker, batches.probes)

            def teardown(self) -> None:
                super().teardown()
                batches.starved = 0 if self.workflows else batches.starved + 1

        return Bound


def say_ended(asker: Asker, *, is_whole: bool, is_starved: bool) -> str:
    """Why a level ended that met no mismatch, as its `level` event tells it."""
    if asker.silence.is_certain:
        return SILENT
    if is_whole:
        return "complete"
    if asker.is_out:
        return "out of ids"
    return STARVED if is_starved else "time"
