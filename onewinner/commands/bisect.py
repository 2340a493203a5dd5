"""Finds between which two releases a race came or went, with the same plan on each.

Each release gets an environment of its own: its folder's bin (and node_modules/.bin) comes first in PATH, and
ONEWINNER_ENVIRONMENT is the folder. --package installs a Python package there; --prepare runs any command that
prepares a release. Then the gate runs on the release, or --replay a race file. Both ends are asked first, then the
middle of what is left, so the race must have come or gone once. The command ends early when a release cannot be
prepared or does not start. Exit code: 1 if a release has the race, 0 if none has it, 3 if one has no verdict.
"""

import argparse
import os
import re
import shlex
import shutil
import subprocess
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from engine.provision.child import name_module
from engine.provision.processes import run_process
from engine.reference.defects import LEVELS
from onewinner.bisection import Search, Trial, describe_bisection, describe_trial
from onewinner.engine_choice import read_target
from onewinner.exits import FAIL, PASS, UNKNOWN, USAGE, UsageError
from onewinner.help_layout import JUDGING, Parser, one_of
from onewinner.options import bounded
from onewinner.terminal_display import print_text
from reports.documents.run_folder import RunError, make_safe, name_folder, read_run
from reports.judge.verdict import Verdict

EXAMPLE = """onewinner bisect --target orders.toml --package orders --good 2.1 --bad 2.4
         onewinner bisect --target orders.toml --versions 1.6.10,1.6.11 \\
           --prepare "npm install --prefix {environment} orders@{version}" --level race"""
ENVIRONMENT = "ONEWINNER_ENVIRONMENT"
AVAILABLE = re.compile(r"^Available versions: (.+)$", re.MULTILINE)
PASSED_ON = ("level", "races", "contenders", "seed", "replay")
SHOWN_MAX = 300


@dataclass(frozen=True)
class BisectOptions:
    """Which releases are asked, how each is prepared, and the arguments of the command that asks it."""

    target: Path
    versions: tuple[str, ...]
    prepare: tuple[tuple[str, ...], ...]
    asking: tuple[str, ...]
    folder: Path


class PrepareError(Exception):
    """A release that cannot be prepared, in one sentence."""


def main(arguments: list[str]) -> int:
    options = parse(arguments)
    options.folder.mkdir(parents=True, exist_ok=True)

    def ask(version: str) -> Trial:
        trial = try_release(version, options)
        print_text(describe_trial(trial))
        return trial

    found = Search(ask).run(options.versions)
    print_text(f"\n{describe_bisection(found, options.versions)}\nruns: {options.folder}")
    return found.code


def try_release(version: str, options: BisectOptions) -> Trial:
    """Prepares one release, and asks it."""
    out = options.folder / make_safe(version)
    environment = (options.folder / "environments" / make_safe(version)).absolute()
    log = options.folder / f"{make_safe(version)}.log"
    try:
        prepare_release(version, environment, options.prepare, log)
    except PrepareError as error:
        return Trial(version, UNKNOWN, reason=f"it cannot be prepared: {error}")
    command = name_module("onewinner", *options.asking, "--target", str(options.target), "--out", str(out))
    code = run_logged(command, describe_environment(environment), log)
    return read_trial(version, code, out, log)


def describe_environment(environment: Path) -> dict[str, str]:
    """The variables for the command that asks a release, and so for the service that it starts."""
    places = (environment / "bin", environment / "node_modules" / ".bin")
    path = os.pathsep.join([*map(str, places), os.environ.get("PATH", os.defpath)])
    return {**os.environ, "PATH": path, ENVIRONMENT: str(environment)}


def read_trial(version: str, code: int, out: Path, log: Path) -> Trial:
    """What the run of a release said. One that did not start leaves a run without a judgement, or none."""
    try:
        judgement = read_run(out).judgement
    except RunError:
        judgement = None
    if judgement is None or code == USAGE:
        return Trial(version, UNKNOWN, reason=f"{read_end(log)} (see {log})")
    failed = frozenset(each.check for each in judgement.checks if each.verdict is Verdict.FAIL)
    return Trial(version, code if code in (PASS, FAIL) else UNKNOWN, failed, judgement.reason)


def prepare_release(version: str, environment: Path, commands: Sequence[Sequence[str]], log: Path) -> None:
    """Runs the commands that prepare a release, with its version and its environment filled in. Raises PrepareError."""
    shutil.rmtree(environment, ignore_errors=True)
    environment.mkdir(parents=True)
    for command in commands:
        filled = [part.replace("{version}", version).replace("{environment}", str(environment)) for part in command]
        if code := run_logged(filled, dict(os.environ), log):
            raise PrepareError(f"{filled[0]} ended with {code}: {read_end(log)} (see {log})")


def run_logged(command: Sequence[str], variables: dict[str, str], log: Path) -> int:
    with log.open("ab") as output, run_process(command, output=output, environment=variables, hides=True) as process:
        return process.wait()


def read_end(log: Path) -> str:
    lines = log.read_text(errors="replace").strip().splitlines()
    return lines[-1].strip()[:SHOWN_MAX] if lines else "it printed nothing"


def build_parser() -> Parser:
    parser = Parser("bisect", __doc__ or "", EXAMPLE, exits=JUDGING)
    add_release_options(parser)
    add_asking_options(parser)
    return parser


