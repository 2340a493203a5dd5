"""Goal: no journal, however malformed, ends in a traceback, a hang, or a verdict: one sentence names file and line.

Method: `check` in this process on each journal of hostile.py, and on what is no journal under the name of one.
"""

import os
import random
import resource
import socket
from collections.abc import Callable
from pathlib import Path

import pytest

from reports.history.seal import seal_history
from tests.onewinner.running import Command
from tests.reports.history.hostile import AROUND, Hostile, make_journals

JOURNALS = make_journals()
MEMORY_MAX_KIB = 300 << 10
SENTENCE_MAX = 700
KEPT = "kept, and not judged, because this version does not know these events: "


def check(path: Path) -> tuple[int, str]:
    """The exit code, and what was said on standard error, without the command's name."""
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    ended = Command(("check", str(path)), path.parent).run_here()
    assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before < MEMORY_MAX_KIB
    assert "Traceback" not in ended.stderr, ended.stderr
    return ended.returncode, ended.stderr.removeprefix("onewinner check: ")


def test_there_are_enough_of_them_and_always_the_same() -> None:
    assert len({each.name for each in JOURNALS}) == len(JOURNALS) >= 200
    assert make_journals() == JOURNALS
    assert make_journals(seed=1) != JOURNALS


@pytest.mark.parametrize("journal", JOURNALS, ids=lambda journal: journal.name)
def test_a_hostile_journal_is_refused_with_its_line_or_read(journal: Hostile, tmp_path: Path) -> None:
    file = tmp_path / "h.jsonl"
    file.write_bytes(journal.content)
    code, said = check(file)
    if journal.line is None:
        counted = f"{KEPT}1 tomorrow\n" if journal.name == "an unknown event" else ""
        assert (code in (0, 3), said) == (True, counted)
    else:
        assert (code, said.count("\n")) == (2, 1), said
        assert said.startswith(f"{file}:{journal.line}: ")
        assert len(said) < SENTENCE_MAX + len(str(file))


def make_socket(path: Path) -> None:
    with socket.socket(socket.AF_UNIX) as made:
        made.bind(os.path.relpath(path))


def make_link(to: str) -> Callable[[Path], None]:
    return lambda path: path.symlink_to(to)


@pytest.mark.parametrize(
    ("make", "what"),
    [
        (Path.mkdir, "is a folder"),
        (os.mkfifo, "is neither a regular file nor a folder"),
        (make_socket, "is neither a regular file nor a folder"),
        (make_link("nowhere"), "is a link to a file that does not exist"),
        (make_link("b.jsonl"), "is a link to a file that does not exist"),
        (make_link("/dev/zero"), "is neither a regular file nor a folder"),
    ],
    ids=["folder", "pipe", "socket", "dangling", "circle", "endless"],
)
def test_what_is_no_file_is_refused(
    make: Callable[[Path], None], what: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "a.jsonl").write_bytes(b"\n".join([*AROUND, b""]))
    make(tmp_path / "b.jsonl")
    assert check(tmp_path) == (2, f"{tmp_path / 'b.jsonl'}: {what}\n")


def test_a_line_without_end_is_not_taken_into_memory(tmp_path: Path) -> None:
    """The file is large and takes no room: 2 GB of zeros."""
    file = tmp_path / "h.jsonl"
    file.write_bytes(AROUND[0] + b"\n")
    os.truncate(file, 2 << 30)
    code, said = check(file)
    assert (code, said) == (2, f"{file}:2: malformed line: it is longer than 64 MiB\n")


@pytest.mark.parametrize("seed", range(40))
def test_a_damaged_sealed_file_is_refused_or_read(seed: int, tmp_path: Path) -> None:
    trail = b'{"event": "audit", "workflow": "w", "read_ns": 9, "entries": [{"from": "A", "to": "B"}]}'
    (tmp_path / "h.jsonl").write_bytes(b"\n".join([*AROUND, trail, b""]))
    seal_history(tmp_path)
    chance = random.Random(seed)
    file = tmp_path / chance.choice(["h.parquet", "h.audit.parquet"])
    file.write_bytes(damage(file.read_bytes(), chance))
    code, said = check(tmp_path)
    assert said.count("\n") == (code == 2), said
    assert code != 2 or said.startswith(str(tmp_path))


def damage(content: bytes, chance: random.Random) -> bytes:
    """Cut, with some bits turned, or with a piece of zeros."""
    place = chance.randrange(len(content))
    turned = bytearray(content)
    for _ in range(chance.choice([1, 50])):
        turned[chance.randrange(len(turned))] ^= 1 << chance.randrange(8)
    return chance.choice([content[:place], bytes(turned), content[:place] + bytes(64) + content[place + 64 :]])
