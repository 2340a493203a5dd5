"""Goal: a comparison survives run.json. Method: one with everything in it, packed as JSON and read back."""

import msgspec
import pytest

from reports.comparison.comparison_result import (
    Acknowledgement,
    BlockTest,
    Change,
    CheckChange,
    Comparison,
    Design,
    MeasureChange,
    Standing,
)
from reports.comparison.facts import Facts
from reports.judge.verdict import Verdict

TEST = BlockTest("exact permutation", 0.001, 0.002, 0.01, (1.05, 1.2), 0.95, (8, 8), 0.05, 0.0)
KNOWN = Acknowledgement("gate_time", "a slower runner", "2030-01-01")
SLOWER = MeasureChange(
    "latency.won.p95", "latency, won, p95", "ns", "lower", 1e6, 1.1e6, 1.1, Change.REGRESSED, "slower", TEST
)
EXCUSED = MeasureChange("gate_time", "gate time", "s", "lower", 9, 12, 1.33, Change.REGRESSED, "", TEST, KNOWN)
UNTESTED = MeasureChange("x", "x", "s", "lower", None, None, None, Change.INCONCLUSIVE, "too few blocks")
COMPARISON = Comparison(
    "runs/a",
    Verdict.PASS,
    "runs/b",
    Verdict.FAIL,
    Design.INTERLEAVED,
    (CheckChange("audit", None, Verdict.FAIL, Standing.NEWLY_FAILING), CheckChange("x", None, None, Standing.SAME)),
    (SLOWER, EXCUSED, UNTESTED),
    ("the machines differ",),
)


def test_it_is_read_back_the_same() -> None:
    packed = msgspec.json.encode(Facts(comparison=COMPARISON))
    assert msgspec.json.decode(packed, type=Facts).comparison == COMPARISON
    assert Facts().comparison is None


def test_it_answers_what_the_documents_ask() -> None:
    assert COMPARISON.having(Standing.NEWLY_FAILING) == ("audit",)
    assert COMPARISON.turning(Change.REGRESSED) == (SLOWER, EXCUSED)
    assert COMPARISON.regressions == (SLOWER,)


def test_what_is_no_comparison_is_refused() -> None:
    with pytest.raises(msgspec.ValidationError):
        msgspec.convert({**msgspec.to_builtins(COMPARISON), "design": "dreamt"}, Comparison)
