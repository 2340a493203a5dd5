"""Goal: any history can be read, and one that cannot be judged says where and why. Method: small literal files."""

import json
import os
import signal
import subprocess
import sys
from pathlib import Path
from typing import Any

import polars as pl
import pytest

from reports.history import events
from reports.history.history import HistoryError, read_history
from reports.history.journal import Journal
from reports.history.journal_lines import OPERATION_SCHEMA
from reports.history.seal import seal_history
from reports.judge.judge import judge
from reports.judge.verdict import Verdict

INVOKE = {
    "event": "invoke",
    "id": 1,
    "process": 7,
    "workflow": "w",
    "kind": "advance",
    "expected": "A",
    "next": "B",
    "invoked_ns": 10,
}
RETURN = {"event": "return", "id": 1, "outcome": "won", "status": 200, "returned_ns": 20}


def write(path: Path, *lines: dict[str, Any] | str) -> Path:
    text = [line if isinstance(line, str) else json.dumps(line) for line in lines]
    path.write_text("".join(line + "\n" for line in text))
    return path


def test_a_minimal_journal_is_enough(tmp_path: Path) -> None:
    history = read_history(write(tmp_path / "tool.jsonl", INVOKE, RETURN))
    assert history.operations.schema == pl.Schema(OPERATION_SCHEMA)
    assert history.operations.row(0, named=True) == {
        "id": "1",
        "process": "7",
        "scenario": "",
        "race": None,
        "tenant": "",
        "workflow": "w",
        "kind": "advance",
        "expected": ["A"],
        "next": "B",
        "outcome": "won",
        "status": 200,
        "observed": None,
        "invoked_ns": 10,
        "returned_ns": 20,
        "detail": None,
        "marker": None,
        "token_carried": None,
        "token_told": None,
        **dict.fromkeys(("units", "left", "unit", "returns_after_ns", "key", "payload", "answer")),
        "repeats": None,
        "abandoned": None,
        "sent": None,
        "received": None,
        "of": None,
    }


@pytest.mark.parametrize(
    ("lines", "number", "what"),
    [
        ([INVOKE, "{nonsense", RETURN], 2, "malformed line"),
        ([INVOKE, "[1]"], 2, "malformed line"),
        ([INVOKE, {**INVOKE, "id": "1"}], 2, "duplicate id 1: line 1 has it already"),
        ([RETURN, INVOKE], 1, "return of id 1 without an invoke before it"),
        ([INVOKE, RETURN, RETURN], 3, "second return of id 1"),
        ([{**INVOKE, "invoked_ns": "soon"}], 1, "malformed line"),
        ([{**INVOKE, "invoked_ns": 2**63}], 1, "malformed line"),
        ([{"event": "header"}, INVOKE, {**RETURN, "returned_ns": 9}], 2, "returned before it was invoked"),
        ([INVOKE, {**RETURN, "invoked_ns": 21}], 1, "returned before it was invoked"),
        ([{**INVOKE, "kind": "swap"}], 1, "is of no known kind"),
        ([INVOKE, {**RETURN, "outcome": "fine"}], 1, "has no known outcome"),
        ([INVOKE, {**RETURN, "outcome": "ok"}], 1, "another operation that is ok"),
        ([{**INVOKE, "kind": "read"}, RETURN], 1, "a read or a write that won"),
        ([{**INVOKE, "kind": "write", "expected": None, "next": None}, RETURN], 1, "a read or a write that won"),
        ([{**INVOKE, "kind": "read"}, {**RETURN, "outcome": "stale"}], 1, "a create or a read that is stale"),
        ([{**INVOKE, "next": None}], 1, "without a next state"),
        ([{**INVOKE, "expected": None}], 1, "without an expected state"),
        ([{**INVOKE, "expected": []}], 1, "without an expected state"),
        ([{"event": "effects", "workflow": "w", "read_ns": 1}, INVOKE], 1, "malformed line"),
        ([INVOKE, {"event": "effects", "workflow": "w", "read_ns": 1, "markers": "1"}], 2, "malformed line"),
    ],
)
def test_what_does_not_fit_is_named_with_file_and_line(
    tmp_path: Path, lines: list[Any], number: int, what: str
) -> None:
    path = write(tmp_path / "bad.jsonl", *lines)
    with pytest.raises(HistoryError) as caught:
        read_history(path)
    assert str(caught.value).startswith(f"{path}:{number}: ")
    assert what in str(caught.value)


def test_an_id_in_two_files_is_named_with_the_second_one(tmp_path: Path) -> None:
    write(tmp_path / "a.jsonl", INVOKE)
    second = write(tmp_path / "b.jsonl", {"event": "header"}, {**INVOKE, "id": 2}, INVOKE)
    with pytest.raises(HistoryError, match="duplicate id 1") as caught:
        read_history(tmp_path)
    assert str(caught.value).startswith(f"{second}:3: ")


@pytest.mark.parametrize("tail", ["{", '{"event":"return","id":1,"outc', '{"event":"inv', "\n\n"])
def test_a_truncated_last_line_is_what_a_crash_leaves(tmp_path: Path, tail: str) -> None:
    path = write(tmp_path / "cut.jsonl", INVOKE)
    with path.open("a") as file:
        file.write(tail)
    history = read_history(path)
    assert history.operations["outcome"].to_list() == ["unknown"]


