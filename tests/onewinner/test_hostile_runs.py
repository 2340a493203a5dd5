"""Goal: a malformed run.json, race file or list of acknowledgements is one sentence with its file, and no verdict.

Method: each command that reads one, in this process.
"""

import os
from pathlib import Path

import pytest

from reports.documents.run_folder import begin_run
from tests.load.stub import SMALL
from tests.onewinner.running import Command
from tests.reports.building import make_facts

HOSTILE: dict[str, bytes] = {
    "empty": b"",
    "null": b"null",
    "list": b"[]",
    "deep": b"[" * 100_000,
    "deep inside": b'{"format": 2, "verdict": ' + b"[" * 5_000 + b"]" * 5_000 + b"}",
    "not UTF-8": b'{"format": "\xff"}',
    "NaN": b'{"format": NaN}',
    "surrogate": b'{"format": "\\ud800"}',
    "format 999": b'{"format": 999}',
    "format of another type": b'{"format": {}}',
    "nothing but format 1": b'{"format": 1}',
    "10^5 digits": b'{"format": ' + b"1" * 100_000 + b"}",
    "NUL bytes": bytes(1000),
}
READERS: dict[str, tuple[str, ...]] = {
    "report": ("report", "bad"),
    "baseline": ("compare", "bad", "good"),
    "compared": ("compare", "good", "bad"),
    "check": ("check", "bad"),
    "acknowledged": ("compare", "good", "good", "--acknowledged", "bad/run.json"),
    "replay": ("explore", "--replay", "bad/run.json"),
}


@pytest.mark.parametrize("reader", READERS)
@pytest.mark.parametrize("name", HOSTILE)
def test_a_malformed_file_is_one_sentence(name: str, reader: str, tmp_path: Path) -> None:
    (tmp_path / "small.toml").write_text(SMALL)
    for folder in ("good", "bad"):
        run = begin_run(tmp_path / folder, tmp_path / "small.toml", make_facts())
        (run.history / "a.jsonl").write_bytes(b'{"event": "header", "format": 2}\n')
    (tmp_path / "bad" / "run.json").write_bytes(HOSTILE[name])
    ended = Command(READERS[reader], tmp_path).run_here()
    if (name, reader) == ("empty", "acknowledged"):
        return  # an empty file is TOML, and acknowledges nothing
    assert ended.returncode in (2, 3), ended
    assert ended.stderr.count("\n") == 1, ended
    assert f"bad{os.sep}run.json" in ended.stderr
    assert "the harness itself failed" not in ended.stderr
