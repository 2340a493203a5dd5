"""The parts of the correct engine. A defect or a control replaces one of them."""

from engine.reference.guarded_write import create_row, move, read_row
from engine.reference.keys import answer_once
from engine.reference.part_types import Parts
from engine.reference.schema import create_tables
from engine.reference.states import CANCELLED, GRAPH

REFERENCE = Parts(
    graph=GRAPH,
    cancellable=frozenset(GRAPH.sources(CANCELLED)),
    create=create_row,
    move=move,
    read=read_row,
    reread=read_row,
    create_tables=create_tables,
    answer_once=answer_once,
)
