"""A conflict reports the expected state of the request as the current state.

The mistake: the body of the 409 is filled in from the request instead of the workflow. A user would notice "expected
ICP_PENDING, but it is ICP_PENDING", and a client that repeats the same request for ever.
"""

from dataclasses import replace

from engine.reference.defects import Promise
from engine.reference.errors import Refused, TransitionConflict
from engine.reference.reference_parts import REFERENCE

PROMISE = Promise("conflict-truth", ("sequential", "parallel", "race"), beside=("contract",))


def report_expected(refused: Refused) -> Refused:
    """Reports the expected state of the request as the current one."""
    if isinstance(refused, TransitionConflict) and refused.expected is not None:
        return TransitionConflict(
            refused.workflow_id, refused.expected, expected=refused.expected, attempted=refused.attempted
        )
    return refused


PARTS = replace(REFERENCE, report=report_expected)
