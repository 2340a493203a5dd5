"""The engine's graph has an edge that the design does not have.

The mistake: an "undo" from ICP_PENDING back to CREATED was an experiment and stayed in the table. A user would notice
a workflow that starts a second time, with its first start still in the trail.
"""

from dataclasses import replace

from engine.reference.defects import Promise
from engine.reference.reference_parts import REFERENCE
from engine.target.graph import TransitionGraph

PROMISE = Promise("legality", ("sequential",), beside=("linearizable", "audit", "contract"))

SUCCESSORS = {**REFERENCE.graph.successors, "ICP_PENDING": (*REFERENCE.graph.successors["ICP_PENDING"], "CREATED")}
PARTS = replace(REFERENCE, graph=TransitionGraph.of(REFERENCE.graph.initial, SUCCESSORS))
