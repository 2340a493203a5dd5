"""The UPDATE does not name the state that the caller expects.

The mistake: `WHERE id = ... AND organization_id = ...`; the expected state is used for the trail only. A user would
notice that an old browser tab moves a finished workflow back, and that no request ever gets a conflict.
"""

from dataclasses import replace

from engine.reference.defects import Promise
from engine.reference.reference_parts import REFERENCE
from engine.reference.split_write import UNGUARDED

PROMISE = Promise(
    "linearizable",
    ("sequential", "parallel", "race", "interleavings"),
    beside=("one-winner", "audit", "effects", "contract"),
)


PARTS = replace(REFERENCE, move=UNGUARDED.move)
