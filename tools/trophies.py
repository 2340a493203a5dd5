"""Reproduces races in released software: `make trophy-NAME`, or `make trophies` for all.

A trophy is a folder trophies/NAME. Its trophy.toml names the releases, the locked packages of each, and the command
that finds the race. Each release gets an environment of its own in the folder, which comes first in PATH. A release is
as promised if the named check fails on it (exit code 1), or if it passes everything (exit code 0).
"""

import hashlib
import shutil
import subprocess
import sys
import time
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import msgspec

from onewinner.commands.bisect import describe_environment
from onewinner.exits import FAIL, PASS
from onewinner.kill_matrix import Detection, find_detection
from reports.documents.run_folder import RunError, read_run
from reports.history.file_selection import HistoryError
from reports.history.history import read_history
from reports.judge.verdict import Verdict

FOLDER = Path(__file__).parent.parent / "trophies"
ENVIRONMENTS = ".environments"
READY = ".ready"
RUNS = Path("runs") / "trophies"
INSTALL = (
    "-m",
    "pip",
    "install",
    "--quiet",
    "--disable-pip-version-check",
    "--require-hashes",
    "--no-deps",
    "--requirement",
)
HEADER = ("trophy", "release", "promised", "seen", "exit", "seconds", "found by", "found after")


class TrophyError(Exception):
    """What keeps a trophy from being tried, in one sentence."""


