"""Workflows that no request creates: runs the target's command, or takes one of its ids, and reads the state."""

import contextlib
import os
import subprocess
from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path
from urllib.parse import quote

import psutil

from engine.target.child_environment import clean_environment, find_own
from engine.target.classified_answer import ClassifiedAnswer, classify_read
from engine.target.http_answer import Answer
from engine.target.notices import say
from engine.target.target import Target
from engine.target.workflow_source import CreateCommand, IdPool, Queue
from load.client.queue_maker import QueueMaker
from load.client.release import Exchange, Release, now_ns
from load.client.value_store import ValueStore

# Which ids are this process's: "1/3" is every third, beginning with the second. So no level takes those of another.
IDS_VARIABLE = "ONEWINNER_IDS"


class FactoryError(Exception):
    """The command gave no id: one sentence. `stderr` is what it wrote to its standard error."""

    def __init__(self, message: str, stderr: str = "") -> None:
        super().__init__(message)
        self.stderr = stderr


@dataclass
class WorkflowFactory:
    """Makes workflows for one source. In `folder` all processes of a run note the ids that they have taken."""

    target: Target
    release: Release
    folder: Path
    values: ValueStore
    passed: Counter[str] = field(default_factory=Counter)
    queues: QueueMaker = field(init=False)

    def __post_init__(self) -> None:
        self.queues = QueueMaker(self.target, self.release, self.folder, self.values)

    def take(self, tenant: str) -> str | None:
        """The tenant's next id that no source has taken, None when there is none; "" where a command makes them."""
        create = self.target.create
        if not isinstance(create, IdPool):
            return ""
        ids = create.ids.get(tenant, ())
        turn, turns = read_partition(os.environ.get(IDS_VARIABLE, ""))
        self.folder.mkdir(parents=True, exist_ok=True)
        for number in range(self.passed[tenant], len(ids)):
            self.passed[tenant] = number + 1
            if number % turns == turn and claim(self.folder / f"{quote(tenant, safe='')}.{number}"):
                return ids[number]
        return None

    def make(
        self, taken: str, tenant: str, request_id: str, workflow: str = "", units: int = 0
    ) -> tuple[Exchange, ClassifiedAnswer]:
        """The workflow of an id that was taken, or a new one, after a look at its state where it can be read.

        A queue gets `units` units.

        The outcome is "ok" only in the initial state: the judge would take any other one for it.
        """
        fixed = self.target.capacity.units if self.target.capacity is not None else None
        left = fixed if isinstance(fixed, int) else None
        if isinstance(self.target.create, Queue):
            return self.queues.make(tenant, request_id, workflow, left or units)
        invoked_ns = now_ns()
        try:
            server_id = taken or run_command(self.target, tenant, request_id)
        except FactoryError as error:
            say(f"{error}\n{error.stderr}")
            return Exchange(invoked_ns, now_ns(), Answer(None)), ClassifiedAnswer("unknown", None, message=str(error))
        initial = self.target.graph.initial if self.target.has_workflow else None
        made = ClassifiedAnswer("ok", None, initial, server_id, left=left)
        if not self.target.can_read:
            return Exchange(invoked_ns, now_ns(), Answer(None)), made
        exchange = self.release.send(self.target.build_read(tenant, server_id, request_id, self.values.list(tenant)))
        looked = classify_read(self.target, exchange.answer)
        exchange = Exchange(invoked_ns, exchange.returned_ns, exchange.answer)
        if looked.outcome == "ok" and looked.observed == initial:
            return exchange, made
        key = "create.ids" if taken else "create.command"
        seen = f"is in {looked.observed}, not in {initial}" if looked.observed else looked.message or looked.outcome
        message = f"the workflow {server_id} {seen}; {key} must name workflows in their initial state"
        return exchange, ClassifiedAnswer("unknown", looked.status, message=message)


def kill_tree(process: subprocess.Popen[bytes]) -> None:
    """Kills a process that runs, and all that it started: a shell script that is killed leaves its commands behind."""
    if process.poll() is not None:
        return
    tree = [psutil.Process(process.pid)]
    for each in tree:
        # What is suspended starts nothing more.
        with contextlib.suppress(psutil.Error):
            each.suspend()
            tree += each.children()
    for each in tree:
        with contextlib.suppress(psutil.Error):
            each.kill()
    psutil.wait_procs(tree[1:])


def read_partition(text: str) -> tuple[int, int]:
    """turn and turns of "1/3"; all ids when the text is empty."""
    turn, _, turns = text.partition("/")
    return (int(turn), int(turns)) if turns else (0, 1)


def claim(note: Path) -> bool:
    """Whether the note is ours: no process wrote it before."""
    try:
        os.close(os.open(note, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o644))
    except FileExistsError:
        return False
    return True


def run_command(target: Target, tenant: str, request_id: str) -> str:
    """Runs the target's command and returns the id that it printed. Raises FactoryError.

    It stays in our process group, and ends with us. One that takes too long ends with all that it started.
    """
    assert isinstance(target.create, CreateCommand)
    command = target.create.fill({"tenant": tenant, "request_id": request_id, "marker": request_id})
    name = command.words[0]
    try:
        process = subprocess.Popen(
            [find_own(name), *command.words[1:]],
            cwd=command.cwd,
            env=clean_environment(os.environ),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
        )
    except OSError as error:
        raise FactoryError(f"create.command: {name!r} cannot be run: {error.strerror}") from None
    with process:
        try:
            output, errors = process.communicate(timeout=command.timeout_s)
        except subprocess.TimeoutExpired:
            raise FactoryError(
                f"create.command: {name!r} took more than create.timeout_s = {command.timeout_s:g}"
            ) from None
        finally:
            kill_tree(process)
    stderr = errors.decode(errors="replace").strip()
    if process.returncode != 0:
        raise FactoryError(f"create.command: {name!r} ended with status {process.returncode}", stderr)
    lines = output.decode(errors="replace").split("\n")
    found = next((line.strip() for line in reversed(lines) if line.strip()), None)
    if found is None:
        raise FactoryError(f"create.command: {name!r} printed nothing; its last line must be the id", stderr)
    return found
