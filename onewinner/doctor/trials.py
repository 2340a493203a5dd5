"""Trials: what doctor advises is tried on a new workflow before it is told."""

import copy
import json
import os
import re
import tomllib
from collections.abc import Iterator
from dataclasses import dataclass, replace
from itertools import islice
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import msgspec

from engine.target.file_tables import REFUSED, File
from engine.target.http_answer import Answer
from engine.target.key_checks import check_shape, describe_file
from engine.target.target import NotBuiltError, Target
from engine.target.target_file import TargetError, read_target
from engine.target.value_checks import Mistake
from engine.target.workflow_source import CreateCommand, IdPool
from load.client.release import Release, ReleaseError
from onewinner.doctor.examination import Examination
from onewinner.doctor.questions import Enough, Examined, Questions
from onewinner.json_paths import find_states, fold, quote, read_state, walk_leaves, walk_lists

CHANGES_MAX = 8
# What is found after so many questions is told untried: a trial asks them all again.
QUESTIONS_MAX = 80
WRONG_MAX = 3
PREFIXES = ("/api", "/api/v1", "/v1", "/api/v2")
METHODS = ("POST", "PUT", "PATCH")
LISTED = {"create.won": [201], "read.ok": [200], "advance.won": [200], "advance.conflict": [409], "advance.busy": []}
LISTED |= {"advance.refused": list(REFUSED)}
LISTED |= {"capacity.won": [200, 201, 204], "capacity.conflict": [409], "capacity.given_back": [200, 201, 204]}

Document = dict[str, Any]


@dataclass(frozen=True)
class Change:
    """A value for a key of the file, and what must change with it."""

    key: str
    value: Any
    also: tuple["Change", ...] = ()

    def __str__(self) -> str:
        told = (f"{each.key} = {json.dumps(each.value, ensure_ascii=False)}" for each in (self, *self.also))
        return " and ".join(told)


def advise(examination: Examination, file: Path) -> list[str]:
    """What to change, the first ones with what a trial of it showed. A trial has the changes that helped before it."""
    told, document = [], tomllib.loads(file.read_text()) if examination.wrong else {}
    for number, each in enumerate(examination.wrong):
        trial = describe_trial(examination, each, document, file.parent) if number < WRONG_MAX else ""
        told.append(f"{each.remedy}{trial}")
    return told


def describe_trial(examination: Examination, wrong: Examined, document: Document, folder: Path) -> str:
    """The end of the sentence: the change that made the answer right on a new workflow, if one did.

    `document` gets that change.
    """
    index = next(number for number, each in enumerate(examination.done) if each is wrong)
    if isinstance(examination.target.create, IdPool) or index >= QUESTIONS_MAX:
        return ""
    status, key = wrong.probe.answer.status, str(wrong.remedy).partition(":")[0]
    if key in ("advance.refused", "advance.conflict") and is_of_a_legal_move(examination, status):
        return f"; but a legal move was answered {status} too: tell them apart with {{ status = {status}, when = ... }}"
    changes = list(islice(list_changes(examination, wrong, document), CHANGES_MAX))
    tried = []
    for change in changes:
        changed = apply(change, document, folder, examination.target)
        if changed is None:
            continue
        found = find_wrong(changed, (index, wrong.probe.what), examination.questions.folder)
        if found is None:
            for each in (change, *change.also):
                put(document, each.key, each.value)
            return f"; tried on a new workflow: with {change} this answer is right"
        if change.key == "base_url" and str(found).partition(":")[0] not in ("base_url", key):
            return f"; tried on a new workflow: with {change} the route is there"
        tried.append(change)
    # What the sentence itself advises is a status or a state; the others were only looked for.
    advised = next((each for each in tried if each.key.startswith("workflow.") or isinstance(each.value, list)), None)
    return f"; tried on a new workflow: {advised} alone does not help" if advised is not None else ""


def is_of_a_legal_move(examination: Examination, status: int | None) -> bool:
    """Whether a move that must win was answered with this status, as far as it was asked."""
    legal = [each.probe.answer.status for each in examination.done if each.probe.wanted == ("won",)]
    return status in legal


def apply(change: Change, document: Document, folder: Path, running: Target) -> Target | None:
    """The running target with the change; None if the file would be wrong with it."""
    changed = copy.deepcopy(document)
    for each in (change, *change.also):
        put(changed, each.key, each.value)
    try:
        check_shape(changed, describe_file())
        target = read_target(msgspec.convert(changed, File), folder, os.environ)
    except (Mistake, TargetError, msgspec.ValidationError):
        return None
    create = running.create if isinstance(running.create, CreateCommand) else target.create
    base_url = target.base_url if change.key == "base_url" else running.base_url
    return replace(target, base_url=base_url, create=create, saved=running.saved)


