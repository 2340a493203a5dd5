"""Goal: rows and transitions are matched exactly. Method: brute force over all ways to match."""

from itertools import permutations

from hypothesis import given
from hypothesis import strategies as st

from reports.judge.models.workflow import NEVER, Operation
from reports.judge.searches.trail_matching import Ids, Move, Row, explains, find_break, match

states = st.sampled_from("AB")
ids = st.sampled_from((None, "p", "q"))
owned = st.frozensets(ids, min_size=1)
rows = st.lists(st.builds(Row, states, states, ids, st.booleans()), max_size=4)


def move(expected: str, following: str, own: Ids, certain: bool) -> Move:
    kind = "advance" if expected else "set"
    outcome = "won" if certain else "unknown"
    return Move(Operation(0, kind, outcome, tuple(expected), following, None, 0, NEVER), own, certain)


moves = st.lists(st.builds(move, st.sampled_from(("", "A", "B", "AB")), states, owned, st.booleans()), max_size=4)


def can_match(held: list[Row], moved: list[Move]) -> bool:
    """Whether every row has a transition of its own, and every certain transition a row."""
    slots = [*range(len(held)), *[-1] * len(moved)]
    return any(
        set(range(len(held))) <= set(chosen)
        and all(
            not each.certain if slot < 0 else explains(each, held[slot])
            for each, slot in zip(moved, chosen, strict=True)
        )
        for chosen in set(permutations(slots, len(moved)))
    )


@given(rows, moves)
def test_a_mismatch_is_found_exactly_when_there_is_one(held: list[Row], moved: list[Move]) -> None:
    mismatch = match(held, moved)
    assert (mismatch.rows == () and mismatch.moves == ()) == can_match(held, moved)
    assert all(moved[number].certain for number in mismatch.moves)


def test_where_a_chain_breaks() -> None:
    chain = [Row("A", "B"), Row("B", "A"), Row("A", "B")]
    assert find_break(chain, "A") is None
    assert find_break(chain, None) is None
    broken = find_break(chain, "B")
    assert broken is not None
    assert (broken.row, broken.due, broken.twice) == (0, "B", False)
    twice = find_break([Row("A", "B"), Row("A", "C")], "A")
    assert twice is not None
    assert (twice.row, twice.due, twice.twice) == (1, "B", True)
