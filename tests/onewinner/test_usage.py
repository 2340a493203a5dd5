"""Goal: bad input is one clear sentence and exit 2, with no traceback and nothing left behind."""

import re
import socket
import subprocess
from collections.abc import Iterable
from pathlib import Path

import pytest

from engine.reference.defects import LEVELS
from load.scenarios import SCENARIOS
from onewinner import __version__
from onewinner.command_line import COMMANDS
from onewinner.commands.completion import SHELLS
from onewinner.commands.gate import build_parser
from reports.judge.all_checks import CHECKS
from tests.load.stub import SMALL
from tests.onewinner.running import Command

MISTAKES: dict[str, tuple[str, ...]] = {
    "--defect: there is no 'nope'; there are: ack-before-commit, audit-after-commit": ("gate", "--defect", "nope"),
    "--control: there is no 'nope'; there are: advisory-lock, capacity-by-advisory-lock": (
        "serve",
        "--control",
        "nope",
    ),
    "--control: not allowed with argument --defect": ("gate", "--defect", "stale-read", "--control", "slow"),
    "postgresql://u@127.0.0.1:1/x cannot be used": ("gate", "--database", "postgresql://u:secret@127.0.0.1:1/x"),
    "There is no program 'nope'; install pgbouncer": ("gate", "--pgbouncer", "nope"),
    "There is no program 'nope'; install pgbouncer (Debian": ("gate", "--matrix", "pgbouncer", "--pgbouncer", "nope"),
    "--matrix isolation tries every value": ("gate", "--matrix", "isolation", "--isolation", "serializable"),
    "there is no axis 'nope'; there are: isolation, workers, pgbouncer": ("gate", "--matrix", "nope"),
    "'container postgres' names no database": ("gate", "--database", "container postgres"),
    "there is no scenario 'nope'; there are: same-transition": ("race", "--scenarios", "nope"),
    "the weight of fork is '0'": ("race", "--scenarios", "fork=0"),
    "--together spreads each race over several processes": ("race", "--together"),
    "'-1' is not a number above 0": ("race", "--rate", "-1"),
    "'0.5' is not a number above 0 and up to 0.2": ("race", "--faults", "0.5"),
    "small.toml: service: there is none, and the proxy stands between": ("race", "--target", "small.toml", "--faults"),
    "--faults: pgbouncer: behind it the proxy cannot tell": ("race", "--faults", "--pgbouncer"),
    "--crashes: they are spread over the --duration, which is needed": ("race", "--crashes", "1"),
    "which is needed; leave out --races": ("race", "--crashes", "1", "--duration", "9", "--races", "9"),
    "--crashes: only a database that onewinner made is crashed; pass --database embedded": (
        "race",
        "--crashes",
        "1",
        "--duration",
        "9",
        "--database",
        "postgresql://u:secret@127.0.0.1:1/x",
    ),
    "none of them applies to the target small: tenants: the target has one tenant only": (
        "race",
        "--target",
        "small.toml",
        "--scenarios",
        "tenants",
    ),
    "'mysql' names no database": ("gate", "--database", "mysql://x"),
    "nowhere.toml: cannot be read": ("gate", "--target", "nowhere.toml"),
    "broken.toml: is not TOML": ("gate", "--target", "broken.toml"),
    "'1' is not a whole number from 2 to 200": ("gate", "--contenders", "1"),
    "plan.json is no file": ("gate", "--plan", "plan.json"),
    "broken.toml: is no plan": ("gate", "--plan", "broken.toml"),
    "has no route 'pick' to B; the plan was made for another": ("gate", "--plan", "other.json"),
    "unrecognized arguments: --nonsense": ("gate", "--nonsense"),
    "nowhere: there is no such file or folder": ("check", "nowhere"),
    "broken.toml:1: malformed line": ("check", "broken.toml"),
    "holds no history": ("check", "."),
    "--only: there is no 'luck'; there are: one-winner": ("check", ".", "--only", "luck"),
    "name two run directories, BASELINE and RUN, or two engines with --ab; 1 given": ("compare", "a"),
    "BASELINE: . is no run directory: it has no run.json": ("compare", ".", "."),
    "--baseline: nowhere is no run directory": ("gate", "--baseline", "nowhere"),
    "--acknowledged is for a comparison; add --baseline RUN": ("race", "--acknowledged", "known.toml"),
    "--acknowledged: broken.toml: is no list of": ("compare", "a", "b", "--acknowledged", "broken.toml"),
    "'much' is not a percentage from 0 to 1000": ("compare", "a", "b", "--drift", "much"),
    "--blocks is for runs that are made in turns; add --ab A B": ("compare", "a", "b", "--blocks", "8"),
    "--ab makes both runs itself": ("compare", "a", "b", "--ab", "reference", "reference"),
    "--ab: there is no control 'nope'; there are: advisory-lock": ("compare", "--ab", "reference", "control:nope"),
    "onewinner compare: nowhere.toml: cannot be read": ("compare", "--ab", "reference", "nowhere.toml"),
    "each of the two engines needs a database of its own": (
        "compare",
        "--ab",
        "reference",
        "reference",
        "--database",
        "postgresql://u:secret@127.0.0.1:1/x",
    ),
    "name run directories, or a folder of them with --history": ("report",),
    "RUN: . is no run directory": ("report", "."),
    "--history: nowhere is no folder": ("report", "--history", "nowhere"),
    "--history: . holds no run that measured anything": ("report", "--history", "."),
    "'0' is not a whole number from 1 to 64": ("serve", "--workers", "0"),
    "paths: 'a\\x00b' holds a NUL character": ("check", "a\0b"),
    "runs: '\\udcff' is not UTF-8": ("report", "\udcff"),
    "xxx is too long a path": ("gate", "--out", "x" * 300),
    "baseline: 'a\\x00b' holds a NUL character": ("race", "--baseline", "a\0b"),
    "there is no command 'nosuch'; there are: init, doctor, gate": ("nosuch",),
    "there is no command 'gaet'; did you mean 'gate'?": ("gaet",),
    "unrecognized arguments: --raecs 3 (did you mean --races?); see onewinner gate --help": ("gate", "--raecs", "3"),
    "--level: there is no 'rcae'; did you mean 'race'?": ("gate", "--level", "rcae"),
    "there is no scenario 'frok'; did you mean 'fork'?": ("race", "--scenarios", "frok"),
}


