"""The same engine broken on purpose, one file per defect, each replacing as little of the reference as it can.

A file `some_mistake.py` is the defect `some-mistake`. It has `break_parts(parts) -> parts`, a `PROMISE`, and a
docstring that says what the mistake is and what a user would notice. Nothing in it is there in order to be caught: no
pause, no yield.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field

from engine.reference.pool import Isolation
from engine.reference.variants import find_variant, list_variants

# In the order in which they ask: the model, models side by side, races, schedules, failures.
LEVELS = ("sequential", "parallel", "race", "interleavings", "faults")


@dataclass(frozen=True)
class Promise:
    """What is expected of the judge: `check` fails at each of `levels`; of the others only those `beside` it may.

    Where a level gives that check nothing to judge (there is no race in a sequence, say), `elsewhere` names another
    one for it. `isolation` is the isolation level at which the mistake shows; None: at any.
    """

    check: str
    levels: tuple[str, ...]
    beside: tuple[str, ...] = ()
    elsewhere: Mapping[str, str] = field(default_factory=dict)
    isolation: Isolation | None = None

    def check_at(self, level: str) -> str | None:
        """The check that must fail at this level; None where nothing is promised."""
        return self.elsewhere.get(level, self.check) if level in self.levels else None

    def allows(self, check: str) -> bool:
        """Whether this check may fail, at whatever level."""
        return check == self.check or check in self.beside


def list_defects() -> tuple[str, ...]:
    """The names of all defects, sorted."""
    return list_variants("defect")


def read_promise(name: str) -> Promise:
    """What is promised of the judge for this defect. Raises UnknownVariant."""
    promise: Promise = find_variant("defect", name).PROMISE
    return promise
