"""The engine's graph lacks an edge that the design has.

The mistake: the table lacks the retry, ICP_FAILED -> ICP_PROCESSING. A user would notice that a failed step cannot be
started again; the engine says that the workflow has no such transition.
"""

from dataclasses import replace

from engine.reference.defects import Promise
from engine.reference.reference_parts import REFERENCE
from engine.target.graph import TransitionGraph

PROMISE = Promise("conflict-truth", ("sequential",), beside=("linearizable", "contract"))

SUCCESSORS = {**REFERENCE.graph.successors, "ICP_FAILED": ("CANCELLED",)}
PARTS = replace(REFERENCE, graph=TransitionGraph.of(REFERENCE.graph.initial, SUCCESSORS))
