"""A conflict is answered with a server error.

The mistake: the error for a lost race was added to the engine but not to the table of statuses. A user would notice
"something went wrong" where another request was only faster, and it would page the people on call.
"""

from dataclasses import replace

from engine.reference.defects import Promise
from engine.reference.errors import TransitionConflict
from engine.reference.reference_parts import REFERENCE

PROMISE = Promise("no-5xx", ("sequential", "parallel", "race"))

PARTS = replace(REFERENCE, statuses={TransitionConflict: 500})
