"""Goal: a server that was not made here is never killed, and that it was not is told.

Method: the program on a real database, reached by a name under which nobody knows it as ours.
"""

import asyncio
import json
import os
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import pytest

from engine.database import start_embedded
from engine.service import REFERENCE
from onewinner.stage import mint_tokens
from reports.history import read_history
from stateful_tests.explore import find_obstacle
from stateful_tests.faults import FAULTS, SERVER_KILLED
from tests.engine.serving import ROOT


@pytest.mark.parametrize(
    ("host", "may_crash", "told"),
    [
        ("localhost", True, "cannot be crashed: it was not made here; use --database embedded."),
        ("127.0.0.1", False, "it is not a database of this run alone; use --database embedded"),
    ],
)
def test_the_fault_that_kills_the_server_is_left_out_where_it_is_not_ours(
    host: str, may_crash: bool, told: str, tmp_path: Path
) -> None:
    with start_embedded() as ours:
        assert asyncio.run(find_obstacle(ours)) is None
        theirs = replace(ours, host=host)
        order = {"database_url": theirs.url, "arguments": [], "cwd": str(ROOT), "values": {}, "may_crash": may_crash}
        environment = {**os.environ, **mint_tokens(), "PYTHONPATH": str(ROOT), "ONEWINNER_WIRE": json.dumps(order)}
        options = ["--source", "faults-0", "--level", "faults", "--faults", "--limit-s", "3", "--kills", "9"]
        where = ["--target", str(REFERENCE), "--history", str(tmp_path)]
        command = [sys.executable, "-W", "error", "-m", "stateful_tests.explore", *where, *options]
        ended = subprocess.run(
            command, cwd=ROOT, env=environment, capture_output=True, text=True, timeout=120, check=False
        )
    assert ended.returncode == 0, ended
    assert told in ended.stderr
    history = read_history(tmp_path / "faults-0.jsonl")
    ((fault, why),) = [(event["fault"], event["why"]) for event in history.having("left_out")]
    assert fault == SERVER_KILLED
    assert told in why
    remarks = {remark for event in history.having("schedule") for remark in event["remarks"]}
    assert set(FAULTS) - remarks == {SERVER_KILLED}
