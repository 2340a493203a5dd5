"""Goal: keys order as times do, within any workflow, however long the run and however many the workflows."""

import polars as pl
import pytest

from reports.judge.evidence.quick_linearization import find_unexplained
from reports.judge.evidence.time_keys import KEY_BITS_MAX, make_time_keys
from reports.judge.models.workflow import NEVER
from tests.reports.building import advance, build_evidence, read


@pytest.mark.parametrize("span", [0, 9, 10**6, 10**18, 2**60])
def test_keys_order_as_times_do(span: int) -> None:
    w = pl.Series([0, 0, 0, 1, 1], dtype=pl.UInt32)
    invoked = pl.Series([5, 5, 5 + span, -3, span])
    returned = pl.Series([5, NEVER, 6 + span, span, NEVER])
    keys = make_time_keys(w, invoked, returned, [0, 3, 5])
    assert keys.bits + 2 <= KEY_BITS_MAX
    low, high = pl.DataFrame({"w": w}).select(low=keys.bounds(pl.col("w"))[0], high=keys.bounds(pl.col("w"))[1])
    assert (keys.begins > low).all()
    assert (keys.ends <= high).all()
    assert ((keys.ends == high) == (returned == NEVER)).all()
    for begin, end in ((0, 3), (3, 5)):
        times = [*invoked[begin:end], *returned[begin:end]]
        found = [*keys.begins[begin:end], *keys.ends[begin:end]]
        for one, mine in zip(times, found, strict=True):
            for other, theirs in zip(times, found, strict=True):
                assert (one < other) == (mine < theirs)


def test_many_workflows_over_a_very_long_time_are_judged_all_the_same() -> None:
    """2^18 workflows and days of nanoseconds do not fit into one key; their ranks do."""
    day = 86_400 * 10**9
    records = []
    for number in range(1_000):
        name = {"workflow": f"w{number}"}
        records += [
            advance(f"{number}a", "A-B", number, number + 5, **name),
            read(f"{number}r", 2**59 + day, 2**59 + day + 1, "B", **name),
        ]
    evidence = build_evidence(records)
    assert find_unexplained(evidence, evidence.ops).is_empty()
