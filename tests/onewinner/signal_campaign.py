"""Signals at random moments, over every command that starts processes. Not a test: run it for as long as you like.

    python -m tests.onewinner.signal_campaign COUNT SEED

Each command gets one signal at a random moment. Wrong is: an exit with 0 or 1 before a verdict was printed, or with 2;
a process that is left; a file that is left in /dev/shm or the temporary folder; a `check` of what was recorded that
accuses the engine.
"""

import contextlib
import random
import re
import signal
import subprocess
import sys
import tempfile
import time
from collections import Counter
from pathlib import Path

from engine.provision.service import LOG_FOLDER_PREFIX
from onewinner.exits import USAGE
from tests.onewinner.running import Command

SIGNALS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP, signal.SIGKILL)
SMALL = ("--batches", "1", "--plans", "4", "--races", "30")
FIXTURE = """
import http.server, threading
class Shop(http.server.BaseHTTPRequestHandler):
    def do_POST(self):
        self.send_response(200)
        self.end_headers()
    def log_message(self, *_):
        pass
def test_races(race):
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), Shop) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        for _ in range(200):
            race.post(f"http://127.0.0.1:{server.server_port}/pay").statuses
        server.shutdown()
"""
# Each with the longest time, in seconds, before the signal.
COMMANDS: dict[str, tuple[tuple[str, ...], float]] = {
    "gate": (("gate", *SMALL, "--out", "out"), 25.0),
    "race": (("race", "--races", "300", "--out", "out"), 12.0),
    "explore": (("explore", "--schedules", "20", "--out", "out"), 12.0),
    "defects": (("defects", "--quick", "--defect", "check-then-act", "--level", "race", "--out", "out"), 20.0),
    "compare": (("compare", "--ab", "reference", "control:version-column", "--out", "out"), 15.0),
    "doctor": (("doctor",), 6.0),
    "fixture": (("-q", "-p", "no:cacheprovider", "test_races.py"), 6.0),
}
SHARED = Path("/dev/shm")
VERDICT = re.compile(r"\b(PASS|FAIL|UNKNOWN)\b")
# Before that line of a traceback the interpreter still starts, and hears signals in its own way.
IN_MAIN = "in main\n"
RUN_LIMIT_S = 300.0
END_LIMIT_S = 60.0
TIDY_LIMIT_S = 5.0


def list_left(folder: Path) -> set[str]:
    """What commands may leave behind: their temporary files, and shared memory that no process uses any more."""
    found = {str(path) for place in (folder, SHARED) if place.is_dir() for path in place.iterdir()}
    return {path for path in found - list_mapped() if "pytest-of-" not in path}


def list_mapped() -> set[str]:
    """The files in shared memory that some process uses, of this campaign or not."""
    mapped = set()
    for maps in Path("/proc").glob("[0-9]*/maps"):
        # It may have ended.
        with contextlib.suppress(OSError):
            mapped |= {line.split(maxsplit=5)[-1] for line in maps.read_text().splitlines() if str(SHARED) in line}
    return mapped


def strike(name: str, number: signal.Signals, after_s: float, folder: Path) -> list[str]:
    """Runs one command, and sends it a signal; what was wrong."""
    temporary, work = folder / "tmp", folder / "work"
    for made in (temporary, work):
        made.mkdir()
    (work / "test_races.py").write_text(FIXTURE)
    before = list_left(temporary)
    program = ("-m", "pytest") if name == "fixture" else ("-m", "onewinner")
    command = Command(COMMANDS[name][0], work, {"TMPDIR": str(temporary)}, program=program)
    with command.start() as process:
        try:
            output, errors = process.communicate(timeout=after_s)
        except subprocess.TimeoutExpired:
            process.send_signal(number)
            output, errors = process.communicate(timeout=RUN_LIMIT_S)
    running = await_end(command)
    left = await_tidy(temporary, before)
    return [*running, *find_wrong(name, command, process.returncode, output + errors, left)]


def await_tidy(folder: Path, before: set[str]) -> set[str]:
    """What is left a while after the command. A database of another program may begin or end at that moment."""
    deadline = time.monotonic() + TIDY_LIMIT_S
    while (left := list_left(folder) - before) and time.monotonic() < deadline:
        time.sleep(0.1)
    return left


def await_end(command: Command) -> list[str]:
    """What is still running a while after the command."""
    deadline = time.monotonic() + END_LIMIT_S
    while (running := command.find_left()) and time.monotonic() < deadline:
        time.sleep(0.1)
    return [f"still running: {running}"] if running else []


def find_wrong(name: str, command: Command, code: int, output: str, left: set[str]) -> list[str]:
    wrong = []
    if name != "fixture" and code in (0, 1) and not VERDICT.search(output) and name != "doctor":
        wrong.append(f"exit {code} without a verdict")
    if code == USAGE and name != "fixture":
        wrong.append(f"it did not run: {output[-500:]}")
    if "Traceback" in output and IN_MAIN in output and name != "fixture":
        wrong.append("a traceback")
    if code == -signal.SIGKILL:
        # Before its service has started, and while that ends, nothing but the command itself removes the log's folder.
        left = {path for path in left if LOG_FOLDER_PREFIX not in path}
    if left:
        errors = [Path(path).read_text() for path in sorted(left) if path.endswith(".traceback")]
        wrong.append("\n".join([f"left behind: {sorted(left)}", *errors]))
    if name in ("gate", "race", "explore") and any((command.cwd / "out" / "history").glob("*")):
        judged = Command(("check", "out"), command.cwd).run()
        if judged.returncode not in (0, 2, 3):
            wrong.append(f"check accuses: {judged.stdout[-2000:]}")
    return wrong


def main(count: int, seed: int) -> int:
    drawn, told, failed = random.Random(seed), Counter[str](), 0
    for turn in range(count):
        name, number = list(COMMANDS)[turn % len(COMMANDS)], drawn.choice(SIGNALS)
        after_s = drawn.uniform(0.0, COMMANDS[name][1])
        with tempfile.TemporaryDirectory(prefix="campaign-") as folder:
            # As root, the database server runs for another user, who must be able to enter.
            Path(folder).chmod(0o755)
            wrong = strike(name, number, after_s, Path(folder))
        told[name] += 1
        failed += bool(wrong)
        print(f"{turn + 1} {name} {number.name} after {after_s:.2f} s: {'; '.join(wrong) or 'right'}", flush=True)
    print(f"{count} signals, {failed} wrong: {dict(told)}")
    return int(failed > 0)


if __name__ == "__main__":
    # A shell that starts this in the background makes it ignore SIGINT, and its children with it.
    signal.signal(signal.SIGINT, signal.default_int_handler)
    sys.exit(main(int(sys.argv[1]), int(sys.argv[2])))
