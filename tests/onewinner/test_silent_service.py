"""Goal: a level ended silent only if its own end says so, and the levels after it owe nothing.

Method: written journals.
"""

from pathlib import Path

import pytest

from onewinner.level_plans import Level
from onewinner.silent_service import describe_left_out, ended_silent, is_silent, without
from reports.judge.levels.run_plan import RunPlan, SourceQuota

SILENT = b'{"event":"level","level":"race","unit":"races","planned":9,"run":3,"ended":"silent"}\n'
DONE = SILENT.replace(b'"silent"', b'"share"')


def make_level(name: str, *sources: str) -> Level:
    return Level(name, sources or (f"{name}-0",), ("true",), None, None)


@pytest.mark.parametrize(
    ("journal", "is_so"),
    [
        (SILENT, True),
        (b'{"event":"header"}\n' + SILENT + b'{"event":"end"}\n', True),
        (DONE, False),
        (b"", False),
        # Words of the service or of a scenario, in other events.
        (b'{"event":"invoke","workflow":"level silent"}\n' + DONE, False),
        (b'{"event":"broken","what":"level","ended":"silent"}\n', False),
        # The asker was killed while it wrote.
        (SILENT[:-9], False),
        (b'{"event":"level","ended":"silent"\n', False),
    ],
)
def test_only_the_end_of_a_level_says_that_it_ended_silent(journal: bytes, *, is_so: bool, tmp_path: Path) -> None:
    (tmp_path / "race-0.jsonl").write_bytes(journal)
    assert ended_silent(tmp_path / "race-0.jsonl") is is_so


def test_one_source_of_several_is_enough(tmp_path: Path) -> None:
    level = make_level("race", "race-0.0", "race-1.0")
    assert not is_silent(tmp_path, level), "without a journal nothing is known"
    (tmp_path / "race-0.0.jsonl").write_bytes(DONE)
    assert not is_silent(tmp_path, level)
    (tmp_path / "race-1.0.jsonl").write_bytes(SILENT)
    assert is_silent(tmp_path, level)


@pytest.mark.parametrize(
    ("names", "words"),
    [
        ([], None),
        (["race"], "the level race did not run"),
        (["parallel", "race"], "the levels parallel and race did not run"),
        (["parallel", "race", "faults"], "the levels parallel, race and faults did not run"),
    ],
)
def test_what_did_not_run_is_named(names: list[str], words: str | None) -> None:
    told = describe_left_out([make_level(name) for name in names])
    assert told == words if words is None else str(told).endswith(words)


def test_what_did_not_run_owes_nothing() -> None:
    plan = RunPlan(
        sources=("sequential-0", "race-0.0", "race-1.0"),
        quotas={name: SourceQuota(races=3) for name in ("race-0.0", "race-1.0", "other")},
    )
    left = without(plan, [make_level("race", "race-0.0", "race-1.0")])
    assert (left.sources, list(left.quotas)) == (("sequential-0",), ["other"])
    assert without(plan, []) == plan
