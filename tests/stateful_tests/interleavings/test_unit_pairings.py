"""Goal: the schedules of a resource with units ask about its last units, as far as its target can say them."""

from pathlib import Path

import pytest

from engine.target.target import Target
from stateful_tests.interleavings.pairings import list_apart, list_pairings
from stateful_tests.interleavings.unit_pairings import read_left
from tests.load.stub import RICH, load_text
from tests.load.unit_stub import JOBS, TOLD, VOUCHERS

TAKES = [("1 left", "take / take, the last unit"), ("2 left", "take / take, two left")]
GIVE_BACKS = [
    ("0 left", "take / give back, none left"),
    ("0 left", "give back / give back, the same unit"),
    ("1 left", "take / give back, the last unit"),
    ("0 left", "give back / give back"),
]
STRANGER = [("1 left", "take / another tenant's take")]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        (VOUCHERS, [*TAKES, *GIVE_BACKS, *STRANGER]),
        (TOLD, [*TAKES, *STRANGER]),
        (TOLD.replace('units = "uses"', "units = 1"), [TAKES[0], *STRANGER]),
        (JOBS, [*TAKES, *GIVE_BACKS]),
    ],
    ids=["vouchers", "told", "one unit", "jobs"],
)
def test_each_question_is_asked_once(text: str, expected: list[tuple[str, str]], tmp_path: Path) -> None:
    target = load_text(tmp_path, text)
    assert [(each.state, each.kind) for each in list_pairings(target)] == expected


def test_more_contenders_want_the_last_unit(tmp_path: Path) -> None:
    [pairing] = list_pairings(load_text(tmp_path, VOUCHERS), 3)
    assert (pairing.state, len(pairing.calls)) == ("1 left", 3)


def test_one_queue_has_no_second_beside_it(tmp_path: Path) -> None:
    apart = [each.kind for each in list_apart(load_text(tmp_path / "v", VOUCHERS), 10)]
    assert apart == ["take / take, of two resources", "take / take, of two tenants' resources"]
    assert list_apart(load_text(tmp_path / "j", JOBS), 10) == []


def test_a_state_of_a_workflow_is_no_number_of_units(tmp_path: Path) -> None:
    vouchers: Target = load_text(tmp_path / "v", VOUCHERS)
    assert (read_left(vouchers, "2 left"), read_left(vouchers, "A")) == (2, None)
    assert read_left(load_text(tmp_path / "r", RICH), "2 left") is None
