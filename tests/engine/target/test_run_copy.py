"""Goal: the copy of a target file holds no credential of it, and the levels of the run read what the file said.

Method: texts are taken apart and put together again, also those that say `[secret]` themselves.
"""

import os
from pathlib import Path

import pytest

from engine.target.child_environment import clean_environment
from engine.target.run_copy import VARIABLE, put_back, remember, restore, take_out
from engine.target.secrets import Secrets

SECRETS = Secrets.of(["written-51c2", "two\nlines", "postgres"])


@pytest.mark.parametrize(
    ("text", "hidden"),
    [
        (b'key = "written-51c2"', b'key = "[secret]"'),
        (b'a = "[secret]"; b = "written-51c2"', b'a = "[secret]"; b = "[secret]"'),
        (b'a = "written-51c2written-51c2"', b'a = "[secret][secret]"'),
        (b'a = "two\\nlines" # dHdvCmxpbmVz', b'a = "[secret]" # [secret]'),
        (b'url = "postgresql://postgres:postgres@h"', b'url = "postgresql://[secret]:[secret]@h"'),
        (b"\xff no secret", b"\xff no secret"),
    ],
)
def test_what_is_taken_out_can_be_put_back(text: bytes, hidden: bytes) -> None:
    found, taken = take_out(text, SECRETS)
    assert found == hidden
    assert put_back(found, taken) == text


def test_a_copy_that_was_changed_stays_as_it_is() -> None:
    hidden, taken = take_out(b"written-51c2", SECRETS)
    assert put_back(hidden + b" [secret]", taken) == hidden + b" [secret]"


def test_only_the_remembered_file_is_restored(tmp_path: Path) -> None:
    copy, other = tmp_path / "target.toml", tmp_path / "other.toml"
    with remember(copy, ["one"]):
        with remember(other, ["two"]):
            assert restore(copy, b"[secret]") == b"one"
            assert restore(other, b"[secret]") == b"two"
        assert restore(other, b"[secret]") == b"[secret]"
        assert restore(copy, b"[secret]") == b"one"
        # The user's own programs are not told.
        assert VARIABLE in os.environ
        assert VARIABLE not in clean_environment(os.environ)
    assert restore(copy, b"[secret]") == b"[secret]"
