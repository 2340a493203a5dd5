"""Goal: an outage that is not ours is a fault in the history and a sentence; one that is ours is neither."""

from pathlib import Path

from onewinner.unplanned_outages import record_outages
from reports.history.events import Event, Fault, FaultBegun
from reports.history.history import read_history
from reports.history.journal import Journal
from reports.judge.evidence.faults import take_faults

SECOND = 1_000_000_000


def write_crash(folder: Path, crash: Event) -> None:
    with Journal(folder / "faults-0.jsonl") as journal:
        journal.write(crash)


def test_a_crash_of_ours_is_told_already(tmp_path: Path) -> None:
    write_crash(tmp_path, Fault(at_ns=10 * SECOND, until_ns=12 * SECOND, what="server killed"))
    assert record_outages(tmp_path, [(9 * SECOND, 12 * SECOND)]) is None
    assert [path.name for path in tmp_path.iterdir()] == ["faults-0.jsonl"]


def test_another_one_is_a_fault_and_a_sentence(tmp_path: Path) -> None:
    write_crash(tmp_path, FaultBegun(at_ns=10 * SECOND, what="server killed"))
    told = record_outages(tmp_path, [(9 * SECOND, 12 * SECOND), (40 * SECOND, 41 * SECOND)])
    assert told is not None
    assert "ended, once during the run, and not by onewinner" in told
    faults = [fault for fault in take_faults(read_history(tmp_path)).all if fault.what == "database lost"]
    assert [(fault.at, fault.until) for fault in faults] == [(40 * SECOND, 42 * SECOND)]


def test_without_a_gap_nothing_is_told(tmp_path: Path) -> None:
    assert record_outages(tmp_path, []) is None
    assert list(tmp_path.iterdir()) == []
