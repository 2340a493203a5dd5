"""A cancel is accepted in every state, the terminal ones included.

The mistake: "cancel always works" was meant for running workflows, and the code has no check for finished ones. A user
would notice that a published workflow is cancelled afterwards, and that a workflow is cancelled twice.
"""

from dataclasses import replace

from engine.reference.defects import Promise
from engine.reference.reference_parts import REFERENCE

PROMISE = Promise(
    "linearizable", ("sequential", "parallel", "race"), beside=("one-winner", "legality", "audit", "contract")
)

PARTS = replace(REFERENCE, cancellable=frozenset(REFERENCE.graph.states))
