"""Goal: every mistake in a target file is one sentence that names the key and the remedy, and exit 2.

Method: the real command on every file of tests/engine/targets/broken, each wrong in the one way that it is named after;
the sentence beside it (NAME.txt) is what the command says, to the letter.
"""

import json
import tomllib
from pathlib import Path

import jsonschema_rs
import pytest

from tests.onewinner.running import Command

ROOT = Path(__file__).parents[2]
BROKEN = ROOT / "tests" / "engine" / "targets" / "broken"
FILES = sorted(BROKEN.glob("*.toml"))
# What an editor sees too: these break the schema, not only what the loader knows beyond it.
SHAPES = {
    "misspelled-key", "misspelled-key-of-a-tenant", "misspelled-table", "missing-key", "missing-table", "wrong-type",
    "wrong-type-of-a-header", "one-state-instead-of-a-list", "path-without-slash", "status-that-is-none",
    "two-ways-to-create", "no-way-to-create", "winners-that-is-no-word",
}  # fmt: skip


def test_there_are_enough_of_them() -> None:
    assert len(FILES) >= 20
    assert {file.stem for file in FILES} >= SHAPES
    assert {file.stem for file in FILES} == {file.stem for file in BROKEN.glob("*.txt")}


@pytest.mark.parametrize("file", FILES, ids=lambda file: file.stem)
def test_a_broken_file_is_one_sentence(file: Path, tmp_path: Path) -> None:
    command = Command(("gate", "--target", file.name, "--out", str(tmp_path / "run")), file.parent)
    ended = command.run_here()
    assert (ended.returncode, ended.stdout) == (2, ""), ended
    assert ended.stderr == file.with_suffix(".txt").read_text()
    assert ended.stderr.count("\n") == 1
    assert ended.stderr.startswith(f"onewinner gate: {file.name}: ")
    assert "t0ken" not in ended.stderr
    assert command.find_left() == []


@pytest.mark.parametrize("name", sorted(SHAPES))
def test_an_editor_sees_a_wrong_shape(name: str) -> None:
    schema = json.loads((ROOT / "docs" / "target.schema.json").read_text())
    document = tomllib.loads((BROKEN / f"{name}.toml").read_text())
    assert not jsonschema_rs.validator_for(schema).is_valid(document)
