"""Goal: only a verdict exits with 1. Any signal, any error and any broken output ends in one sentence and exit 3.

Method: the command in a process of its own; an import, the command itself or the end of Python does the damage.
"""

import json
import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from onewinner import run
from onewinner.commands.gate import parse, plan_gate
from onewinner.exits import EXIT_BY_VERDICT
from onewinner.run import name_recorded
from onewinner.signals import Interrupted
from reports.comparison.facts import Facts
from reports.documents.run_folder import begin_run, note_interruption, read_run
from reports.history import events
from reports.history.journal import Journal
from reports.judge.levels.run_plan import RunPlan
from reports.judge.verdict import Verdict
from tests.onewinner.running import Command

REFERENCE = Path(__file__).parents[2] / "engine" / "reference" / "target.toml"
SIGNALS = [signal.SIGINT, signal.SIGTERM, signal.SIGHUP]
# Sends a signal to itself when a module is imported.
AT_IMPORT = """
import os, sys
from onewinner.command_line import main
class Kill:
    def find_spec(self, name, path=None, target=None):
        if name == {module!r}:
            os.kill(os.getpid(), {number})
sys.meta_path.insert(0, Kill())
sys.exit(main(["check", "nowhere"]))
"""
# Replaces a command by a function of this body.
AS_COMMAND = """
import asyncio, atexit, os, signal, sys
from onewinner.command_line import main
from onewinner.commands import completion
async def wait(number):
    asyncio.get_running_loop().call_soon(os.kill, os.getpid(), number)
    await asyncio.Event().wait()
def run(arguments):
    {body}
completion.main = run
sys.exit(main(["completion"]))
"""
# A run whose end fails, because a signal met it.
INTERRUPTED_END = """
import os, signal, sys
from onewinner import run
from onewinner.command_line import main
def record(request):
    with run.keep_run(request.options.folder, request.engine.file, run.Facts()) as kept:
        (kept.history / "race-0.jsonl").write_text('{"event": "invoke"}\\n')
        try:
            os.kill(os.getpid(), signal.SIGTERM)
            signal.pause()
        finally:
            raise TimeoutError("it did not end")
run.record = record
sys.exit(main(["gate", "--level", "race", "--out", "out"]))
"""


def run_program(program: str, folder: Path, **environment: str) -> "subprocess.CompletedProcess[str]":
    return Command((), folder, {"TMPDIR": str(folder), **environment}, program=("-c", program)).run()


@pytest.mark.parametrize(
    ("module", "number"),
    [
        *(("argparse", number) for number in SIGNALS),
        ("onewinner.commands.check", signal.SIGHUP),
        ("polars", signal.SIGINT),
    ],
)
def test_a_signal_while_python_imports(module: str, number: signal.Signals, tmp_path: Path) -> None:
    ended = run_program(AT_IMPORT.format(module=module, number=int(number)), tmp_path)
    assert (ended.returncode, ended.stdout) == (3, "")
    assert ended.stderr == f"onewinner: interrupted by {number.name}\n"


def test_signals_are_heard_before_anything_large_is_imported(tmp_path: Path) -> None:
    program = (
        "import sys, onewinner.command_line; print([name for name in sys.modules if name in ('reports', 'argparse')])"
    )
    assert run_program(program, tmp_path).stdout == "[]\n"


def test_every_verdict_has_an_exit_code() -> None:
    assert set(EXIT_BY_VERDICT) == set(Verdict)


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGHUP])
@pytest.mark.parametrize(
    "body",
    [
        "os.kill(os.getpid(), {number})",
        # Swallowed by what was running.
        "\n    try: os.kill(os.getpid(), {number})\n    except BaseException: return 1",
        # In a callback of asyncio.
        "asyncio.run(wait({number}))",
        # After the verdict, while Python ends.
        "atexit.register(os.kill, os.getpid(), {number}); return 1",
    ],
)
def test_a_signal_to_a_command(body: str, number: signal.Signals, tmp_path: Path) -> None:
    ended = run_program(AS_COMMAND.format(body=body.format(number=int(number))), tmp_path)
    assert (ended.returncode, ended.stdout) == (3, "")
    assert "interrupted" in ended.stderr
    assert ended.stderr.count("\n") == 1


