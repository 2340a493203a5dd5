"""Goal: registers recorded by another tool, with timeouts, convert line by line and are judged right.

Method: histories known to be good or bad, in the other tool's own form; each file's name says which.
"""

import subprocess
import sys
from pathlib import Path

import pytest

from examples.judge_a_register_history import convert
from tests.onewinner.running import Command

ROOT = Path(__file__).parents[2]
RECORDED = sorted((ROOT / "tests" / "histories" / "registers").glob("*.edn"))


@pytest.mark.parametrize("recorded", RECORDED, ids=lambda path: path.stem)
def test_a_recorded_register_is_judged_right(recorded: Path, tmp_path: Path) -> None:
    journal = tmp_path / "register.jsonl"
    with journal.open("wb") as output:
        program = [sys.executable, "examples/judge_a_register_history.py", str(recorded)]
        subprocess.run(program, cwd=ROOT, stdout=output, check=True)
    judged = Command(("check", str(journal), "--only", "linearizable", "--initial", "nil"), tmp_path).run_here()
    assert judged.returncode == (0 if recorded.stem.startswith("good.") else 1), judged


def test_both_kinds_are_there() -> None:
    assert {path.stem.partition(".")[0] for path in RECORDED} == {"good", "bad"}


def test_each_line_of_a_client_becomes_one_line() -> None:
    for path in RECORDED:
        lines = path.read_text().splitlines()
        assert len(list(convert(lines))) == sum(":nemesis" not in line for line in lines)


def test_a_line_that_is_no_operation_is_named() -> None:
    with pytest.raises(ValueError, match="line 2 is no operation: nonsense"):
        list(convert(["{:process 0, :type :invoke, :f :read, :value nil}", "nonsense"]))