@pytest.mark.parametrize("sentence", MISTAKES)
def test_a_mistake_is_one_sentence(sentence: str, tmp_path: Path) -> None:
    (tmp_path / "broken.toml").write_text("name = \n")
    (tmp_path / "small.toml").write_text(SMALL)
    (tmp_path / "other.json").write_text('{"branches": [[{"route": "pick", "to": "B"}], [{}]]}')
    command = Command(MISTAKES[sentence], tmp_path)
    ended = command.run_here()
    assert ended.returncode == 2, ended
    assert sentence in ended.stderr
    assert "secret" not in ended.stderr
    assert "Traceback" not in ended.stderr
    assert ended.stdout == ""
    assert command.find_left() == []
    assert not (tmp_path / "runs").exists()


@pytest.mark.parametrize("name", ["gate", "serve"])
def test_a_port_in_use_is_named(name: str, tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = str(taken.getsockname()[1])
        command = Command((name, "--port", port), tmp_path)
        ended = command.run_here()
    assert ended.returncode == 2, ended
    assert f"--port: {port} is in use" in ended.stderr
    assert command.find_left() == []


@pytest.mark.parametrize("name", COMMANDS)
def test_help_has_an_example_and_the_exit_codes_in_80_columns(name: str, tmp_path: Path) -> None:
    ended = Command((name, "--help"), tmp_path).run_here()
    assert ended.returncode == 0
    assert f"example:\n  onewinner {name}" in ended.stdout
    assert "exit codes:\n  0  " in ended.stdout
    assert ("4  correct, but a regression" in ended.stdout) == (name in ("gate", "race", "compare"))
    assert [line for line in ended.stdout.splitlines() if len(line) > 80] == []


@pytest.mark.parametrize(
    ("name", "words"),
    [("gate", LEVELS), ("defects", LEVELS), ("race", SCENARIOS), ("compare", SCENARIOS), ("check", CHECKS)],
    ids=["gate", "defects", "race", "compare", "check"],
)
def test_help_says_what_each_name_means(name: str, words: Iterable[str], tmp_path: Path) -> None:
    told = Command((name, "--help"), tmp_path).run_here().stdout
    assert [word for word in words if not re.search(rf"^  {word}  +[A-Za-z]", told, re.MULTILINE)] == []


def test_without_a_command_the_commands_are_shown(tmp_path: Path) -> None:
    ended = Command((), tmp_path).run_here()
    assert ended.returncode == 2, "nothing was proved"
    assert [name for name in COMMANDS if f"\n  {name} " not in ended.stdout] == []
    assert [line for line in ended.stdout.splitlines() if len(line) > 80] == []


def test_the_version_names_what_a_report_of_a_problem_needs(tmp_path: Path) -> None:
    ended = Command(("--version",), tmp_path).run_here()
    assert ended.returncode == 0
    told = re.fullmatch(r"onewinner (\S+) \(Python 3\.\d+\.\S+, embedded PostgreSQL 18\.\d+\)\n", ended.stdout)
    assert told is not None
    assert told[1] == __version__


@pytest.mark.parametrize("shell", SHELLS)
def test_a_shell_completes_every_command_and_option(shell: str, tmp_path: Path) -> None:
    ended = Command(("completion", shell), tmp_path).run_here()
    assert ended.returncode == 0
    options = [option.lstrip("-") for option in build_parser()._option_string_actions if option.startswith("--")]
    assert [word for word in (*COMMANDS, *options) if word not in ended.stdout] == []


def test_bash_completes_an_option(tmp_path: Path) -> None:
    """The script in a real bash, as readline calls it."""
    script = Command(("completion", "bash"), tmp_path).run_here().stdout
    ask = "COMP_WORDS=(onewinner gate --lev); COMP_CWORD=2; _shtab_onewinner; echo ${COMPREPLY[@]}"
    told = subprocess.run(["/bin/bash", "-c", f"{script}\n{ask}"], capture_output=True, text=True, check=True)
    assert told.stdout.split() == ["--level"]


@pytest.mark.parametrize(
    "arguments",
    [
        ("gate",),
        ("gate", "--matrix", "workers"),
        ("race",),
        ("explore",),
        ("defects",),
        ("compare", "--ab", "reference", "reference"),
    ],
    ids=" ".join,
)
def test_a_folder_in_which_anything_lies_is_no_run_directory(arguments: tuple[str, ...], tmp_path: Path) -> None:
    (tmp_path / ".env").write_text("ACME_TOKEN=mine")
    command = Command((*arguments, "--out", "."), tmp_path)
    ended = command.run_here()
    assert ended.returncode == 2, ended
    assert f"onewinner {arguments[0]}: . is not empty, and a run directory holds nothing but its run" in ended.stderr
    assert ended.stdout == ""
    assert [path.name for path in tmp_path.rglob("*")] == [".env"], "nothing was put into it"