def find_wrong(target: Target, until: tuple[int, str], folder: Path) -> str | None:
    """What the same questions up to this one find wrong in the target, if anything; it has a number and a name."""
    release = Release(target.base_url, target.timeout_s)
    trial = Examination(Questions(target, release, folder, until=until))
    try:
        trial.run()
    except (Enough, ReleaseError, NotBuiltError):
        pass
    finally:
        release.close()
    if trial.wrong:
        return trial.wrong[0].remedy
    number, what = until
    is_asked = len(trial.done) > number and trial.done[-1].probe.what == what
    return None if is_asked else "base_url: it did not come to this question"


def list_changes(examination: Examination, wrong: Examined, document: Document) -> Iterator[Change]:
    """What might make the answer right, by the key that the remedy names."""
    key, target, probe = str(wrong.remedy).partition(":")[0], examination.target, wrong.probe
    if key.endswith(("request.path", "request.method")):
        if key.startswith("create."):
            yield from change_address(target)
        elif key.startswith("advance"):
            request = f"{probe.table}.request"
            told = get(document, f"{request}.method")
            yield from (Change(f"{request}.method", method) for method in METHODS if method != told)
        path = get(document, f"{probe.table}.request.path")
        if isinstance(path, str) and len(path) > 1:
            yield Change(f"{probe.table}.request.path", path.rstrip("/") if path.endswith("/") else f"{path}/")
    if key in ("create.id", "read.request.path"):
        created = examination.done[0].probe.answer
        yield from (
            Change("create.id", path) for path, value in walk_leaves(created.json()) if isinstance(value, str | int)
        )
    yield from change_path(target, key, probe.answer, examination.moves)
    yield from change_status(document, key, probe.answer.status)
    yield from change_workflow(target, document, key, str(probe.classified.observed))


def change_address(target: Target) -> Iterator[Change]:
    """The service without a base path, or with a usual one. A running one's only: the port of another is its own."""
    url = urlsplit(target.base_url)
    root = f"{url.scheme}://{url.netloc}"
    if url.path.strip("/"):
        yield Change("base_url", root)
    yield from (Change("base_url", root + prefix) for prefix in PREFIXES if prefix != url.path.rstrip("/"))


def change_path(target: Target, key: str, answer: Answer, moves: list[tuple[str, str]]) -> Iterator[Change]:
    """Where else the answer has what the key's JMESPath must find."""
    shown = answer.json()
    state = moves[-1][1] if moves else target.graph.initial
    if key.endswith(("read.state", "current_state", "won_state")):
        yield from (Change(key, path) for path in find_states(target, shown))
    elif key == "audit.entries":
        yield from (Change(key, path) for path, _ in walk_lists(shown))
    elif key == "effects.markers":
        for path, found in walk_lists(shown):
            names = dict.fromkeys(name for entry in found if isinstance(entry, dict) for name in entry)
            yield from (Change(key, each) for each in (path, *(f"{path}[].{quote(name)}" for name in names)))
    elif key in ("audit.from", "audit.to") and target.trail is not None:
        entries = target.trail.entries.find_list(shown) or [None]
        leaves = [path for path, value in walk_leaves(entries[-1]) if read_state(target, value) is not None]
        yield from (Change(key, path) for path in sorted(leaves, key=lambda path: path == state))


def change_status(document: Document, key: str, status: int | None) -> Iterator[Change]:
    """The status among those of the key."""
    if status is None or key.rpartition(".")[2] not in (
        *("won", "ok", "conflict", "refused", "busy", "closed"),
        *("given_back", "stale", "precondition_required"),
    ):
        return
    told = get(document, key)
    listed = told if isinstance(told, list) else LISTED.get(key, [409] if key.endswith("closed") else [])
    refused = get(document, "advance.refused")
    also: tuple[Change, ...] = ()
    if key != "advance.refused" and isinstance(refused, list) and status in refused:
        also = (Change("advance.refused", [each for each in refused if each != status]),)
    if status not in listed:
        yield Change(key, [*listed, status], also)
        if key != "advance.refused":  # the others of its default go on to mean it
            yield Change(key, [status], also)


def change_workflow(target: Target, document: Document, key: str, seen: str) -> Iterator[Change]:
    if key == "workflow.initial":
        yield Change(key, seen)
    if key == "workflow.spelling":
        spelled = {state: seen for state in target.graph.states if fold(state) == fold(seen)}
        yield Change(key, {**(get(document, key) or {}), **spelled})


def walk_key(key: str) -> list[str | int]:
    """The parts of "advance.edges[0].won"."""
    return [int(index) if index else name for name, index in re.findall(r"([^.\[\]]+)(?=\.|\[|$)|\[(\d+)\]", key)]


def get(document: Document, key: str) -> Any:
    """The value at a key, None if there is none."""
    found: Any = document
    for part in walk_key(key):
        try:
            found = found[part]
        except (KeyError, IndexError, TypeError):
            return None
    return found


def put(document: Document, key: str, value: Any) -> None:
    """Sets the value at a key, whose table is there."""
    *outer, last = walk_key(key)
    found: Any = document
    for part in outer:
        found = found[part] if isinstance(part, int) else found.setdefault(part, {})
    found[last] = value
