"""Goal: a state that is true, false or null is named with what makes a text of it, and that works."""

from pathlib import Path
from typing import Any

import pytest

from engine.target.classified_answer import find_state
from onewinner.doctor.remedies import advise_text
from tests.load.stub import SMALL, load_text, make_answer


@pytest.mark.parametrize(("told", "shown"), [(True, "true"), (False, "false"), (None, "null")])
def test_what_makes_a_text_of_it_is_named(told: Any, shown: str, tmp_path: Path) -> None:
    answer = make_answer(200, state=told)
    advice = advise_text(load_text(tmp_path / "plain", SMALL), answer)
    assert advice == f'it finds {shown}, which is no text; write state = "to_string(state)"'
    mended = load_text(tmp_path / "mended", SMALL.replace('state = "state"', 'state = "to_string(state)"', 1))
    assert mended.read_state is not None
    assert find_state(mended, mended.read_state, answer) == shown


def test_a_state_that_is_not_there_is_another_mistake(tmp_path: Path) -> None:
    assert advise_text(load_text(tmp_path, SMALL), make_answer(200, approved=True)) is None
    assert advise_text(load_text(tmp_path, SMALL), make_answer(200, state={"name": "A"})) is None
