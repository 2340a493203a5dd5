"""Goal: a trend marks a real change and not every noise. Method: series of a known truth, and run directories."""

import random
from collections.abc import Sequence
from math import exp
from pathlib import Path
from typing import Any

import pytest

from reports.comparison.comparison_result import Trend
from reports.comparison.trends import describe_change, describe_trend, draw_line, find_changes, find_trends, is_worse
from reports.documents.chronicle import read_chronicle
from reports.documents.page.trends import render_trends
from reports.documents.run_folder import begin_run, finish_run, with_judgement
from reports.judge.verdict import Judgement, Verdict
from tests.reports.building import make_facts

PASSED = Judgement(Verdict.PASS, "fine", ())


def draw(*parts: tuple[float, int], noise: float = 0.04, seed: int = 1) -> list[float]:
    rng = random.Random(seed)
    return [level * exp(rng.gauss(0, noise)) for level, count in parts for _ in range(count)]


def test_a_step_is_found_where_it_is() -> None:
    [change] = find_changes(draw((100, 15), (130, 15)))
    assert change.index == 15
    assert change.before == pytest.approx(100, rel=0.03)
    assert change.after == pytest.approx(130, rel=0.03)
    assert change.p_value <= 0.01


def test_two_steps_are_two_changes() -> None:
    changes = find_changes(draw((100, 20), (130, 20), (105, 20)))
    assert [change.index for change in changes] == [20, 40]
    assert changes[0].after == changes[1].before


def test_noise_is_rarely_a_change() -> None:
    alarms = sum(bool(find_changes(draw((100, 30), seed=seed))) for seed in range(100))
    assert alarms <= 4


@pytest.mark.parametrize(
    "values",
    [
        [],
        [5.0],
        [5.0] * 30,
        draw((100, 4), (130, 3)),
        [*draw((100, 10), noise=0.001), 300.0, *draw((100, 10), noise=0.001)],
        draw((100, 20), (102, 20), noise=0.001),
    ],
    ids=["none", "one", "constant", "too few", "one outlier", "too small"],
)
def test_what_is_no_change_is_not_marked(values: Sequence[float]) -> None:
    assert find_changes(values) == ()


def write_run(folder: Path, name: str, facts: dict[str, Any], judgement: Judgement | None = PASSED) -> None:
    target = folder / "given.toml"
    target.write_text("")
    run = begin_run(folder / "runs" / name, target, make_facts(**{"name": "orders", "profile": "quick", **facts}))
    if judgement is not None:
        finish_run(with_judgement(run, judgement))


def write_many(folder: Path) -> tuple[Trend, ...]:
    for number, value in enumerate(draw((100e6, 8), (150e6, 8))):
        blocks = {"latency.won.p50": [value] * 7, "races_per_second": [3.0]}
        write_run(folder, f"r{number:02}", {"started_at": f"2026-01-{number + 1:02}", "measures": {"blocks": blocks}})
    return find_trends(read_chronicle(folder / "runs").measured)


def test_runs_of_a_folder_make_a_trend_per_measure(tmp_path: Path) -> None:
    rate, latency = write_many(tmp_path)
    assert (rate.measure, rate.changes) == ("races_per_second", ())
    assert (latency.measure, latency.series, len(latency.points)) == ("latency.won.p50", "orders (quick)", 16)
    assert latency.points[0].run == str(tmp_path / "runs" / "r00")
    [change] = latency.changes
    assert is_worse(latency, change)
    told = describe_change(latency, change)
    assert f"is worse since {tmp_path / 'runs' / 'r08'}: +{change.after / change.before - 1:.1%}, from " in told
    assert (describe_trend(latency), describe_trend(rate)) == ("1 change", "no change")


def test_the_page_shows_them_as_text(tmp_path: Path) -> None:
    write_many(tmp_path)
    write_run(tmp_path, "<b>", {"name": "<script>", "measures": {"blocks": {"gate_time": [1.0]}}})
    chronicle = read_chronicle(tmp_path / "runs")
    page = render_trends(find_trends(chronicle.measured), ["<i>"])
    assert page.count("<svg") == 3
    assert page.count("<circle") == 33
    assert 'class="worse"' in page
    for hostile in ("<script", "<b>", "<i>", "http:", "https:", "src="):
        assert hostile not in page


def test_other_conditions_are_another_series(tmp_path: Path) -> None:
    for number, cpus in enumerate((2, 4)):
        facts = {"machine": {"cpus": cpus, "release": str(number)}, "measures": {"blocks": {"gate_time": [1.0]}}}
        write_run(tmp_path, str(number), facts)
    names = [trend.series for trend in find_trends(read_chronicle(tmp_path / "runs").measured)]
    assert names == ["orders (quick), machine (cpus): 2", "orders (quick), machine (cpus): 4"]


def test_what_cannot_be_used_is_named(tmp_path: Path) -> None:
    write_run(tmp_path, "unfinished", {}, None)
    write_run(tmp_path, "empty", {})
    (tmp_path / "runs" / "broken").mkdir()
    (tmp_path / "runs" / "broken" / "run.json").write_text("{")
    chronicle = read_chronicle(tmp_path / "runs")
    assert chronicle.runs == ()
    told = "\n".join(chronicle.notes)
    assert "broken/run.json: is not JSON" in told
    assert "unfinished: the run did not finish" in told
    assert "empty: measured nothing" in told


def test_a_line_is_drawn_by_size() -> None:
    assert draw_line([1, 10, 100]) == "▁▄█" or draw_line([1, 10, 100]) == "▁▅█"
    assert draw_line([2, 2]) == "▄▄"
