"""Goal: what a path names is read, all of it, and nothing else. Method: small folders with awkward names."""

import os
from pathlib import Path
from typing import Any

import polars as pl
import pytest

from reports.history import events
from reports.history.file_selection import HistoryError, find_files, holds_operations, list_left_out
from reports.history.history import read_history
from reports.history.seal import seal_history
from tests.reports.history.test_history import INVOKE, RETURN, write

AUDIT = {"event": "audit", "workflow": "w", "read_ns": 30, "entries": [{"from": "A", "to": "B"}]}
HEADER = {"event": "header", "format": 2}


def ids(path: Path) -> list[str]:
    return sorted(read_history(path).operations["id"].to_list())


def record(folder: Path, name: str, identity: Any, *more: dict[str, Any]) -> Path:
    folder.mkdir(parents=True, exist_ok=True)
    header = {**HEADER, "source": name}
    return write(folder / f"{name}.jsonl", header, {**INVOKE, "id": identity}, {**RETURN, "id": identity}, *more)


@pytest.mark.parametrize("name", ["o[1]", "o*", "o?", "**", "{a,b}", "k=v", "~", "%2A"])
def test_no_name_is_a_pattern(tmp_path: Path, name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Each is sealed beside another run that it would match if it were one."""
    for number, folder in enumerate((name, "o1", "ob", "a")):
        record(tmp_path / folder, "x", number, AUDIT, {"event": "plan", "operations": number})
        seal_history(tmp_path / folder)
    monkeypatch.chdir(tmp_path)
    for path in (tmp_path / name, tmp_path / name / "x.parquet", Path(name)):
        history = read_history(path)
        assert history.operations["id"].to_list() == ["0"]
        assert history.audit.height == 1
        assert [event.operations for event in history.having(events.Plan)] == [0]


@pytest.mark.parametrize("name", ["x[1]", "x*", "x?"])
def test_no_file_name_is_a_pattern(tmp_path: Path, name: str) -> None:
    for number, one in enumerate((name, "x1", "xy")):
        record(tmp_path, one, number, AUDIT)
    seal_history(tmp_path)
    assert ids(tmp_path / f"{name}.parquet") == ["0"]
    assert read_history(tmp_path / f"{name}.parquet").audit.height == 1
    assert ids(tmp_path) == ["0", "1", "2"]


@pytest.mark.parametrize("ending", ["events", "audit"])
def test_a_journal_may_be_named_like_what_is_sealed_beside_another(tmp_path: Path, ending: str) -> None:
    record(tmp_path, "x", 1, AUDIT)
    other = record(tmp_path, f"x.{ending}", 2, AUDIT)
    assert ids(tmp_path) == ["1", "2"]
    assert ids(other) == ["2"]
    seal_history(other)
    assert ids(tmp_path) == ["1", "2"]
    assert ids(other.with_suffix(".parquet")) == ["2"]


def test_a_journal_that_holds_no_operation_yet_is_known_by_its_header(tmp_path: Path) -> None:
    record(tmp_path, "x", 1)
    seal_history(tmp_path / "x.jsonl")
    plan = {"event": "plan", "operations": 7}
    (tmp_path / "x.events.jsonl").unlink()
    write(tmp_path / "x.events.jsonl", {**HEADER, "source": "x.events"}, plan)
    history = read_history(tmp_path)
    assert [(source, event.operations) for source, event in history.by_source(events.Plan)] == [("x.events", 7)]
    write(tmp_path / "x.events.jsonl", {**HEADER, "source": "x"}, plan)
    history = read_history(tmp_path)
    assert [(source, event.operations) for source, event in history.by_source(events.Plan)] == [("x", 7)]
    with pytest.raises(HistoryError, match=r"holds events of .*x.parquet; name that file"):
        read_history(tmp_path / "x.events.jsonl")


@pytest.mark.parametrize("ending", ["events", "audit"])
def test_sealing_writes_over_no_other_history(tmp_path: Path, ending: str) -> None:
    journal = record(tmp_path, "x", 1, AUDIT)
    other = record(tmp_path, f"x.{ending}", 2)
    if ending == "audit":
        seal_history(other)
    with pytest.raises(HistoryError, match="is a history of its own"):
        seal_history(journal)
    assert ids(tmp_path) == ["1", "2"]


def test_what_is_sealed_beside_a_journal_that_is_still_there_is_read_from_the_journal(tmp_path: Path) -> None:
    """A seal that was cut short."""
    journal = record(tmp_path, "x", 1, AUDIT)
    text = journal.read_bytes()
    seal_history(journal)
    journal.write_bytes(text)
    history = read_history(tmp_path)
    assert (history.operations.height, history.audit.height, len(history.having(events.Header))) == (1, 1, 1)


@pytest.mark.parametrize("header", [[], [{**HEADER, "source": "y"}], [{**HEADER, "source": "x"}]])
def test_events_beside_a_journal_are_a_journal_of_their_own_unless_they_are_its_lines(
    tmp_path: Path, header: list[dict[str, Any]]
) -> None:
    told = {"event": "effects", "workflow": "w", "read_ns": 50, "markers": ["2"]}
    record(tmp_path, "x", 1)
    events_file = write(tmp_path / "x.events.jsonl", *header, told)
    assert [event.markers for event in read_history(tmp_path).having(events.Effects)] == [["2"]]
    assert list_left_out(tmp_path) == []
    record(tmp_path, "x", 1, told)
    whole = (tmp_path / "x.jsonl").read_bytes().splitlines(keepends=True)
    for lines in (whole[-1:], [whole[0], whole[-1][:-5]], []):  # of a seal that was cut short
        events_file.write_bytes(b"".join(lines))
        assert len(read_history(tmp_path).having(events.Effects)) == 1
        assert list_left_out(tmp_path) == ["x.events.jsonl"]


def test_what_is_sealed_beside_a_journal_is_told_to_be_left_out(tmp_path: Path) -> None:
    journal = record(tmp_path, "x", 1, AUDIT)
    text = journal.read_bytes()
    seal_history(journal)
    assert list_left_out(tmp_path) == []
    journal.write_bytes(text)
    assert list_left_out(tmp_path) == ["x.audit.parquet", "x.events.jsonl", "x.parquet"]


def make_folder(path: Path) -> None:
    path.mkdir()


def make_link(path: Path) -> None:
    path.symlink_to(path.with_name("nowhere"))


@pytest.mark.parametrize(
    ("name", "make", "what"),
    [
        ("b.jsonl", make_folder, "is a folder"),
        ("b.parquet", make_folder, "is a folder"),
        ("b.jsonl", os.mkfifo, "is neither a regular file nor a folder"),
        ("b.jsonl", make_link, "is a link to a file that does not exist"),
        ("b.parquet", Path.touch, "is not readable Parquet"),
        ("b.jsonl.gz", Path.touch, "is named like a history, and ends neither in"),
        ("B.JSONL", Path.touch, "is named like a history, and ends neither in"),
        ("b.ndjson", Path.touch, "is named like a history, and ends neither in"),
        ("x.audit.parquet", Path.touch, "is not readable Parquet"),
    ],
)
def test_what_is_named_like_a_history_and_cannot_be_read_is_an_error(
    tmp_path: Path, name: str, make: Any, what: str
) -> None:
    record(tmp_path, "a", 1)
    make(tmp_path / name)
    with pytest.raises(HistoryError, match=what) as caught:
        read_history(tmp_path)
    assert str(caught.value).startswith(f"{tmp_path / name}")


def test_a_run_that_was_ended_holds_operations_beside_what_a_level_left(tmp_path: Path) -> None:
    """A folder, a pipe that nothing writes to, a file of another kind."""
    folder = tmp_path / "history"
    (folder / "aside-x").mkdir(parents=True)
    (folder / "aside.jsonl").mkdir()
    os.mkfifo(folder / "pipe.jsonl")
    (folder / "notes.txt").write_text('"invoke"')
    assert not holds_operations(tmp_path)
    (folder / "z.jsonl").write_text('{"event": "invoke"}\n')
    assert holds_operations(tmp_path)


def test_what_else_is_in_a_folder_is_told(tmp_path: Path) -> None:
    run = tmp_path / "run"
    record(run / "history", "a", 1)
    (run / "history" / "notes.md").touch()
    (run / "run.json").touch()
    assert ids(run) == ["1"]
    assert list_left_out(run) == ["notes.md"]
    record(run, "b", 2)
    with pytest.raises(HistoryError, match=r"holds b\.jsonl and a folder history"):
        read_history(run)


def test_a_sealed_file_is_known_by_its_content(tmp_path: Path) -> None:
    journal = record(tmp_path, "x", 1)
    [sealed] = seal_history(journal)
    assert ids(sealed.rename(tmp_path / "saved")) == ["1"]


@pytest.mark.parametrize(
    ("change", "what"),
    [
        ({"id": pl.lit(None, pl.String)}, "row 0: has no id"),
        ({"process": pl.lit(None, pl.String)}, "row 0: has no process"),
        ({"invoked_ns": pl.lit(1 << 62)}, "row 0: has a time that is out of range"),
        ({"invoked_ns": pl.lit(1.5)}, "its column invoked_ns is of the type Float64"),
        ({"returned_ns": pl.lit("soon")}, "its column returned_ns is of the type String"),
        ({"expected": pl.lit(pl.Series([["A", None]]))}, "row 0: expects a state that is null"),
        ({"next": pl.lit(1)}, "its column next is of the type Int32"),
        ({"kind": pl.lit("swap")}, "row 0: operation 1 .* is of no known kind"),
        ({"detail": pl.lit('{"problem": 5}')}, "row 0: operation 1 has a detail that cannot be read"),
        ({"detail": pl.lit('{"problem": ')}, "row 0: operation 1 has a detail that cannot be read"),
    ],
)
def test_sealed_operations_that_do_not_fit_are_named(tmp_path: Path, change: dict[str, pl.Expr], what: str) -> None:
    [sealed] = seal_history(record(tmp_path, "x", 1))
    pl.read_parquet(sealed).with_columns(**change).write_parquet(sealed)
    with pytest.raises(HistoryError, match=what):
        read_history(sealed)


@pytest.mark.parametrize(
    ("change", "what"),
    [
        ({"trail": pl.lit(None, pl.Int64)}, "row 0: has no trail"),
        ({"workflow": pl.lit(None, pl.String)}, "row 0: has no workflow"),
        ({"read_ns": pl.lit("x")}, "its column read_ns is of the type String"),
        ({"returned_ns": pl.lit(1)}, "row 0: was read before it was asked for"),
        ({"position": pl.lit(0)}, "row 0: has the position of another entry"),
        ({"to": pl.lit(None, pl.String)}, "row 0: leads nowhere"),
    ],
)
def test_sealed_trails_that_do_not_fit_are_named(tmp_path: Path, change: dict[str, pl.Expr], what: str) -> None:
    two = {**AUDIT, "entries": [{"from": "A", "to": "B"}, {"from": "B", "to": "C"}]}
    [sealed] = seal_history(record(tmp_path, "x", 1, two))
    trails = tmp_path / "x.audit.parquet"
    pl.read_parquet(trails).with_columns(**change).write_parquet(trails)
    with pytest.raises(HistoryError, match=what) as caught:
        read_history(sealed)
    assert str(caught.value).startswith(str(trails))


@pytest.mark.parametrize(
    ("begin", "message"),
    [
        (b"\xef\xbb\xbf{}", ":1: begins with a byte order mark; save it as UTF-8 without one"),
        (b"\x1f\x8b\x08\x00", ":1: is compressed by gzip; unpack it with gunzip, and name the unpacked file"),
    ],
)
def test_what_another_program_put_around_the_lines_is_refused(tmp_path: Path, begin: bytes, message: str) -> None:
    file = tmp_path / "a.jsonl"
    file.write_bytes(begin)
    for named in (file, tmp_path):
        with pytest.raises(HistoryError) as caught:
            find_files(named)
        assert str(caught.value) == f"{file}{message}"
