"""Goal: every run of a folder is listed and opened, in each of its states, and nothing else is read.

Method: finished, unfinished and damaged run directories, links, and names that lead elsewhere.
"""

import os
from pathlib import Path

import pytest

from onewinner.ui.runs import LINK_OUT, list_runs
from reports.documents.run_folder import note_interruption
from tests.onewinner.ui.asking import TOKEN, ask, make_run

DAMAGE = {
    "empty": b"",
    "cut": b'{"format": 2,',
    "a list": b"[]",
    "of a later format": b'{"format": 99}',
    "without a verdict": b'{"format": 2}',
    "nested": b"[" * 100_000,
    "not text": bytes(range(256)),
}


def damage(folder: Path, content: bytes) -> None:
    folder.mkdir(parents=True)
    (folder / "run.json").write_bytes(content)


def test_the_list_tells_verdict_target_moment_failed_checks_and_share(tmp_path: Path) -> None:
    make_run(tmp_path / "old", started_at="2026-01-01T00:00:00Z")
    make_run(tmp_path / "new", failing=True, started_at="2026-02-01T00:00:00Z")
    make_run(tmp_path / "cut", finished=False, started_at="2026-03-01T00:00:00Z")
    old, new, cut = sorted(list_runs(tmp_path), key=lambda each: each.begun)
    assert [each.name for each in list_runs(tmp_path)] == ["cut", "new", "old"]
    assert (old.word, old.share, old.failed) == ("pass", "all", [])
    assert (new.word, new.tone) == ("fail", "fail")
    assert "one-winner" in new.failed
    assert (cut.word, cut.tone, cut.share) == ("in progress", "unknown", "")
    page = ask(tmp_path, "/")
    assert page.status_code == 200
    for told in ("old", "2026-02-01 00:00:00", "one-winner, ", "its files are being written"):
        assert told in page.text


@pytest.mark.parametrize("content", DAMAGE.values(), ids=DAMAGE)
def test_a_damaged_run_is_shown_as_such(content: bytes, tmp_path: Path) -> None:
    damage(tmp_path / "run", content)
    (listed,) = list_runs(tmp_path)
    assert (listed.word, listed.tone, listed.is_finished) == ("damaged", "unknown", False)
    for path in ("/", "/runs/run"):
        answer = ask(tmp_path, path)
        assert answer.status_code == 200
        assert "run.json" in answer.text
        assert "Traceback" not in answer.text


def test_a_run_that_did_not_finish_is_never_green(tmp_path: Path) -> None:
    make_run(tmp_path / "run", finished=False)
    answer = ask(tmp_path, "/runs/run")
    assert answer.status_code == 200
    assert 'class="verdict unknown"' in answer.text
    assert "the run did not finish" in answer.text.lower()


def test_a_run_whose_files_rest_or_that_was_interrupted_is_not_in_progress(tmp_path: Path) -> None:
    killed = make_run(tmp_path / "killed", finished=False)
    for file in (killed.folder / "run.json", killed.history):
        os.utime(file, (1, 1))
    note_interruption(make_run(tmp_path / "interrupted", finished=False), "SIGINT")
    assert [each.word for each in list_runs(tmp_path)] == ["unfinished", "unfinished"]
    page = ask(tmp_path, "/").text
    assert "the run did not finish: interrupted by SIGINT" in page
    with (killed.history / "race-0.0.jsonl").open("w"):
        pass
    assert [each.word for each in list_runs(tmp_path) if each.name == "killed"] == ["in progress"]


def test_both_runs_of_a_job_in_turns_are_found(tmp_path: Path) -> None:
    make_run(tmp_path / "turns" / "a")
    assert [each.name for each in list_runs(tmp_path)] == ["turns/a"]
    assert 'class="verdict pass"' in ask(tmp_path, "/runs/turns/a").text


ESCAPES = ["../out", "%2e%2e/out", "..%2fout", "in/../../out", "%2ftmp", "in/", "in/target.toml", "in%00", ""]


@pytest.mark.parametrize("name", ESCAPES)
def test_no_name_leads_out_of_the_folder(name: str, tmp_path: Path) -> None:
    make_run(tmp_path / "out", name="the-run-outside")
    make_run(tmp_path / "runs" / "in")
    answer = ask(tmp_path / "runs", f"/runs/{name}")
    assert answer.status_code in (403, 404)
    assert "the-run-outside" not in answer.text


def link_folder(runs: Path, outside: Path) -> None:
    (runs / "run").symlink_to(outside)


def link_record(runs: Path, outside: Path) -> None:
    (runs / "run").mkdir()
    (runs / "run" / "run.json").symlink_to(outside / "run.json")


def link_history(runs: Path, outside: Path) -> None:
    make_run(runs / "run", name="the-run-outside")
    (runs / "run" / "history" / "race.parquet").symlink_to(outside / "run.json")


@pytest.mark.parametrize("link", [link_folder, link_record, link_history])
def test_no_link_leads_out_of_the_folder(link, tmp_path: Path) -> None:  # type: ignore[no-untyped-def]
    make_run(tmp_path / "out", name="the-run-outside")
    (tmp_path / "runs").mkdir()
    link(tmp_path / "runs", tmp_path / "out")
    assert [each.trouble for each in list_runs(tmp_path / "runs")] == [LINK_OUT]
    for path in ("/", "/runs/run"):
        answer = ask(tmp_path / "runs", path)
        assert answer.status_code == 200
        assert "the-run-outside" not in answer.text


def test_a_link_within_the_folder_is_followed(tmp_path: Path) -> None:
    make_run(tmp_path / "run")
    (tmp_path / "latest").symlink_to("run")
    assert [each.word for each in list_runs(tmp_path)] == ["pass", "pass"]


def test_no_html_of_a_run_is_served_and_texts_are_escaped(tmp_path: Path) -> None:
    hostile = "<script>alert(1)</script>"
    run = make_run(tmp_path / f"a b&'%3f{hostile.replace('/', '')}", name=hostile, target=hostile)
    (run.folder / "index.html").write_text("HOSTILE")
    page = ask(tmp_path, "/").text
    assert "<script>alert" not in page
    (address,) = [part.split('"')[0] for part in page.split(f'href="/{TOKEN}')[1:] if part.startswith("/runs/")]
    report = ask(tmp_path, address)
    assert report.status_code == 200
    assert "HOSTILE" not in report.text
    assert "<script>alert" not in report.text
    assert f'href="/{TOKEN}/"' in report.text


def test_a_folder_without_runs_and_none_at_all(tmp_path: Path) -> None:
    for folder in (tmp_path, tmp_path / "nowhere"):
        assert "There is no run in this folder yet." in ask(folder, "/").text


def test_a_page_that_does_not_exist_is_a_sentence(tmp_path: Path) -> None:
    answer = ask(tmp_path, "/nowhere")
    assert answer.status_code == 404
    assert "There is no such page" in answer.text


def test_what_cannot_be_shown_is_a_sentence(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(_root: Path) -> None:
        raise ValueError("broken")

    monkeypatch.setattr("onewinner.ui.site.list_runs", fail)
    answer = ask(tmp_path, "/")
    assert answer.status_code == 500
    assert "ValueError: broken" in answer.text
    assert "Traceback" not in answer.text
