"""A preview: what the judge says of the levels of a running gate that have ended. A program, niced.

    python -m onewinner.ui.preview FOLDER SOURCE...

The sources are those of levels that have not ended. Prints JSON: the page's own sections. The verdict is the gate's
own, at its end; checks whose evidence may still come (a call to a sink, an outage that excuses an error) are left out.
"""

import contextlib
import os
import shlex
import shutil
import sys
import tempfile
from collections.abc import Collection, Iterator, Sequence
from dataclasses import replace
from pathlib import Path

import msgspec

from engine.target.illegal import list_illegal
from engine.target.target import Target
from engine.target.target_file import load_target
from reports.comparison.facts import Facts
from reports.comparison.measure_tables import measure
from reports.documents.page.document import list_sections
from reports.documents.page.templates import Section
from reports.documents.samples import take_samples
from reports.documents.strength import measure_strength
from reports.history import events
from reports.history.file_selection import JOURNAL
from reports.history.history import History, read_history
from reports.judge.all_checks import CHECKS
from reports.judge.judge import judge
from reports.judge.levels.unfinished_levels import sum_levels
from reports.judge.verdict import Judgement, Verdict

NICENESS = 19
NO_VERDICT = "Of the levels that have ended. This is no verdict."
AT_THE_END = ("effects", "durability", "schema", "no-5xx", "accounting")


class Preview(msgspec.Struct, frozen=True):
    """The checks that fail so far, and the sections."""

    failed: tuple[str, ...]
    sections: tuple[Section, ...]


def main(arguments: Sequence[str]) -> int:
    folder, *unfinished = arguments
    os.nice(NICENESS)
    sys.stdout.buffer.write(msgspec.json.encode(make_preview(Path(folder), unfinished), enc_hook=str))
    return 0


def make_preview(folder: Path, unfinished: Collection[str]) -> Preview:
    target = load_target(folder / "target.toml", None)
    with copy_ended(folder / "history", unfinished) as ended:
        history = read_history(ended)
        command = f"onewinner check {shlex.quote(str(folder))}"
        early = [check for check in CHECKS if check not in AT_THE_END]
        judgement = judge(history, target.graph, command=command, only=early)
        return show(gather(history, target, judgement), judgement)


@contextlib.contextmanager
def copy_ended(folder: Path, unfinished: Collection[str]) -> Iterator[Path]:
    """A folder with all journals but those that are still written, until the block is left."""
    with tempfile.TemporaryDirectory(prefix="onewinner-") as ended:
        for journal in folder.glob(f"*{JOURNAL}"):
            if journal.stem not in unfinished:
                shutil.copyfile(journal, Path(ended, journal.name))
        yield Path(ended)


def gather(history: History, target: Target, judgement: Judgement) -> Facts:
    illegal = [each.key(target) for state in target.graph.states for each in list_illegal(target, state)]
    return Facts(
        levels=tuple(sum_levels(history.having(events.Level))),
        measures=measure(history),
        samples=take_samples(history, judgement, target.graph),
        strength=measure_strength(history, target.graph, illegal) if target.has_workflow else None,
    )


def show(facts: Facts, judgement: Judgement) -> Preview:
    failed = tuple(result.check for result in judgement.checks if result.verdict is Verdict.FAIL)
    sections = list_sections(facts, judgement)
    return Preview(
        failed, tuple(replace(each, note=NO_VERDICT) if each.anchor == "checks" else each for each in sections)
    )


def read_preview(printed: bytes) -> Preview:
    """Its HTML is our own: it was escaped where it was made."""
    return msgspec.json.decode(printed, type=Preview, dec_hook=lambda kind, html: kind(html))


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
