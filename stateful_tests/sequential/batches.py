"""Batches of random sequences. Each has a seed of its own, so a batch left out for lack of time changes no other."""

import sys
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from hypothesis import Phase, seed
from hypothesis.errors import Flaky
from hypothesis.stateful import RuleBasedStateMachine, run_state_machine_as_test

from load.client.asker import Asker
from stateful_tests.hypothesis_settings import configure
from stateful_tests.level_report import MismatchError
from stateful_tests.reference_probes import Probes
from stateful_tests.sequential.machine import WorkflowMachine
from stateful_tests.sequential.unit_machine import UnitMachine

EXAMPLES_PER_BATCH = 20
STEPS_MAX = 30
# A create may be lost now and then; that many sequences in a row without a workflow are no accident.
STARVED_MAX = 3


@dataclass
class Batches:
    """`amount` batches; `run` counts those that ran to their end. `starved` counts the sequences without a workflow
    since the last one that had a workflow. `mismatch` is the last one that was met.
    """

    asker: Asker
    probes: Probes | None
    first_seed: int
    amount: int
    run: int = 0
    starved: int = 0
    mismatch: MismatchError | None = None

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
        try:
            run_state_machine_as_test(machine, settings=configure(EXAMPLES_PER_BATCH, phases, STEPS_MAX))
        except Flaky:
            # The same sequence was answered otherwise when it ran again. A wrong answer is wrong all the same.
            if self.mismatch is None:
                raise
            raise self.mismatch from None
        self.run += not (self.is_starved or self.asker.silence.is_certain)

    def bind(self) -> type[RuleBasedStateMachine]:
        """The machine as Hypothesis wants it: a class that needs no arguments. With states and units both, in turn."""
        target = self.asker.target
        takes = target.capacity is not None and (not target.has_workflow or self.run % 2 == 1)
        return self.bind_units() if takes else self.bind_workflows()

    def bind_workflows(self) -> type[RuleBasedStateMachine]:
        batches = self

        class Bound(WorkflowMachine):
            def __init__(self) -> None:
                super().__init__(batches.asker, batches.probes)

            def teardown(self) -> None:
                batches.end(super().teardown, lambda: bool(self.workflows.names))

        return Bound

    def bind_units(self) -> type[RuleBasedStateMachine]:
        batches = self

        class BoundUnits(UnitMachine):
            def __init__(self) -> None:
                super().__init__(batches.asker)

            def teardown(self) -> None:
                batches.end(super().teardown, lambda: self.has_made)

        return BoundUnits

    def end(self, teardown: Callable[[], None], has_made: Callable[[], bool]) -> None:
        """Ends a sequence: notes its mismatch, and whether it had any workflow or resource."""
        self.note(sys.exc_info()[1])
        try:
            teardown()
        except MismatchError as error:
            self.note(error)
            raise
        self.starved = 0 if has_made() else self.starved + 1

    def note(self, error: BaseException | None) -> None:
        if isinstance(error, MismatchError):
            self.mismatch = error
