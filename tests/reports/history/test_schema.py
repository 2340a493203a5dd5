"""Goal: docs/history.schema.json and the reader cannot drift apart. Method: the lines of test_events.py."""

import json
from pathlib import Path
from typing import Any

import jsonschema_rs
import pytest

from tests.reports.history.test_events import GOOD, OUT_OF_RANGE
from tests.reports.history.test_history import INVOKE, RETURN
from tools.json_schemas import render_schema

WRITTEN = Path(__file__).parents[3] / "docs" / "history.schema.json"
VALIDATOR = jsonschema_rs.validator_for(json.loads(render_schema("history")))
# What a schema cannot say: that a time is not before another one.
UNSAYABLE = ({"at_ns": None}, {"until_ns": 0}, {"returned_ns": 0})


def test_the_written_schema_is_the_readers() -> None:
    assert WRITTEN.read_text() == render_schema("history"), "python -m tools.json_schemas"


@pytest.mark.parametrize(
    "line", [INVOKE, RETURN, {"event": "of tomorrow"}, *({"event": name, **fields} for name, fields in GOOD.items())]
)
def test_a_line_that_the_reader_takes_is_valid(line: dict[str, Any]) -> None:
    assert VALIDATOR.is_valid(line)


@pytest.mark.parametrize(
    "line",
    [
        {"event": "return", "id": "x"},
        {**RETURN, "detail": {"problem": 5}},
        *(
            {"event": name, **GOOD[name], **change}
            for name, changes in OUT_OF_RANGE.items()
            for change in changes
            if change not in UNSAYABLE
        ),
    ],
)
def test_a_line_that_the_reader_refuses_is_not(line: dict[str, Any]) -> None:
    assert not VALIDATOR.is_valid(line)
