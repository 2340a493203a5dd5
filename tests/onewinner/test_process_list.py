"""Goal: no password of a database is an argument of a process. Method: every command line of a run, as it goes on."""

from pathlib import Path

import pytest

from engine.provision.embedded_postgresql import start_embedded
from tests.onewinner.running import Command, wait_for


@pytest.mark.exhaustive
def test_no_argument_shows_the_password_of_the_database(tmp_path: Path) -> None:
    with start_embedded() as database:
        options = ("gate", "--races", "100000", "--batches", "1", "--plans", "1", "--out", "run")
        command = Command(options, tmp_path, {"ONEWINNER_DATABASE": database.url})
        seen: set[str] = set()
        with command.start() as process:

            def has_raced() -> bool:
                seen.update(command.find_left())
                return any((tmp_path / "run" / "history").glob("race*.jsonl"))

            wait_for(has_raced, process)
            process.terminate()
            output, errors = process.communicate()
    assert any("onewinner serve" in line for line in seen)
    assert [line for line in seen if database.password in line] == []
    assert database.password not in output + errors
