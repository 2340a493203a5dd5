"""Nobody has told the web layer what a conflict is.

The mistake: the error for a lost race was added to the engine and not to the table of statuses, so that it goes out as
a server error. A user would notice "something went wrong" where somebody else was merely quicker, and operations would
be woken by it.
"""

from dataclasses import replace

from engine.reference.defects import Promise
from engine.reference.errors import TransitionConflict
from engine.reference.parts import Parts

PROMISE = Promise("no-5xx", ("sequential", "parallel", "race"))


def break_parts(parts: Parts) -> Parts:
    return replace(parts, statuses={TransitionConflict: 500})
