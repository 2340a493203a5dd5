"""The UPDATE does not name the organization.

The mistake: reads are filtered by organization, but the write names only id and state, since "the id was read before".
A user would notice that a person of another company, who has the id from a forwarded link, moves the workflow.
"""

from dataclasses import replace

from sqlalchemy import bindparam

from engine.reference.defects import Promise
from engine.reference.guarded_write import IN_EXPECTED_STATE, Write
from engine.reference.reference_parts import REFERENCE
from engine.reference.schema import WORKFLOWS

PROMISE = Promise(
    "tenant-isolation",
    ("sequential",),
    beside=("one-winner", "linearizable", "conflict-truth", "final-state", "audit", "effects"),
)

WITHOUT_TENANT = Write.where(WORKFLOWS.c.id == bindparam("workflow_id"), IN_EXPECTED_STATE)


PARTS = replace(REFERENCE, move=WITHOUT_TENANT.move)