@pytest.mark.parametrize("where", ["nowhere.jsonl", "."])
def test_nothing_to_read_is_an_error(tmp_path: Path, where: str) -> None:
    with pytest.raises(HistoryError):
        read_history(tmp_path / where)


def test_parquet_that_is_none_and_parquet_that_lacks_columns(tmp_path: Path) -> None:
    broken = tmp_path / "broken.parquet"
    broken.write_bytes(b"PAR1 and no more")
    with pytest.raises(HistoryError, match="not readable Parquet"):
        read_history(broken)
    pl.DataFrame({"id": ["1"]}).write_parquet(tmp_path / "lacking.parquet")
    with pytest.raises(HistoryError, match="lacks the columns process, scenario"):
        read_history(tmp_path / "lacking.parquet")


def test_a_bad_row_of_parquet_is_named(tmp_path: Path) -> None:
    operations = read_history(write(tmp_path / "a.jsonl", INVOKE, RETURN)).operations
    bad = tmp_path / "bad.parquet"
    pl.concat([operations, operations]).write_parquet(bad)
    with pytest.raises(HistoryError, match="duplicate id 1") as caught:
        read_history(bad)
    assert str(caught.value).startswith(f"{bad}, row 1: ")


MYSTERY = '{"event":"mystery",  "of":"a later version"}'


def record(folder: Path) -> None:
    """Two sources, as a run leaves them."""
    for number in range(2):
        with Journal(folder / f"load-{number}.jsonl") as journal:
            for step, workflow in enumerate(("w2", "w1")):
                identity = f"load-{number}.{step}"
                at = 10 * step + number
                ask = events.Invoke(identity, step, workflow, "advance", at, race="r", expected=["A", "Z"], next="B")
                journal.write(ask)
                won, detail = "won" if number == 0 else "conflict", events.Detail(request_id=identity).pack()
                journal.write(events.Return(identity, won, 200, returned_ns=50 + step, detail=detail))
            entries = [events.Entry(origin="A", to="B", request_id=f"load-0.{step}", sequence=1)]
            if number == 0:
                journal.write(events.Audit(workflow="w1", read_ns=90, entries=entries))
                journal.write(events.Audit(workflow="w3", read_ns=90, entries=[]))
            journal.write(events.Plan(operations=2, races=0))
        with journal.path.open("a") as file:
            file.write(f"{MYSTERY}\n")


def test_sealing_keeps_everything(tmp_path: Path) -> None:
    folder = tmp_path / "history"
    record(folder)
    before = read_history(tmp_path)
    sealed = seal_history(tmp_path)
    assert [path.name for path in sealed] == ["load-0.parquet", "load-1.parquet"]
    assert {path.name for path in folder.iterdir()} == {
        "load-0.parquet",
        "load-0.audit.parquet",
        "load-0.events.jsonl",
        "load-1.parquet",
        "load-1.events.jsonl",
    }
    after = read_history(tmp_path)
    assert after.operations.sort("id").equals(before.operations.sort("id"))
    assert after.operations["workflow"].to_list() == ["w1", "w2", "w1", "w2"]
    assert after.audit.equals(before.audit)
    assert after.events == before.events
    assert MYSTERY in (folder / "load-0.events.jsonl").read_text().splitlines()
    assert judge(after) == judge(before)
    assert read_history(folder / "load-0.parquet").audit.height == 2
    assert list(pl.read_parquet(folder / "load-0.parquet").schema.items()) == list(pl.Schema(OPERATION_SCHEMA).items())


def test_while_the_journal_is_there_it_counts(tmp_path: Path) -> None:
    """A crash between writing the sealed file and removing the journal must not make every id a duplicate."""
    record(tmp_path)
    journal = (tmp_path / "load-0.jsonl").read_bytes()
    seal_history(tmp_path / "load-0.jsonl")
    (tmp_path / "load-0.jsonl").write_bytes(journal)
    assert read_history(tmp_path).operations.height == 4


WRITER = """
import sys
from pathlib import Path
from reports.history.events import Invoke, Return
from reports.history.journal import Journal
journal = Journal(Path(sys.argv[1]))
number = 0
while True:
    journal.write(Invoke(number, 0, "w", "read", number))
    journal.write(Return(number, "ok", 200, "A", number))
    number += 1
    if number == 100:
        print("going", flush=True)
"""


def test_the_journal_of_a_killed_writer_can_be_judged(tmp_path: Path) -> None:
    path = tmp_path / "killed.jsonl"
    with subprocess.Popen([sys.executable, "-c", WRITER, str(path)], stdout=subprocess.PIPE) as writer:
        assert writer.stdout is not None
        assert writer.stdout.readline() == b"going\n"
        os.kill(writer.pid, signal.SIGKILL)
    history = read_history(path)
    assert history.operations.height >= 100
    unknown = history.operations.filter(pl.col("outcome") == "unknown").height
    assert unknown <= 1
    assert judge(history).verdict is Verdict.PASS
