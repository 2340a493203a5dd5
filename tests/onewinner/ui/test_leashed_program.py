"""Goal: a program's output is read while it is written, and its end is its own. Method: Python's own modules."""

from pathlib import Path

from engine.provision.processes import Process
from onewinner.ui.leashed_program import Program


def wait(program: Program) -> int:
    process: Process = program._process
    return process.wait(60)


def test_what_is_printed_can_be_read_at_any_time(tmp_path: Path) -> None:
    text = "".join(f"line {number}\n" for number in range(2000))
    (tmp_path / "file").write_text(text)
    program = Program("base64", "-e", str(tmp_path / "file"))
    while program.code is None:
        assert len(program.read(10)) <= 10
    whole = program.read(1 << 20)
    assert program.code == 0
    program.close()
    (tmp_path / "coded").write_bytes(whole)
    decoded = Program("base64", "-d", str(tmp_path / "coded"))
    assert wait(decoded) == 0
    assert decoded.read(1 << 20).decode() == text
    decoded.close()
    # What it printed can still be read.
    assert decoded.read(1 << 20).decode() == text


def test_it_is_ended_by_sigint() -> None:
    program = Program("http.server", "--bind", "127.0.0.1", "0")
    program.ask_to_end()
    assert wait(program) != 0
    program.close()
