"""Goal: what is named in place of a small file neither blocks nor fills the memory. Method: what is no such file."""

import os
from collections.abc import Callable
from pathlib import Path

import pytest

from engine.target.plain_file import BYTES_MAX, read_plain
from engine.target.target_file import TargetError, load_target


def make_huge(path: Path) -> None:
    path.touch()
    os.truncate(path, BYTES_MAX + 1)


def make_endless(path: Path) -> None:
    path.symlink_to("/dev/zero")


@pytest.mark.parametrize(
    ("make", "what"),
    [
        (os.mkfifo, "it is no regular file"),
        (make_endless, "it is no regular file"),
        (Path.mkdir, "Is a directory"),
        (make_huge, "it is larger than 64 MiB"),
        (str, "No such file or directory"),
    ],
)
def test_what_is_no_small_file_is_told(make: Callable[[Path], object], what: str, tmp_path: Path) -> None:
    path = tmp_path / "x"
    make(path)
    with pytest.raises(OSError, match=what) as caught:
        read_plain(path)
    assert caught.value.strerror == what
    with pytest.raises(TargetError, match=what):
        load_target(path, {})


def test_a_name_that_no_file_can_have_is_told() -> None:
    with pytest.raises(OSError, match="no file can have such a name"):
        read_plain(Path("a\0b"))
