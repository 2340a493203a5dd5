"""Timed moves: what [[workflow.timed]] says of the moves that the service makes without a request. Pure."""

from collections.abc import Iterable

from engine.target.file_tables import AdvanceTable, TimedTable, WorkflowTable
from engine.target.graph import Timed
from engine.target.suggestion import suggest
from engine.target.value_checks import Mistake, check_wait


def read_timed(table: WorkflowTable, advance: AdvanceTable) -> tuple[dict[str, list[str]], list[Timed]]:
    """The next states to which requests lead, and the moves without a request. Raises Mistake."""
    listed = {(state, to) for state, nexts in table.transitions.items() for to in nexts}
    check_timed(table.timed, dict.fromkeys([table.initial, *table.transitions, *(to for _, to in sorted(listed))]))
    transitions = {state: list(nexts) for state, nexts in table.transitions.items()}
    timed = []
    for index, move in enumerate(table.timed):
        is_requested = find_requested(f"workflow.timed[{index}]", move, advance)
        nexts = transitions.setdefault(move.origin, [])
        if is_requested and move.to not in nexts:
            nexts.append(move.to)
        elif not is_requested and move.to in nexts:
            nexts.remove(move.to)
        is_open = move.requested is None and not is_requested and (move.origin, move.to) in listed
        timed.append(Timed(move.origin, move.to, move.after_s, is_open))
    return transitions, timed


def find_requested(key: str, move: TimedTable, advance: AdvanceTable) -> bool:
    """Whether a request makes the timed move too: as the table says, else whether an edge of [advance] serves it."""
    served = any(
        edge.to == move.to and move.origin in ([edge.origin] if isinstance(edge.origin, str) else edge.origin)
        for edge in advance.edges
    )
    if served and move.requested is False:
        raise Mistake(
            f"{key}.requested", f"is false, and an [[advance.edges]] serves {move.origin} -> {move.to}; remove one"
        )
    return served if move.requested is None else move.requested


def check_timed(timed: Iterable[TimedTable], states: Iterable[str]) -> None:
    """Whether each move without a request leads from one known state to another, at a time, once."""
    known, seen = list(states), set()
    for index, table in enumerate(timed):
        key = f"workflow.timed[{index}]"
        if table.origin not in known:
            raise Mistake(
                f"{key}.from", f"{table.origin!r} is no state of workflow.transitions{suggest(table.origin, known)}"
            )
        if not table.to:
            raise Mistake(f"{key}.to", "must name a state")
        if table.to == table.origin:
            raise Mistake(f"{key}.to", f"is {table.to!r} as `from` is; a move leads to another state")
        check_wait(f"{key}.after_s", table.after_s)
        if (table.origin, table.to) in seen:
            raise Mistake(key, f"{table.origin} -> {table.to} stands there twice; remove the second one")
        seen.add((table.origin, table.to))
