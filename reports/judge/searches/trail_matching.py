"""Trails: which audit rows can be which transitions. Pure matching over small lists, one trail at a time."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from engine.target.graph import TransitionGraph
from reports.judge.models.workflow import Operation

# The request ids that a row of a transition may tell; None: a request of it does not tell its own.
Ids = frozenset[str | None]
UNTOLD: Ids = frozenset([None])


@dataclass(frozen=True)
class Row:
    """One row of a trail. `request_id` is None where the trail does not tell; `is_named` where some operation of the
    workflow has that id.
    """

    origin: str
    to: str
    request_id: str | None = None
    is_named: bool = False


@dataclass(frozen=True)
class Move:
    """A transition that took effect, or may have (`certain` is False). `ids`: see list_ids in trail_readings.py."""

    operation: Operation
    ids: Ids
    certain: bool


@dataclass(frozen=True)
class TrailReading:
    """One reading of a workflow's trail, at some moment from `read_ns` to `until_ns` (widened by the clock's
    uncertainty). `moves` are the transitions of the history that had been asked for; `start` is the state that the
    first of their rows must leave, None where that is not known. `is_older`: rows of what happened before this history
    may come first.
    """

    w: int
    workflow: str
    read_ns: int
    until_ns: int
    rows: tuple[Row, ...]
    moves: tuple[Move, ...]
    start: str | None
    is_older: bool


@dataclass(frozen=True)
class Mismatch:
    """Rows that no transition explains, and acknowledged transitions without a row."""

    rows: tuple[int, ...]
    moves: tuple[int, ...]


def match(rows: Sequence[Row], moves: Sequence[Move]) -> Mismatch:
    """Matches rows and transitions one to one.

    There is one matching that covers every row and every certain transition exactly when there is one that covers
    the rows and one that covers the certain transitions; so each side is asked for itself.
    """
    by_row = [[number for number, move in enumerate(moves) if explains(move, row)] for row in rows]
    certain = [number for number, move in enumerate(moves) if move.certain]
    by_move = [[number for number, row in enumerate(rows) if explains(moves[move], row)] for move in certain]
    lost_rows = find_unmatched(len(rows), by_row.__getitem__)
    lost_moves = find_unmatched(len(certain), by_move.__getitem__)
    return Mismatch(tuple(lost_rows), tuple(certain[number] for number in lost_moves))


def explains(move: Move, row: Row) -> bool:
    """Whether this row can be the trace of this transition."""
    operation = move.operation
    if operation.next != row.to or (operation.kind != "set" and row.origin not in operation.expected):
        return False
    return names(row, move.ids)


def names(row: Row, ids: Ids) -> bool:
    """Whether this row can be of the transition with these ids. A row with the id of an operation is of no other."""
    return row.request_id is None or row.request_id in ids or (None in ids and not row.is_named)


def find_unmatched(count: int, choices: Callable[[int], Sequence[int]]) -> list[int]:
    """The left nodes that a greatest matching leaves out (augmenting paths)."""
    partner: dict[int, int] = {}
    return [left for left in range(count) if not augment(left, choices, partner)]


def augment(left: int, choices: Callable[[int], Sequence[int]], partner: dict[int, int]) -> bool:
    """Finds a partner for `left`, moving others where that helps. Breadth first, so that no depth is too much."""
    came_from: dict[int, int] = {}
    queue = [left]
    for node in queue:
        for right in choices(node):
            if right in came_from:
                continue
            came_from[right] = node
            if right not in partner:
                flip(right, left, came_from, partner)
                return True
            queue.append(partner[right])
    return False


def flip(right: int, left: int, came_from: dict[int, int], partner: dict[int, int]) -> None:
    """Gives every node of the path that ends in `right` the partner that it came by."""
    back = {node: other for other, node in partner.items()}
    while True:
        node = came_from[right]
        before = back.get(node)
        partner[right] = node
        if node == left or before is None:
            return
        right = before


@dataclass(frozen=True)
class Break:
    """Where a chain breaks: the row's number, the state that it should have left, and whether that same visit of a
    state had been left before.
    """

    row: int
    due: str
    twice: bool


def find_break(rows: Sequence[Row], start: str | None, graph: TransitionGraph | None = None) -> Break | None:
    """The first row that does not leave the state that the row before it reached; `start` None: the first is free.
    Moves that no request makes may lie between, without a row.
    """
    for number, row in enumerate(rows):
        due = rows[number - 1].to if number else start
        if due is not None and row.origin not in (graph.reach_alone(due) if graph is not None else (due,)):
            return Break(number, due, twice=number > 0 and rows[number - 1].origin == row.origin)
    return None


def find_disorder(rows: Sequence[Row], moves: Sequence[Move]) -> tuple[int, int] | None:
    """Two rows, by number, the first of which is of a request that was asked for when the other had been answered."""
    named: dict[str, list[Operation]] = {}
    for move in moves:
        for request_id in move.ids - UNTOLD:
            named.setdefault(request_id or "", []).append(move.operation)
    latest: tuple[int, int] | None = None
    for number, row in enumerate(rows):
        known = named.get(row.request_id, []) if row.request_id is not None else []
        if len(known) != 1:
            continue
        [operation] = known
        if latest is not None and operation.returned < latest[0]:
            return latest[1], number
        latest = max(latest or (operation.invoked, number), (operation.invoked, number))
    return None
