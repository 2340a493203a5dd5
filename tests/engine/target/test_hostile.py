"""Goal: no target file, however malformed, ends in a traceback or a hang: one sentence names the file and the key.

Method: the loader on each file of hostile.py.
"""

import resource
from pathlib import Path

import pytest

from engine.target.http_answer import Answer
from engine.target.jmes_path import JmesPath
from engine.target.target_file import TargetError, load_target
from tests.engine.target.hostile import HostileTarget, make_targets
from tests.engine.target.test_target_file import ENVIRONMENT

TARGETS = make_targets()
MEMORY_MAX_KIB = 300 << 10


def test_there_are_enough_of_them_and_always_the_same() -> None:
    assert len(TARGETS) >= 50
    assert [each.content for each in make_targets()] == [each.content for each in TARGETS]


@pytest.mark.parametrize("target", TARGETS, ids=lambda target: ascii(target.name))
def test_a_hostile_target_file_is_one_sentence(target: HostileTarget, tmp_path: Path) -> None:
    file = tmp_path / "t.toml"
    file.write_bytes(target.content)
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    with pytest.raises(TargetError) as caught:
        load_target(file, ENVIRONMENT)
    said = str(caught.value)
    assert said.startswith(f"{file}: ")
    assert target.key is None or said.startswith(f"{file}: {target.key}")
    assert "\n" not in said
    assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before < MEMORY_MAX_KIB


@pytest.mark.parametrize("depth", [10, 300, 480, 600, 900, 10_000, 1_000_000])
def test_an_answer_that_is_nested_deeply_is_read_or_is_none(depth: int) -> None:
    for body in (b"[" * depth + b"]" * depth, b'{"a":' * depth + b"null" + b"}" * depth, b'"\xff"', b"[" * depth):
        document = Answer(200, body=body).json()
        assert JmesPath("a.b[0]").find_text(document) is None
        assert JmesPath("a.x").find_list(document) is None
