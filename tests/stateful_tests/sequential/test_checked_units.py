"""Goal: in a sequence of takes and give-backs each wrong answer is a mismatch, and no right one.

Method: engines of units in memory, and the belief alone.
"""

from pathlib import Path

import pytest

from load.client.asker import Asker
from reports.history.journal import Journal
from stateful_tests.level_report import MismatchError
from stateful_tests.sequential.checked_units import CheckedUnits, UnitBelief
from tests.load.stub import StubRelease, load_text, make_answer
from tests.load.unit_stub import JOBS, TOLD, VOUCHERS, UnitEngine

Steps = list[str]


def make(folder: Path, text: str, engine: UnitEngine) -> CheckedUnits:
    target = load_text(folder / "target", text)
    release = StubRelease(engine)  # type: ignore[arg-type]
    return CheckedUnits(Asker(target, release, Journal(folder / "sequential-0.jsonl")))  # type: ignore[arg-type]


def walk(units: CheckedUnits, steps: Steps, count: int = 2) -> None:
    """One resource with that many units, and then the steps."""
    units.create(count)
    [name] = units.names
    for step in steps:
        match step:
            case "stranger":
                units.take_as_stranger(name, "globex")
            case _:
                getattr(units, step)(name)
    units.finish()


@pytest.mark.parametrize(
    ("text", "steps"),
    [
        (VOUCHERS, ["read", "take", "take", "take", "stranger", "give_back", "read", "take", "give_back", "give_back"]),
        (TOLD, ["take", "take", "take", "take", "read"]),
        (JOBS, ["take", "give_back", "take", "take", "take"]),
    ],
    ids=["vouchers", "told", "jobs"],
)
def test_a_right_engine_is_believed(text: str, steps: Steps, tmp_path: Path) -> None:
    units = make(tmp_path, text, UnitEngine())
    walk(units, steps)
    units.forget()
    belief = units.beliefs[units.names[0]]
    assert belief.least == belief.most


@pytest.mark.parametrize(
    ("mistake", "steps", "told"),
    [
        ("oversells", ["take", "take", "take"], r"\(take\) was answered won, but 0 were left"),
        ("hides one", ["take", "take"], r"\(take\) was answered conflict, but 1 were left"),
        ("loses a give-back", ["take", "give_back"], r"\(read\) was answered ok, telling 1 left, but 2 were left"),
        ("serves all", ["stranger"], "another tenant's take was answered won"),
    ],
)
def test_a_wrong_answer_is_a_mismatch(mistake: str, steps: Steps, told: str, tmp_path: Path) -> None:
    with pytest.raises(MismatchError, match=told):
        walk(make(tmp_path, VOUCHERS, UnitEngine(mistake)), steps)


def test_a_number_that_is_no_number_of_units_is_a_mismatch(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    engine = UnitEngine()
    units = make(tmp_path, VOUCHERS, engine)
    units.create(2)
    monkeypatch.setattr(engine, "answer", lambda _: make_answer(200, left=-1))
    with pytest.raises(MismatchError, match="-1 units"):
        units.read(units.names[0])


def test_there_is_one_queue_and_there_are_two_vouchers(tmp_path: Path) -> None:
    for name, text, most in (("v", VOUCHERS, 2), ("j", JOBS, 1)):
        units = make(tmp_path / name, text, UnitEngine())
        for _ in range(3):
            units.create(2)
        assert len(units.names) == most
        units.forget()


def test_an_unknown_request_makes_the_number_a_range() -> None:
    full = UnitBelief(3, 2, 2)
    lost = full.widen(-1)
    assert (lost.least, lost.most) == (1, 2)
    assert lost.narrow(1) is not None
    assert lost.narrow(3) is None
    shifted = lost.shift(-1)
    assert shifted is not None
    assert (shifted.least, shifted.most) == (0, 1)
    assert UnitBelief(3, 0, 0).shift(-1) is None
    assert UnitBelief(3, 3, 3).shift(1) is None
    assert UnitBelief(3, 3, 3).widen(1) == UnitBelief(3, 3, 3)
