"""Goal: trends and comparisons are those of the commands. Method: the pages of runs whose measures are known."""

from pathlib import Path
from urllib.parse import urlencode

import pytest

from onewinner.baseline import compare_runs
from onewinner.options import ComparisonOptions
from reports.comparison.description import describe_result
from reports.judge.text.short_forms import capital
from tests.onewinner.ui.asking import TOKEN, ask, make_run


def name_two(baseline: str, run: str) -> str:
    return f"/compare?{urlencode({'baseline': baseline, 'run': run})}"


def test_two_runs_are_compared_as_the_command_does(tmp_path: Path) -> None:
    good, bad = make_run(tmp_path / "good"), make_run(tmp_path / "bad", failing=True)
    answer = ask(tmp_path, name_two("good", "bad"))
    assert answer.status_code == 200
    assert '<div class="verdict fail">' in answer.text
    assert capital(describe_result(compare_runs(good, bad, ComparisonOptions()))) in answer.text
    assert 'id="comparison"' in answer.text
    assert f'href="/{TOKEN}/runs/good"' in answer.text


def test_a_run_that_did_not_finish_compares_as_unknown(tmp_path: Path) -> None:
    make_run(tmp_path / "good")
    make_run(tmp_path / "cut", finished=False)
    assert '<div class="verdict unknown">' in ask(tmp_path, name_two("good", "cut")).text


@pytest.mark.parametrize("pair", [("good", "../out"), ("/out", "good"), ("good", ""), ("nowhere", "good")])
def test_only_runs_of_the_folder_are_compared(pair: tuple[str, str], tmp_path: Path) -> None:
    make_run(tmp_path / "out", name="the-run-outside")
    make_run(tmp_path / "runs" / "good")
    answer = ask(tmp_path / "runs", name_two(*pair))
    assert answer.status_code == 404
    assert "the-run-outside" not in answer.text


def test_a_damaged_run_is_not_compared(tmp_path: Path) -> None:
    make_run(tmp_path / "good")
    (tmp_path / "bad").mkdir()
    (tmp_path / "bad" / "run.json").write_text("{")
    answer = ask(tmp_path, name_two("good", "bad"))
    assert (answer.status_code, "One of these runs is damaged." in answer.text) == (200, True)


def test_the_list_offers_finished_runs_the_two_newest_first(tmp_path: Path) -> None:
    make_run(tmp_path / "only")
    assert "Two finished runs are needed." in ask(tmp_path, "/").text
    make_run(tmp_path / "later", started_at="2026-02-01T00:00:00Z")
    make_run(tmp_path / "cut", finished=False)
    page = ask(tmp_path, "/").text
    baseline, run = (part.partition("</select>")[0] for part in page.split("<select name=")[-2:])
    assert ('value="only" selected' in baseline, 'value="later" selected' in run) == (True, True)
    assert "cut" not in baseline


def test_measures_over_time_are_of_the_runs_that_may_be_read(tmp_path: Path) -> None:
    make_run(tmp_path / "runs" / "first", name="alpha")
    make_run(tmp_path / "out", name="the-run-outside")
    (tmp_path / "runs" / "link").symlink_to(tmp_path / "out")
    answer = ask(tmp_path / "runs", "/trends")
    assert answer.status_code == 200
    assert "races per second" in answer.text
    assert f'href="/{TOKEN}/"' in answer.text
    assert "the-run-outside" not in answer.text


def test_no_measures_yet(tmp_path: Path) -> None:
    make_run(tmp_path / "cut", finished=False)
    assert "No run of this folder has measured anything yet." in ask(tmp_path, "/trends").text
