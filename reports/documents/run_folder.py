"""The run directory, written and read: run.json, target.toml, history/, and the documents.

run.json says "unknown" from the start: a run that is cut short is never green.
"""

import contextlib
import re
import tomllib
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Literal

import msgspec
from msgspec import structs

from engine.target.plain_file import MALFORMED, read_plain
from reports.comparison.facts import Count, Facts
from reports.documents.run_format_1 import upgrade
from reports.judge.verdict import CheckResult, Judgement, Verdict

FORMAT_VERSION: Literal[2] = 2
UNSAFE = re.compile(r"[^A-Za-z0-9._-]+")
NAME_MAX = 80
UNFINISHED = "the run did not finish"


class RunError(Exception):
    """A folder that is no run directory, or one that cannot be read; one sentence."""


class Decided(msgspec.Struct, frozen=True):
    """The judgement as run.json has it: `checks` by id. `verdict` is unknown until the run has finished.

    `reason`: one sentence on what decided. `counts`: operations, workflows, races, and each outcome.
    """

    format: Literal[2]
    verdict: Verdict
    reason: str
    counts: dict[str, Count]
    checks: dict[str, CheckResult]


@dataclass(frozen=True)
class Run:
    """A run: its folder, what is known of it (everything in run.json but the judgement), and the judgement."""

    folder: Path
    facts: Facts
    judgement: Judgement

    @property
    def history(self) -> Path:
        return self.folder / "history"


def name_folder(name: str) -> Path:
    """A new run directory: `name`, after the moment at which the run begins."""
    return Path("runs", f"{datetime.now(UTC):%Y%m%dT%H%M%SZ}-{make_safe(name)}")


def make_safe(name: str) -> str:
    """The name as the end of a folder's name: letters, digits, dots, - and _ alone."""
    return UNSAFE.sub("-", name)[:NAME_MAX].strip("-.") or "run"


def refuse_taken(folder: Path) -> None:
    """Raises RunError if the folder holds anything: a run directory holds only its run."""
    try:
        names = {path.name for path in folder.iterdir()}
    except FileNotFoundError:
        return
    except OSError as error:
        raise RunError(f"{folder}: cannot be a run directory: {error.strerror}; choose another --out") from None
    if "run.json" in names:
        raise RunError(f"{folder} is a run directory already; choose another --out or remove it")
    if names:
        raise RunError(f"{folder} is not empty, and a run directory holds nothing but its run; choose another --out")


def begin_run(folder: Path, target: Path, facts: Facts, *, text: bytes | None = None) -> Run:
    """Makes the folder and writes what is known before anything is asked. Raises RunError when it is taken.

    `text` is what its copy of the target file says, if that is not to be a plain copy.
    """
    refuse_taken(folder)
    try:
        (folder / "history").mkdir(parents=True)
        copy_target(target, folder, read_plain(target) if text is None else text)
    except FileExistsError:
        raise RunError(f"{folder} is a run directory already; choose another --out or remove it") from None
    except OSError as error:
        raise RunError(f"{folder}: cannot be written: {error.strerror}; choose another --out") from None
    run = Run(folder, facts, Judgement(Verdict.UNKNOWN, UNFINISHED, ()))
    write_record(run)
    return run


def copy_target(target: Path, folder: Path, content: bytes) -> None:
    """Writes the copy of a target file, and beside it its adapter, so that the run can be repeated."""
    (folder / "target.toml").write_bytes(content)
    with contextlib.suppress(ValueError):
        adapter = tomllib.loads(content.decode()).get("adapter")
        if isinstance(adapter, str) and ".." not in Path(adapter).parts and not Path(adapter).is_absolute():
            (folder / adapter).parent.mkdir(parents=True, exist_ok=True)
            (folder / adapter).write_bytes(read_plain(target.parent / adapter))


def note_interruption(run: Run, by: str) -> None:
    """Writes that a signal of this name ended the run: the judge needs no other reason why it is incomplete."""
    facts = structs.replace(run.facts, plan=structs.replace(run.facts.plan, interrupted=by))
    write_record(Run(run.folder, facts, Judgement(Verdict.UNKNOWN, f"{UNFINISHED}: interrupted by {by}", ())))


def finish_run(run: Run) -> None:
    """Writes the verdict and every document made from it."""
    write_record(run)
    write_documents(run)


def write_documents(run: Run) -> None:
    """Writes the documents of a run whose verdict is written already."""
    # Not above: to read a run takes neither Jinja nor Polars.
    from reports.documents.junit import render_junit
    from reports.documents.page import render_page
    from reports.documents.summary import render_summary

    documents = {"junit.xml": render_junit, "summary.md": render_summary, "index.html": render_page}
    for name, render in documents.items():
        write_whole(run.folder / name, render(run.facts, run.judgement).encode())


def write_record(run: Run) -> None:
    judgement = run.judgement
    checks = {result.check: result for result in judgement.checks}
    decided = Decided(FORMAT_VERSION, judgement.verdict, judgement.reason, judgement.counts, checks)
    record = {**msgspec.to_builtins(decided), **msgspec.to_builtins(run.facts)}
    write_whole(run.folder / "run.json", msgspec.json.format(msgspec.json.encode(record), indent=2) + b"\n")


def write_whole(path: Path, content: bytes) -> None:
    """All of it or nothing: a reader never sees half of the file."""
    draft = path.with_name(f".{path.name}.draft")
    draft.write_bytes(content)
    draft.replace(path)


def read_run(folder: Path) -> Run:
    """The run of a folder. Raises RunError."""
    path = folder / "run.json"
    try:
        record = msgspec.json.decode(read_plain(path))
    except OSError as error:
        raise RunError(f"{path}: cannot be read: {error.strerror}; name a run directory") from None
    except MALFORMED as error:
        raise RunError(f"{path}: is not JSON: {error}") from None
    version = record.pop("format", None) if isinstance(record, dict) else None
    if version not in (1, FORMAT_VERSION):
        raise RunError(f"{path}: is not a run.json of format {FORMAT_VERSION} or older")
    try:
        return take_run(folder, upgrade(record) if version == 1 else record)
    except (AttributeError, KeyError, TypeError, ValueError, RecursionError) as error:
        raise RunError(f"{path}: is not as docs/run.schema.json says: {error}") from None


def take_run(folder: Path, record: dict[str, Any]) -> Run:
    """The run that a record of today's format tells of. Raises ValueError."""
    decided = msgspec.convert({**record, "format": FORMAT_VERSION}, Decided)
    judgement = Judgement(decided.verdict, decided.reason, tuple(decided.checks.values()), decided.counts)
    return Run(folder, msgspec.convert(record, Facts), judgement)


def with_judgement(run: Run, judgement: Judgement, **facts: Any) -> Run:
    """The run with another judgement, and with these facts instead of its own."""
    return replace(run, judgement=judgement, facts=Facts(**{**structs.asdict(run.facts), **facts}))
