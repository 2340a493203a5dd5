"""Goal: a comparison reads well in a CI log. Method: golden files, `tests/golden/comparisons/`, of runs made by hand.

After a deliberate change, ONEWINNER_GOLDEN=write writes them anew; read the diff.
"""

import os
from datetime import date
from pathlib import Path

import msgspec
import pytest

from onewinner.baseline import print_comparison
from onewinner.exits import find_comparison_exit
from reports.comparison.comparison import Side, Terms, compare
from reports.comparison.comparison_result import Acknowledgement, Comparison, Design
from reports.judge.verdict import CheckResult, Judgement, Verdict
from tests.reports.building import make_facts

GOLDEN = Path(__file__).parent.parent / "golden" / "comparisons"
NOISE = (100, 101, 99, 102, 98, 100.5, 101.5, 99.5, 100.2, 100.9, 99.1, 102.3, 98.4, 100.6)
PASS, FAIL = Verdict.PASS, Verdict.FAIL


def make_side(name: str, verdict: Verdict, times: float, cpus: int = 2) -> Side:
    blocks = {
        "races_per_second": [value / times for value in NOISE],
        "latency.won.p50": [value * 1e4 for value in NOISE],
        "latency.won.p95": [value * 1e4 * times for value in NOISE],
        "latency.conflict.p95": [value * 1e4 * times for value in NOISE],
        "gate_time": [9.5 * times],
    }
    facts = make_facts(target="orders", machine={"cpus": cpus}, measures={"blocks": blocks})
    checks = (CheckResult("one-winner", verdict), CheckResult("audit", PASS), CheckResult("effects", None))
    return Side(name, facts, Judgement(verdict, "so it is", checks))


KNOWN = [
    Acknowledgement("latency.won.p95", "the trail has an index more", "2026-06-30"),
    Acknowledgement("races_per_second", "a trial", "2026-01-31"),
]
IN_TURNS = Terms(Design.INTERLEAVED, None, KNOWN, date(2026, 6, 1))
GOOD = make_side("runs/good", PASS, 1)
COMPARISONS = {
    "fails": (compare(GOOD, make_side("runs/bad", FAIL, 1.4), Terms()), 1),
    "regressed": (compare(GOOD, make_side("runs/slow", PASS, 1.1), IN_TURNS), 4),
    "drifted": (compare(GOOD, make_side("runs/later", PASS, 1.1), Terms()), 0),
    "elsewhere": (compare(GOOD, make_side("runs/elsewhere", PASS, 1.4, cpus=4), Terms()), 3),
}


@pytest.mark.parametrize("name", COMPARISONS)
def test_it_reads_as_its_golden_file(name: str, capsys: pytest.CaptureFixture[str]) -> None:
    comparison, code = COMPARISONS[name]
    assert find_comparison_exit(comparison) == code
    print_comparison(msgspec.convert(msgspec.to_builtins(comparison), Comparison))
    told = "".join(f"{line.rstrip()}\n" for line in capsys.readouterr().out.splitlines())
    golden = GOLDEN / f"{name}.txt"
    if os.environ.get("ONEWINNER_GOLDEN") == "write":
        golden.parent.mkdir(exist_ok=True)
        golden.write_text(told)
    assert told == golden.read_text()
