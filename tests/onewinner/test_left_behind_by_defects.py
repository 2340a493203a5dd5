"""Goal: defects and controls leave a user's database as it was, those that add columns and tables among them.

Method: as in test_left_behind.py; a file of its own, since it takes long. The others store nothing of their own.
"""

from pathlib import Path

import pytest

from tests.onewinner.catalogs import run_without_a_trace, start_foreign

DEFECTS = ("phantom-column", "count-then-insert", "claim-without-lock", "send-twice-on-retry")
CONTROLS = ("version-column", "capacity-by-constraint", "outbox-by-lease")


@pytest.mark.exhaustive
def test_a_long_command_changes_nothing(tmp_path: Path) -> None:
    chosen = [part for name in DEFECTS for part in ("--defect", name)]
    chosen += [part for name in CONTROLS for part in ("--control", name)]
    with start_foreign() as database:
        run_without_a_trace(("defects", *chosen, "--quick", "--level", "race", "--out", "out"), database, tmp_path)
