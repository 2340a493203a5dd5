"""The engine's graph lacks an edge that the design has.

The mistake: nobody thought of the retry, ICP_FAILED -> ICP_PROCESSING, when the table was typed. A user would notice
that a failed step cannot be started again, with the reason that the workflow knows no such transition.
"""

from dataclasses import replace

from engine.reference.defects import Promise
from engine.reference.parts import Parts
from engine.target.graph import TransitionGraph

PROMISE = Promise("conflict-truth", ("sequential",), beside=("linearizable", "contract"))


def break_parts(parts: Parts) -> Parts:
    successors = {**parts.graph.successors, "ICP_FAILED": ("CANCELLED",)}
    return replace(parts, graph=TransitionGraph.of(parts.graph.initial, successors))
