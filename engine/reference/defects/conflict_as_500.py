"""A conflict is answered with a server error.

The mistake: the error for a lost race was added to the engine but not to the table of statuses. A user would notice
"something went wrong" where another request was only faster, and it would page the people on call.
"""

from dataclasses import replace

from engine.reference.defects import Promise
from engine.reference.errors import TransitionConflict
from engine.reference.parts import Parts

PROMISE = Promise("no-5xx", ("sequential", "parallel", "race"))


def break_parts(parts: Parts) -> Parts:
    return replace(parts, statuses={TransitionConflict: 500})
