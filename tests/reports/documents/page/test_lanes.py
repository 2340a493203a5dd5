"""Goal: a race's picture tells who won, who did not, and when, without colour. Method: pictures of a few operations."""

from typing import Any

from msgspec import structs

from reports.comparison.facts import ShownOperation
from reports.documents.page.race_lanes import Clock, choose_ticks, draw_lanes, find_lead, find_states
from reports.documents.page.races import list_lanes

BLANK = ShownOperation("", "p", "advance", ("A",), "B", "won", 200, None, None, 0, None, None, False, None)


def operation(identity: str, outcome: str, invoked: int, returned: int | None, **more: Any) -> ShownOperation:
    return structs.replace(BLANK, id=identity, outcome=outcome, invoked_ns=invoked, returned_ns=returned, **more)


def test_each_outcome_has_a_shape_of_its_own() -> None:
    outcomes = ("won", "conflict", "unknown", "refused", "ok")
    operations = [operation(name, name, 0, 100) for name in outcomes]
    svg, told = draw_lanes(operations), [f"{lane.sign} {lane.kind}" for lane in list_lanes(operations)]
    for name in outcomes:
        assert svg.count(f'<rect class="{name}"') == 1
    assert told == ["● won", "○ conflict", "? unknown", "– refused", "· ok"]


def test_what_never_returned_runs_to_the_edge() -> None:
    svg = draw_lanes([operation("a", "won", 0, 100), operation("b", "unknown", 50, None)])
    bar = svg[svg.index('<rect class="unknown"') :]
    start, width = (float(bar.split(f'{name}="')[1].split("%")[0]) for name in ("x", "width"))
    assert start + width == 100


def test_calls_to_a_sink_stand_in_the_lane_of_their_request() -> None:
    won = operation("a", "won", 0, 100, calls_ns=(50, 500))
    svg = draw_lanes([won, operation("b", "conflict", 0, 100)])
    assert [float(part.split("%")[0]) for part in svg.split('class="called" cx="')[1:]] == [50.0, 99.2]
    assert "called" not in draw_lanes([operation("b", "conflict", 0, 100)])


def test_bars_lie_as_the_times_do() -> None:
    clock = Clock.of([operation("a", "won", 0, 1000), operation("b", "conflict", 500, 900)])
    assert clock.place(0) < clock.place(500) < clock.place(900) < clock.place(1000) <= 100
    assert clock.place(500) * 2 == clock.place(0) + clock.place(1000)


def test_the_state_before_and_after_is_what_the_winners_say() -> None:
    won, lost = operation("a", "won", 0, 9), operation("b", "conflict", 0, 5)
    assert find_states([lost, won]) == ("A", "→ B")
    assert find_states([lost]) == ("A", "")
    assert find_states([won, operation("c", "won", 0, 3, next="C")]) == ("A", "→ C, B")


def test_there_are_few_ticks_and_they_are_round() -> None:
    for last in (1, 7, 999, 1_234_567, 60_000_000_000):
        ticks = choose_ticks(Clock(0, last))
        assert len(ticks) <= 4
        assert all(str(tick).rstrip("0") in ("1", "2", "3", "4", "5", "15", "6", "8") for tick in ticks)


def test_ids_that_begin_alike_can_be_shortened() -> None:
    assert find_lead(["race-0.0.12", "race-0.0.19"]) == len("race-0.0.")
    assert find_lead(["race-0.0.12"]) == 0
    assert find_lead(["a", "b"]) == 0
