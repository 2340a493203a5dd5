"""Goal: a child's messages arrive whole, and one that gives up or ends is told with its reason. Method: a pipe; real
children."""

import os
import subprocess
from collections.abc import Iterator

import pytest

from engine.provision.child import ChildError, ChildLostError, Messages, name_module, prepare, read_launch


@pytest.fixture
def pipe() -> Iterator[tuple[int, int]]:
    read_end, write_end = os.pipe()
    yield read_end, write_end
    os.close(read_end)


def test_messages_come_one_by_one_however_they_are_cut(pipe: tuple[int, int]) -> None:
    read_end, write_end = pipe
    messages = Messages(read_end)
    os.write(write_end, b'a library prints\n{"port": 1}\n{"beg')
    assert messages.read() == {"port": 1}
    os.write(write_end, b'an": true}\n')
    assert messages.read(60) == {"began": True}
    os.close(write_end)


def test_a_child_that_gives_up_or_ends_is_told(pipe: tuple[int, int]) -> None:
    read_end, write_end = pipe
    messages = Messages(read_end)
    os.write(write_end, b'{"error": "no database"}\n')
    with pytest.raises(ChildError, match=r"^no database$"):
        messages.read()
    with pytest.raises(ChildLostError, match="it did not answer"):
        messages.read(0.0)
    os.write(write_end, b"[1]\nTraceback\nKeyError")
    os.close(write_end)
    with pytest.raises(ChildLostError, match=r"^\[1\] / Traceback / KeyError$"):
        messages.read()


def test_a_module_finds_the_others_and_is_told_what_it_must_know(monkeypatch: pytest.MonkeyPatch) -> None:
    environment = prepare({"PYTHONPATH": "/theirs"}, {"secret": "s"})
    assert environment["PYTHONPATH"].split(os.pathsep)[1:] == ["/theirs"]
    for name, value in environment.items():
        monkeypatch.setenv(name, value)
    assert read_launch(dict[str, str]) == {"secret": "s"}
    with pytest.raises(KeyError):
        read_launch(str)
    command = name_module("stateful_tests.parallel.plan", "none.json", "none.toml")
    ended = subprocess.run(command, env=prepare(), cwd="/", capture_output=True, text=True, check=False)
    assert ended.stderr.startswith("none.toml: cannot be read")
