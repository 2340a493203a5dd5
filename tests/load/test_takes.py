"""Goal: the scenarios of takes show each engine of units that is wrong, and none that is right.

Method: an engine in memory behind a release that sends nothing; each history is judged.
"""

import itertools
from pathlib import Path

import pytest

from engine.target.target import Target
from load.scenarios import SCENARIOS
from load.takes import choose_units, count_rounds
from reports.history import events
from reports.history.history import read_history
from reports.judge.verdict import Judgement, Verdict
from tests.load.stub import judge_folder, load_text
from tests.load.unit_stub import JOBS, TOLD, UNREAD, VOUCHERS, UnitEngine, make_unit_source

SHAPES = {"vouchers": VOUCHERS, "unread": UNREAD, "told": TOLD, "jobs": JOBS}
OF_UNITS = [name for name, scenario in SCENARIOS.items() if scenario.takes]
NO_RETURN = "no unit comes back by itself: the target has no capacity.returns_after_s"
LEASE_S = 0.4
LEASED = VOUCHERS + f"returns_after_s = {LEASE_S}\n"
OBSTACLES = {
    ("told", "takes-and-give-backs"): "the target has no capacity.give_back",
    ("jobs", "two-resources"): "there is one queue for the whole service",
    ("jobs", "foreign-takes"): "there is one queue for the whole service",
    **dict.fromkeys(((shape, "returned-units") for shape in SHAPES), NO_RETURN),
}


def run(folder: Path, text: str, engine: UnitEngine, scenario: str) -> tuple[Judgement, Target]:
    target = load_text(folder / "target", text)
    source = make_unit_source(folder / "h", target, engine, scenario, 12)
    for _ in source.run():
        pass
    source.finish()
    return judge_folder(folder / "h", target), target


def find_failed(judgement: Judgement) -> set[str]:
    return {check.check for check in judgement.checks if check.verdict is Verdict.FAIL}


@pytest.mark.parametrize(("shape", "scenario"), OBSTACLES)
def test_what_a_target_cannot_express_is_told(tmp_path: Path, shape: str, scenario: str) -> None:
    assert SCENARIOS[scenario].find_obstacle(load_text(tmp_path, SHAPES[shape])) == OBSTACLES[shape, scenario]


@pytest.mark.parametrize(
    ("shape", "scenario"), [pair for pair in itertools.product(SHAPES, OF_UNITS) if pair not in OBSTACLES]
)
def test_a_right_engine_passes(tmp_path: Path, shape: str, scenario: str) -> None:
    judgement, _ = run(tmp_path, SHAPES[shape], UnitEngine(), scenario)
    assert judgement.verdict is Verdict.PASS, judgement
    checks = {check.check: check for check in judgement.checks}
    assert checks["capacity"].judged > 0
    assert checks["linearizable"].verdict is None
    assert checks["final-state"].verdict is None


@pytest.mark.parametrize(
    ("mistake", "shape", "scenario", "check"),
    [
        ("oversells", "vouchers", "last-unit", "capacity"),
        ("oversells", "told", "last-unit", "capacity"),
        ("oversells", "told", "two-resources", "capacity"),
        ("hides one", "vouchers", "last-unit", "capacity"),
        ("loses a give-back", "vouchers", "takes-and-give-backs", "capacity"),
        ("loses a give-back", "jobs", "takes-and-give-backs", "capacity"),
        ("gives back again", "vouchers", "takes-and-give-backs", "capacity"),
        ("gives back again", "jobs", "takes-and-give-backs", "capacity"),
        ("frees what it refuses", "vouchers", "takes-and-give-backs", "capacity"),
        ("frees what it refuses", "unread", "takes-and-give-backs", "capacity"),
        ("gives one twice", "jobs", "last-unit", "capacity"),
        ("serves all", "vouchers", "foreign-takes", "tenant-isolation"),
    ],
)
def test_a_wrong_engine_fails(tmp_path: Path, mistake: str, shape: str, scenario: str, check: str) -> None:
    judgement, _ = run(tmp_path, SHAPES[shape], UnitEngine(mistake), scenario)
    assert check in find_failed(judgement), judgement


