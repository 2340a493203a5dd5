"""Goal: whatever an engine answered, the terminal shows it as text. Method: findings that hold control sequences."""

import pytest

from onewinner.display import print_judgement
from reports.verdict import CheckResult, Finding, Judgement, Verdict

CLEAR = "\x1b[2J"


def test_control_sequences_of_an_engine_do_not_reach_the_terminal(capsys: pytest.CaptureFixture[str]) -> None:
    finding = Finding("legality", Verdict.FAIL, f"to {CLEAR}", f"to {CLEAR}\nand on")
    result = CheckResult("legality", Verdict.FAIL, f"why {CLEAR}", 1, "answers", (finding,), 1)
    print_judgement(Judgement(Verdict.FAIL, f"because {CLEAR}", (result,)))
    told = capsys.readouterr().out
    assert "\x1b" not in told
    assert "because \u241b[2J" in told
    assert "to \u241b[2J\nand on" in told
