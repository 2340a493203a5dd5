"""Does the engine give the right answer to each take and give-back of a random sequence?

As in `machine.py`, all random choices are numbers in fixed ranges, made before the request; the model decides what they
mean.
"""

import sys

from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, precondition, rule

from load.client.asker import Asker
from stateful_tests.sequential.checked_units import CheckedUnits
from stateful_tests.sequential.machine import PICK, on_one_of

UNITS = st.integers(min_value=1, max_value=4)
on_a_resource = on_one_of("units")


class UnitMachine(RuleBasedStateMachine):
    """Random takes and give-backs. `asker` belongs to the whole run."""

    def __init__(self, asker: Asker) -> None:
        super().__init__()
        self.units = CheckedUnits(asker)
        self.target = asker.target

    @property
    def has_made(self) -> bool:
        """Whether any resource could be made."""
        return bool(self.units.names)

    @initialize(units=UNITS)
    def begin(self, units: int) -> None:
        self.units.create(units)

    @rule(units=UNITS)
    def create(self, units: int) -> None:
        self.units.create(units)

    @rule(which=PICK)
    @on_a_resource
    def read(self, resource: str) -> None:
        self.units.read(resource)

    @rule(which=PICK)
    @on_a_resource
    def take(self, resource: str) -> None:
        self.units.take(resource)

    @rule(which=PICK)
    @on_a_resource
    def take_all(self, resource: str) -> None:
        """Until none is left, and once more."""
        belief = self.units.beliefs.get(resource)
        for _ in range(min(belief.most, 8) + 1 if belief is not None else 1):
            self.units.take(resource)

    @precondition(lambda self: self.target.capacity.give_back is not None)
    @rule(which=PICK)
    @on_a_resource
    def give_back(self, resource: str) -> None:
        self.units.give_back(resource)

    @precondition(lambda self: self.target.strangers and not self.target.capacity.is_shared)
    @rule(which=PICK, stranger=PICK)
    @on_a_resource
    def take_as_stranger(self, resource: str, stranger: int) -> None:
        others = self.target.strangers
        self.units.take_as_stranger(resource, others[stranger % len(others)])

    def teardown(self) -> None:
        """Reads what is left once more. Not after a failure, which that would hide."""
        try:
            if sys.exc_info()[0] is None:
                self.units.finish()
        finally:
            self.units.forget()
