"""Goal: bad input is one clear sentence and exit 2, with no traceback and nothing left behind."""

import socket
from pathlib import Path

import pytest

from tests.load.stub import SMALL
from tests.onewinner.running import Command

MISTAKES: dict[str, tuple[str, ...]] = {
    "--defect: there is no 'nope'; there are: ack-before-commit, audit-after-commit": ("gate", "--defect", "nope"),
    "--control: there is no 'nope'; there are: advisory-lock, drops-connection": ("serve", "--control", "nope"),
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
    "--only: invalid choice: 'luck'": ("check", ".", "--only", "luck"),
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
    "invalid choice: 'nosuch'": ("nosuch",),
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


@pytest.mark.parametrize("name", ["gate", "race", "serve", "check", "report", "compare", "defects", "init", "doctor"])
def test_help_shows_an_example(name: str, tmp_path: Path) -> None:
    ended = Command((name, "--help"), tmp_path).run_here()
    assert ended.returncode == 0
    assert f"example: onewinner {name}" in ended.stdout


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