class Release(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """One version or configuration. `packages`: a requirements file with hashes, or a folder with package-lock.json.

    `fails`: the check that fails where the race is gone and another defect is left.
    """

    name: str
    packages: str
    holds: bool
    fails: str | None = None
    env: Mapping[str, str] = {}


class Trophy(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What trophy.toml says. `check` is the one that fails where a release does not hold; `python` is like 3.11."""

    software: str
    race: str
    command: tuple[str, ...]
    check: str
    releases: tuple[Release, ...]
    python: str | None = None


@dataclass(frozen=True)
class Row:
    """What one release did. `seconds`: from the start of the command to the verdict, without the installation."""

    trophy: str
    release: str
    promised: str
    seen: str
    code: int
    seconds: float
    level: str = ""
    detection: Detection | None = None

    @property
    def is_as_promised(self) -> bool:
        return self.promised == self.seen

    def list_cells(self) -> tuple[str, ...]:
        mark = "" if self.is_as_promised else " (!)"
        found = self.detection
        after = "" if found is None else f"{found.operations} operations, {found.races} races, {found.seconds:.1f} s"
        cells = (self.trophy, self.release, self.promised, self.seen + mark)
        return (*cells, str(self.code), f"{self.seconds:.0f}", self.level, after)


def read_trophy(folder: Path) -> Trophy:
    """Raises TrophyError for a folder without a trophy.toml, or with a wrong one."""
    try:
        return msgspec.toml.decode((folder / "trophy.toml").read_bytes(), type=Trophy)
    except FileNotFoundError:
        known = ", ".join(list_trophies(folder.parent))
        raise TrophyError(f"there is no trophy {folder.name!r}; there are: {known}") from None
    except (OSError, msgspec.MsgspecError) as error:
        raise TrophyError(f"{folder.name}: trophy.toml: {error}") from None


def list_trophies(folder: Path = FOLDER) -> list[str]:
    return sorted(file.parent.name for file in folder.glob("*/trophy.toml"))


def find_python(version: str | None) -> str:
    """The interpreter that a trophy needs, by its version; None: this one. Raises TrophyError."""
    if version is None or version == f"{sys.version_info.major}.{sys.version_info.minor}":
        return sys.executable
    found = shutil.which(f"python{version}")
    if found is None:
        raise TrophyError(f"it needs Python {version}, as python{version} in PATH")
    return found


def install(folder: Path, trophy: Trophy, release: Release) -> Path:
    """The environment of the release, made anew if its locked packages changed. Raises TrophyError."""
    source = folder / release.packages
    environment = folder / ENVIRONMENTS / source.name.removesuffix(".lock")
    locked = source / "package-lock.json" if source.is_dir() else source
    mark = environment / f"{READY}-{hashlib.sha256(locked.read_bytes()).hexdigest()[:12]}"
    if mark.exists():
        return environment
    shutil.rmtree(environment, ignore_errors=True)
    if source.is_dir():
        shutil.copytree(source, environment)
        run_quietly(["npm", "ci", "--silent", "--ignore-scripts", "--no-audit", "--no-fund"], environment)
    else:
        run_quietly([find_python(trophy.python), "-m", "venv", str(environment)], folder)
        run_quietly([str(environment / "bin" / "python"), *INSTALL, str(source)], folder)
    mark.touch()
    return environment


def run_quietly(command: Sequence[str], folder: Path) -> None:
    """Raises TrophyError with the end of what the command printed."""
    try:
        ended = subprocess.run(command, cwd=folder, capture_output=True, text=True, check=False)
    except FileNotFoundError:
        raise TrophyError(f"{command[0]} is not installed") from None
    if ended.returncode:
        raise TrophyError(f"{' '.join(command[:4])} ended with {ended.returncode}: {ended.stderr.strip()[-500:]}")


def describe_promise(trophy: Trophy, release: Release) -> str:
    """What a release is to do, in the words of the table."""
    return "pass" if release.holds else f"{release.fails or trophy.check} fails"


def try_release(folder: Path, trophy: Trophy, release: Release, out: Path) -> Row:
    """Runs the command of the trophy on one release. Raises TrophyError when it cannot be installed."""
    variables = {**describe_environment(install(folder, trophy, release)), **release.env}
    shutil.rmtree(out, ignore_errors=True)
    out.parent.mkdir(parents=True, exist_ok=True)
    command = [sys.executable, "-m", "onewinner", *trophy.command, "--target", str(folder / "target.toml")]
    begun = time.monotonic()
    with (out.parent / f"{out.name}.log").open("w") as log:
        code = subprocess.run(
            [*command, "--out", str(out)], env=variables, stdout=log, stderr=log, check=False
        ).returncode
    seconds = time.monotonic() - begun
    failed = list_failed(out)
    promised = describe_promise(trophy, release)
    seen = describe_end(code, failed, trophy.check)
    level, detection = find_first(out, trophy.check) if trophy.check in failed else ("", None)
    return Row(folder.name, release.name, promised, seen, code, seconds, level, detection)


def describe_end(code: int, failed: Sequence[str], check: str) -> str:
    """What a run showed, in the words of the table."""
    if code == PASS:
        return "pass"
    if code == FAIL:
        return f"{check} fails" if check in failed else f"{', '.join(failed)} fails"
    return "no verdict"


def list_failed(out: Path) -> list[str]:
    try:
        return [each.check for each in read_run(out).judgement.checks if each.verdict is Verdict.FAIL]
    except RunError:
        return []


def find_first(out: Path, check: str) -> tuple[str, Detection | None]:
    """The level whose history shows the race first, and how much came before it."""
    try:
        history, judgement = read_history(out), read_run(out).judgement
    except (HistoryError, RunError):
        return "", None
    findings = [each for each in judgement.findings if each.check == check]
    named = [each.operations[0] for each in findings if each.operations]
    return (str(named[0]).partition("-")[0] if named else ""), find_detection(history, findings)


def try_trophy(name: str, folder: Path = FOLDER, runs: Path = RUNS) -> list[Row]:
    """Every release of one trophy. One that cannot be tried is a row without a verdict."""
    place = folder / name
    trophy, rows = read_trophy(place), []
    for release in trophy.releases:
        print(f"{trophy.software} {release.name}: {trophy.race}", flush=True)
        try:
            rows.append(try_release(place, trophy, release, (runs / f"{name}-{release.name}").absolute()))
        except TrophyError as error:
            print(f"{name} {release.name}: {error}", file=sys.stderr)
            rows.append(Row(name, release.name, describe_promise(trophy, release), "not tried", -1, 0.0))
    return rows


def render_table(rows: Iterable[Row]) -> str:
    cells = [HEADER, *(row.list_cells() for row in rows)]
    widths = [max(map(len, column)) for column in zip(*cells, strict=True)]
    return "\n".join(
        "  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip() for row in cells
    )


def main(names: Sequence[str]) -> int:
    """Exit code 0 if every release is as promised, else 1; 2 for a name that is no trophy."""
    rows: list[Row] = []
    try:
        for name in names or list_trophies():
            rows += try_trophy(name)
    except TrophyError as error:
        print(f"trophies: {error}", file=sys.stderr)
        return 2
    print(f"\n{render_table(rows)}\n\nruns: {RUNS}")
    return 0 if all(row.is_as_promised for row in rows) else 1


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