def parse(arguments: list[str]) -> BisectOptions:
    """Raises UsageError."""
    given = build_parser().parse_args(arguments)
    refuse_contradictions(given)
    target = read_target(given.target)
    if target.service is None:
        raise UsageError(f"{given.target}: service: bisect starts every release; say how, in [service]")
    folder = given.out or name_folder(f"{target.name}-bisect")
    if folder.exists() and (not folder.is_dir() or any(folder.iterdir())):
        raise UsageError(f"--out: {folder} is not empty; name a new folder")
    return BisectOptions(given.target, choose_versions(given), plan_preparation(given), plan_asking(given), folder)


def add_release_options(parser: argparse.ArgumentParser) -> None:
    add = parser.add_argument
    add("--target", type=Path, required=True, metavar="FILE", help="the target file, with a [service]")
    add("--package", metavar="NAME", help="a Python package; pip lists its releases and installs each")
    add("--good", metavar="VERSION", help="one end of the releases to search: one that should pass")
    add("--bad", metavar="VERSION", help="the other end: one that should fail; the older of the two may be either")
    add("--versions", metavar="A,B,...", help="the releases, in the order in which they came out")
    add("--with", dest="beside", action="append", default=[], metavar="REQUIREMENT", help="installed beside --package")
    add("--constraint", type=Path, metavar="FILE", help="a constraints file for pip: old releases need old packages")
    add("--python", default=sys.executable, metavar="PROGRAM", help="makes the environments (default: this Python)")
    add("--prepare", metavar="COMMAND", help="prepares a release instead; {version} and {environment} are filled in")


def add_asking_options(parser: argparse.ArgumentParser) -> None:
    add = parser.add_argument
    add("--level", type=one_of(LEVELS), action="append", metavar="NAME", help="only this level of the gate; repeatable")
    add("--races", type=bounded(1, 10**6), metavar="N", help="how many races (default: those of the gate)")
    add("--contenders", type=bounded(2, 200), metavar="N", help="requests per race (default: 10)")
    add("--seed", type=bounded(0, 2**31), metavar="N", help="repeats the same plan (default: 1)")
    add("--replay", type=Path, metavar="FILE", help="replay this race file on each release instead of a gate")
    add("--out", type=Path, metavar="DIR", help="the folder of all runs (default: runs/<UTC time>-<name>-bisect)")


def refuse_contradictions(given: argparse.Namespace) -> None:
    """Refuses what does not go together. Raises UsageError."""
    if (given.package is None) == (given.prepare is None):
        raise UsageError("say how a release is prepared: either --package NAME, or --prepare COMMAND")
    if given.prepare is not None and given.versions is None:
        raise UsageError("--prepare: pip does not know these releases; list them with --versions A,B,...")
    if (given.good is None) != (given.bad is None) or (given.versions is None and given.good is None):
        raise UsageError("name both ends, --good VERSION and --bad VERSION, or all releases with --versions A,B,...")
    if given.replay is not None and (given.level or given.races or given.contenders):
        raise UsageError("--replay runs one race file; leave out --level, --races and --contenders")
    if given.replay is not None and not given.replay.is_file():
        raise UsageError(f"--replay: {given.replay} is no file; name a race file that a run has saved")
    if given.prepare is not None and (given.beside or given.constraint):
        raise UsageError("--with, --constraint are for --package")


def choose_versions(given: argparse.Namespace) -> tuple[str, ...]:
    """The releases from one end to the other, in the order in which they came out. Raises UsageError."""
    if given.versions is not None:
        versions = [version.strip() for version in given.versions.split(",") if version.strip()]
    else:
        versions = list_releases(given.package, given.python)
    if given.good is not None:
        for name in ("good", "bad"):
            if getattr(given, name) not in versions:
                raise UsageError(
                    f"--{name}: there is no release {getattr(given, name)}; there are: {', '.join(versions)}"
                )
        low, high = sorted((versions.index(given.good), versions.index(given.bad)))
        versions = versions[low : high + 1]
    if len(versions) < 2 or len(set(versions)) < len(versions):
        raise UsageError("name two releases or more, each once")
    return tuple(versions)


def list_releases(package: str, python: str) -> list[str]:
    """The releases of a Python package that pip can install, the oldest first. Raises UsageError."""
    command = [python, "-m", "pip", "index", "versions", package, "--disable-pip-version-check"]
    try:
        ended = subprocess.run(command, capture_output=True, text=True, check=False)
    except OSError as error:
        raise UsageError(f"--python: {python} cannot be run: {error.strerror}") from None
    found = AVAILABLE.search(ended.stdout)
    if found is None:
        told = (ended.stderr.strip().splitlines() or ["pip lists none"])[-1]
        raise UsageError(f"--package: the releases of {package} cannot be listed ({told}); name them with --versions")
    return [version.strip() for version in reversed(found[1].split(","))]


def plan_preparation(given: argparse.Namespace) -> tuple[tuple[str, ...], ...]:
    """The commands that prepare a release."""
    if given.prepare is not None:
        try:
            return (tuple(shlex.split(given.prepare)),)
        except ValueError as error:
            raise UsageError(f"--prepare: {error}") from None
    constraint = () if given.constraint is None else ("--constraint", str(given.constraint))
    install = ("-m", "pip", "install", "--quiet", "--disable-pip-version-check", *constraint)
    return (
        (given.python, "-m", "venv", "{environment}"),
        ("{environment}/bin/python", *install, f"{given.package}=={{version}}", *given.beside),
    )


def plan_asking(given: argparse.Namespace) -> tuple[str, ...]:
    """The command that asks a release, without its target and its folder: the same for all."""
    asking = ["explore" if given.replay is not None else "gate"]
    for name in PASSED_ON:
        value = getattr(given, name)
        for each in value if isinstance(value, list) else [value]:
            asking += [] if each is None else [f"--{name}", str(each)]
    return tuple(asking)