@pytest.mark.parametrize("scenario", OF_UNITS)
def test_units_that_come_back_by_themselves_are_right(tmp_path: Path, scenario: str) -> None:
    judgement, _ = run(tmp_path, LEASED, UnitEngine(lease_s=LEASE_S), scenario)
    assert judgement.verdict is Verdict.PASS, judgement
    if scenario == "returned-units":
        operations = read_history(tmp_path / "h").operations
        won = operations.filter((operations["kind"] == "take") & (operations["outcome"] == "won"))
        units = operations.filter(operations["kind"] == "create")["left"].sum()
        assert won.height > units, "some units were given out once more"


@pytest.mark.parametrize(
    "mistake", ["ends early", "ends twice", "oversells", "gives back again", "frees what it refuses"]
)
def test_units_that_come_back_too_early_or_in_twos_fail(tmp_path: Path, mistake: str) -> None:
    judgement, _ = run(tmp_path, LEASED, UnitEngine(mistake, lease_s=LEASE_S), "returned-units")
    assert "capacity" in find_failed(judgement), judgement


@pytest.mark.parametrize(
    ("text", "obstacle"),
    [
        (LEASED.replace("0.4", "600"), "a unit comes back after 600 s; let the service have at most 3"),
        (TOLD + "returns_after_s = 1\n", "only the answer to the create tells how many units there are"),
        (LEASED, None),
    ],
)
def test_what_keeps_returned_units_from_being_asked_for_is_told(text: str, obstacle: str, tmp_path: Path) -> None:
    assert SCENARIOS["returned-units"].find_obstacle(load_text(tmp_path, text)) == obstacle


@pytest.mark.parametrize("shape", ["vouchers", "unread"])
def test_a_refused_give_back_ends_no_plan(tmp_path: Path, shape: str) -> None:
    run(tmp_path, SHAPES[shape], UnitEngine(), "takes-and-give-backs")
    plans = read_history(tmp_path / "h").having(events.Plan)
    assert not [plan.withdrawn for plan in plans if plan.withdrawn and "could not go on" in plan.withdrawn]


def test_a_second_give_back_may_be_answered_as_the_first(tmp_path: Path) -> None:
    judgement, _ = run(tmp_path, VOUCHERS, UnitEngine("says yes again"), "takes-and-give-backs")
    assert judgement.verdict is Verdict.PASS, judgement
    operations = read_history(tmp_path / "h").operations
    shared = operations.filter((operations["kind"] == "give_back") & operations["key"].is_not_null())
    assert set(shared["outcome"]) == {"won"}
    assert max(shared["key"].value_counts()["count"]) == 3


def test_what_a_target_cannot_express_is_not_applicable(tmp_path: Path) -> None:
    jobs, told = (load_text(tmp_path / name, SHAPES[name]) for name in ("jobs", "told"))
    assert SCENARIOS["two-resources"].find_obstacle(jobs) == "there is one queue for the whole service"
    assert SCENARIOS["foreign-takes"].find_obstacle(jobs) == "there is one queue for the whole service"
    assert SCENARIOS["takes-and-give-backs"].find_obstacle(told) == "the target has no capacity.give_back"
    many = load_text(tmp_path / "many", TOLD.replace('"uses"', "5000"))
    assert SCENARIOS["last-unit"].find_obstacle(many) == "a resource has 5,000 units, and a script takes 40 at most"


def test_what_is_left_in_the_queue_is_taken_first(tmp_path: Path) -> None:
    """Jobs of an earlier run are no units of the new queue."""
    engine = UnitEngine()
    engine.waiting, engine.numbers = [1, 2, 3], 3
    judgement, _ = run(tmp_path, JOBS, engine, "last-unit")
    assert judgement.verdict is Verdict.PASS, judgement
    assert {1, 2, 3} <= set(engine.claimed)


def test_the_numbers_of_units_and_of_rounds() -> None:
    assert choose_units(10) == [1, 3, 5, 10]
    assert choose_units(2) == [1, 2]
    assert [count_rounds(units, 4) for units in (1, 4, 5, None)] == [2, 2, 3, 40]


def test_a_level_without_races_is_counted_in_rounds(tmp_path: Path) -> None:
    target = load_text(tmp_path / "target", VOUCHERS)
    source = make_unit_source(tmp_path / "h", target, UnitEngine(), "last-unit", 6)
    for _ in source.run():
        pass
    level = source.report()
    source.finish()
    assert (level.unit, level.planned, level.run) == ("rounds", 6, 6)