@pytest.mark.parametrize(
    ("raised", "sentence"),
    [
        ("OSError(28, 'No space left on device', '/full/run.json')", "/full/run.json: no space is left on the disk"),
        ("ImportError('no module')", "the harness itself failed (ImportError: no module)"),
        ("SystemExit(1)", "the harness itself failed (SystemExit: 1)"),
        ("SystemExit('text')", "the harness itself failed (SystemExit: text)"),
        ("MemoryError()", "the harness itself failed (MemoryError:)"),
        ("BrokenPipeError(32, 'Broken pipe')", "the harness itself failed (BrokenPipeError"),
    ],
)
def test_an_error_is_one_sentence(raised: str, sentence: str, tmp_path: Path) -> None:
    program = AS_COMMAND.format(body=f"raise {raised}")
    ended = run_program(program, tmp_path)
    assert (ended.returncode, ended.stdout) == (3, "")
    assert ended.stderr.startswith(f"onewinner completion: {sentence}")
    assert ended.stderr.count("\n") == 1
    kept = list(tmp_path.glob("onewinner-*.traceback"))
    if "harness" in sentence:
        assert str(kept[0]) in ended.stderr
        assert "in run\n" in kept[0].read_text()
        shown = run_program(program, tmp_path, ONEWINNER_DEBUG="1")
        assert (shown.returncode, "Traceback (most recent call last)" in shown.stderr) == (3, True)
    else:
        assert kept == []


@pytest.mark.parametrize("output", ["/dev/full", None])
def test_output_that_cannot_be_written(output: str | None, tmp_path: Path) -> None:
    """A full disk, and a closed stream, whose number no other file may take."""
    program = AS_COMMAND.format(body="print('verdict'); assert os.open('new', os.O_CREAT) > 2; return 1")
    command = [sys.executable, "-c", program]
    redirected = ["sh", "-c", 'exec "$@" >&-' if output is None else f'exec "$@" > {output}', "sh", *command]
    ended = subprocess.run(redirected, cwd=tmp_path, stderr=subprocess.PIPE, text=True, env=os.environ, check=False)
    assert ended.returncode == (1 if output is None else 3), ended
    assert ended.stderr.count("\n") == (0 if output is None else 1)
    assert output is None or "no space" in ended.stderr.lower()


def test_errors_that_cannot_be_written(tmp_path: Path) -> None:
    program = AS_COMMAND.format(body="raise RuntimeError")
    redirected = ["sh", "-c", 'exec "$@" 2> /dev/full', "sh", sys.executable, "-c", program]
    assert subprocess.run(redirected, env={**os.environ, "TMPDIR": str(tmp_path)}, check=False).returncode == 3


def begin(folder: Path) -> None:
    begun = begin_run(folder, REFERENCE, Facts(plan=RunPlan(sources=("race-0",))))
    with Journal(folder / "history" / "race-0.jsonl"):
        pass
    note_interruption(begun, "SIGTERM")


def invoke(folder: Path) -> None:
    invoked = events.Invoke(
        id="race-0.1", process="p", scenario="s", race=None, tenant="acme", workflow="w", kind="create", invoked_ns=1
    )
    with Journal(folder / "history" / "race-0.jsonl") as journal:
        journal.write(invoked)


def test_what_was_recorded_is_named_only_if_there_is_something(tmp_path: Path) -> None:
    begin(tmp_path / "empty")
    begin(tmp_path / "begun")
    invoke(tmp_path / "begun")
    assert name_recorded(tmp_path / "nowhere", tmp_path / "empty") == ""
    told = name_recorded(tmp_path / "empty", tmp_path / "begun")
    assert told == f". What was recorded so far: onewinner check {tmp_path / 'begun'}"


def test_a_run_that_is_interrupted_while_it_is_judged_names_what_it_recorded(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    begin(tmp_path / "begun")
    invoke(tmp_path / "begun")

    def interrupt(history: Path) -> list[Path]:
        raise Interrupted("SIGINT")

    monkeypatch.setattr(run, "record", lambda _: (read_run(tmp_path / "begun"), [], None))
    monkeypatch.setattr(run, "seal_history", interrupt)
    request = plan_gate(parse(["--level", "race", "--out", str(tmp_path / "begun")]))
    with pytest.raises(Interrupted) as caught:
        run.carry_out(request)
    assert caught.value.recorded == f". What was recorded so far: onewinner check {tmp_path / 'begun'}"


def test_what_fails_after_a_signal_is_told_as_an_interruption(tmp_path: Path) -> None:
    """An end that fails because of the signal is no error of the harness: no file keeps it."""
    ended = run_program(INTERRUPTED_END, tmp_path)
    assert ended.returncode == 3, ended
    told = "interrupted; nothing was judged; while all was ended: TimeoutError: it did not end"
    assert f"{told}. What was recorded so far: onewinner check out" in ended.stderr
    assert not list(tmp_path.glob("onewinner-*.traceback"))
    assert (
        json.loads((tmp_path / "out" / "run.json").read_text())["reason"]
        == "the run did not finish: interrupted by SIGTERM"
    )


def test_an_interrupted_run_is_judged_as_interrupted(tmp_path: Path) -> None:
    folder = tmp_path / "run"
    begin(folder)
    invoke(folder)
    assert json.loads((folder / "run.json").read_text())["reason"] == "the run did not finish: interrupted by SIGTERM"
    ended = Command(("check", str(folder)), tmp_path).run_here()
    assert ended.returncode == 3, ended
    told = " ".join(ended.stdout.split())
    assert "the run was interrupted by SIGTERM" in told
    assert "operations are unknown" not in told
