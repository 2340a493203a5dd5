"""Goal: all levels leave a user's database as it was.

Method: as in test_left_behind.py; a file of its own, since it takes long.
"""

from pathlib import Path

import pytest

from tests.onewinner.catalogs import run_without_a_trace, start_foreign


@pytest.mark.exhaustive
@pytest.mark.parametrize(
    "words",
    [
        ("gate", "--level", "sequential", "--level", "parallel", "--batches", "1", "--plans", "5", "--out", "out"),
        ("gate", "--level", "faults", "--out", "out"),
        ("explore", "--scope", "kinds", "--mixed", "0", "--out", "out"),
    ],
    ids=" ".join,
)
def test_a_long_command_changes_nothing(words: tuple[str, ...], tmp_path: Path) -> None:
    with start_foreign() as database:
        run_without_a_trace(words, database, tmp_path)
