"""Goal: no meeting is called whole of which an order is missing. Method: rows by hand."""

import pytest

from reports.documents.pairings import Row, describe_pairings, describe_row, is_proven, unpack_row


@pytest.mark.parametrize(
    ("row", "said"),
    [
        (Row("k", 2, 2, 6, 0, 0, 0, {}), "all 6 schedules"),
        (Row("k", 2, 1, 6, 0, 0, 0, {}), "6 schedules, 1 of 2 meetings whole"),
        (Row("k", 2, 2, 6, 1, 0, 0, {}), "6 schedules, 1 of them unknown"),
        (Row("k", 2, 2, 6, 0, 0, 4, {}), "4 of 6 schedules violate"),
        (Row("k", 2, 0, 0, 0, 0, 0, {}), "not reached"),
    ],
)
def test_only_what_was_walked_to_the_end_is_all(row: Row, said: str) -> None:
    assert describe_row(row) == said


def test_a_row_is_read_as_it_was_packed() -> None:
    row = Row("k", 2, 1, 6, 1, 3, 2, {"waited": 4})
    assert unpack_row({"level": "interleavings", **row.pack()}) == row


def test_only_a_kind_of_which_everything_is_known_and_right_is_proven() -> None:
    assert is_proven(Row("k", 2, 2, 6, 0, 0, 0, {}))
    assert not is_proven(Row("k", 2, 1, 6, 0, 0, 0, {}))
    assert not is_proven(Row("k", 2, 2, 6, 1, 0, 0, {}))
    assert not is_proven(Row("k", 2, 2, 6, 0, 0, 1, {}))


def test_a_level_is_a_line() -> None:
    whole, cut = Row("k", 2, 2, 6, 0, 0, 0, {}), Row("l", 2, 1, 4, 1, 0, 3, {})
    records = [("interleavings", whole), ("faults", whole), ("faults", cut)]
    assert describe_pairings({"level": level, **row.pack()} for level, row in records) == [
        "interleavings: 6 schedules of 2 meetings; every order of each",
        "faults: 10 schedules of 4 meetings; 3 of them whole; nobody knows what became of 1 schedules; 3 violate",
    ]


def test_what_was_run_on_two_workflows_is_told_apart() -> None:
    """There not every order is run; and with faults it is no order."""
    rows = [Row("k", 2, 2, 6, 0, 0, 0, {}), Row("l", 1, 1, 9, 0, 0, 2, {}, apart=True)]
    records = [{"level": level, **row.pack()} for level in ("interleavings", "faults") for row in rows]
    both, stopped = "each fault at each statement", "each request stopped once after each of its statements"
    one, two = "6 schedules of 2 meetings", "9 schedules of 1 meetings on two workflows"
    assert describe_pairings(records) == [
        f"interleavings: {one}; every order of each; {two}; {stopped}; 2 violate",
        f"faults: {one}; {both}; {two}; {both}; 2 violate",
    ]


def test_a_record_of_an_earlier_version_is_of_one_workflow() -> None:
    packed = {name: fact for name, fact in Row("k", 2, 2, 6, 0, 0, 0, {}).pack().items() if name != "apart"}
    assert not unpack_row(packed).apart
