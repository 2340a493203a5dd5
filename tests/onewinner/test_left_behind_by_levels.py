"""Goal: all levels leave a user's database as it was.

Method: as in test_left_behind.py; a file of its own, since it takes long.
"""

from pathlib import Path

import pytest

from tests.onewinner.catalogs import look, start_foreign
from tests.onewinner.running import Command


@pytest.mark.exhaustive
@pytest.mark.parametrize(
    "words",
    [("gate", "--profile", "quick", "--out", "out"), ("explore", "--schedules", "20", "--out", "out")],
    ids=" ".join,
)
def test_a_long_command_changes_nothing(words: tuple[str, ...], tmp_path: Path) -> None:
    with start_foreign() as database:
        before = look(database)
        command = Command((*words, "--database", database.url), tmp_path)
        ended = command.run(limit_s=1200)
        assert look(database) == before
        assert command.find_left() == []
        assert ended.returncode == 0, ended
