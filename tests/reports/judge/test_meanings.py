"""Goal: each check says what it asks, in one line."""

from reports.judge.checks import CHECKS
from reports.judge.checks.meanings import MEANINGS


def test_every_check_has_its_line() -> None:
    assert list(MEANINGS) == list(CHECKS)
    assert all(line.endswith(".") and "\n" not in line and len(line) < 100 for line in MEANINGS.values())
