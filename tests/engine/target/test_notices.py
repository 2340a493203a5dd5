"""Goal: what a service says commands no terminal. Method: every character that could; and the code itself is read."""

import re
from pathlib import Path

import pytest

from engine.target.notices import say

ROOT = Path(__file__).parents[3]
ROOMS = ("engine", "load", "reports", "stateful_tests", "onewinner")


def test_a_notice_escapes_what_would_command_the_terminal(capsys: pytest.CaptureFixture[str]) -> None:
    say("it said \x1b]0;title\x07 and \x9b31m\nthe next line\tand a tab, ä")
    assert capsys.readouterr().err == "it said \\x1b]0;title\\x07 and \\x9b31m\nthe next line\tand a tab, ä\n"


def test_every_notice_is_said_in_one_way() -> None:
    files = [file for room in ROOMS for file in (ROOT / room).rglob("*.py") if file.name != "notices.py"]
    found = [file for file in files if re.search(r"file=sys\.stderr|sys\.stderr\.write", file.read_text())]
    assert len(files) > 100
    assert found == []
