"""Goal: a replay that did not follow its race file shows nothing.

Method: journals with schedules, as replays write them.
"""

from collections.abc import Sequence
from pathlib import Path

import pytest

from onewinner.race_files import find_strayed
from reports.history import events
from reports.history.history import read_history
from reports.history.journal import Journal
from reports.judge.schedules import LEFT


@pytest.mark.parametrize(
    ("remarks", "told"),
    [
        ([], None),
        ([()], None),
        ([(LEFT,), ()], None),
        ([(LEFT,)], "the replay left the recorded order, so nothing shows what the race file recorded"),
        ([(LEFT,)] * 3, "each of the 3 replays left the recorded order, so nothing shows what the race file recorded"),
    ],
)
def test_replays_that_all_left_the_recorded_order_are_told(
    remarks: Sequence[Sequence[str]], told: str | None, tmp_path: Path
) -> None:
    with Journal(tmp_path / "interleavings-0.jsonl") as journal:
        for number, each in enumerate(remarks):
            schedule = events.Schedule(
                pairing=number, workflow=f"w{number}", order="AB", steps=[], answers=[], remarks=[*each], switches=0
            )
            journal.write(schedule)
    assert find_strayed(read_history(tmp_path)) == told
