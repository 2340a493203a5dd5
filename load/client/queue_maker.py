"""Makes queues: creates one, or empties that of the whole service, and puts units into it.

The requests that empty a queue and put units in are no operations: in the history they are one create.
"""

import fcntl
import time
from contextlib import suppress
from dataclasses import dataclass, replace
from pathlib import Path
from typing import IO

from engine.target.answer_rules import SERVER_ERROR
from engine.target.classified_answer import ClassifiedAnswer, classify_create, classify_take
from engine.target.http_answer import Answer
from engine.target.login_and_setup_steps import BAD
from engine.target.savings import find_values
from engine.target.target import NotBuiltError, Target
from engine.target.workflow_source import Queue
from load.client.release import Exchange, Release, now_ns
from load.client.value_store import ValueStore

# What findings call the one queue of a service; it has no id.
SHARED_ID = "queue"
# More units than that are in no queue of which a run can know what is left.
EMPTIED_MAX = 2_000
LOCK_LIMIT_S, LOCK_PAUSE_S = 120.0, 0.005
BUSY_MAX, BUSY_PAUSE_S = 20, 0.05
# After a fault each dead connection of a service's pool may fail one request.
ATTEMPTS_MAX, ATTEMPT_PAUSE_S = 40, 0.1


class QueueError(Exception):
    """A queue that could not be made, in one sentence. `may_recover`: the service hung up, or told a server error."""

    def __init__(self, sentence: str, *, may_recover: bool = False) -> None:
        super().__init__(sentence)
        self.may_recover = may_recover


@dataclass
class QueueMaker:
    """Makes queues for one source. Of the queue of a whole service one source of the run has the use at a time, which
    the lock in `folder` tells; once an outcome was unknown, how many units it has is no longer certain. `filled` is how
    many were put in last.
    """

    target: Target
    release: Release
    folder: Path
    values: ValueStore
    lock: IO[str] | None = None
    holder: str = ""
    filled: int = 0

    @property
    def is_shared(self) -> bool:
        return self.target.capacity is not None and self.target.capacity.is_shared

    @property
    def is_certain(self) -> bool:
        """Whether a new queue holds what was put in and nothing else: no earlier take is open, and no unit that was
        taken before comes back into it.
        """
        capacity = self.target.capacity
        comes_back = capacity is not None and capacity.returns_after_s is not None
        return not self.is_shared or not (comes_back or self.doubt.exists())

    @property
    def doubt(self) -> Path:
        return self.folder / "queue.doubt"

    def make(self, tenant: str, request_id: str, workflow: str, units: int) -> tuple[Exchange, ClassifiedAnswer]:
        """The queue with that many units. The outcome is "ok" only if every unit was put in."""
        invoked_ns = now_ns()
        try:
            answer, classified = self.try_often(tenant, request_id, workflow, units)
        except (QueueError, NotBuiltError) as error:
            self.note_doubt()
            self.forget(workflow)
            return Exchange(invoked_ns, None, Answer(None)), ClassifiedAnswer("unknown", None, message=str(error))
        if not self.is_certain:
            classified = replace(classified, left=None)
        return Exchange(invoked_ns, now_ns(), answer), classified

    def try_often(self, tenant: str, request_id: str, workflow: str, units: int) -> tuple[Answer, ClassifiedAnswer]:
        """Empties and fills the queue of the service again while it fails as after a fault. Raises QueueError."""
        attempt = 0
        while True:
            try:
                return self.open_and_fill(tenant, f"{request_id}.{attempt}" if attempt else request_id, workflow, units)
            except QueueError as error:
                attempt += 1
                if not (self.is_shared and error.may_recover and attempt < ATTEMPTS_MAX):
                    raise
            self.note_doubt()
            time.sleep(ATTEMPT_PAUSE_S)

    def open_and_fill(self, tenant: str, request_id: str, workflow: str, units: int) -> tuple[Answer, ClassifiedAnswer]:
        answer, classified = self.open(tenant, request_id, workflow, units)
        if classified.outcome == "ok":
            self.fill(tenant, classified.server_id or "", request_id, workflow, units)
        return answer, classified

    def open(self, tenant: str, request_id: str, workflow: str, units: int) -> tuple[Answer, ClassifiedAnswer]:
        """An empty queue. Raises QueueError, NotBuiltError."""
        assert isinstance(self.target.create, Queue)
        if self.target.create.request is None:
            self.lock_up(workflow)
            self.empty(tenant, request_id, workflow)
            return Answer(None), ClassifiedAnswer("ok", None, server_id=SHARED_ID, left=units)
        values = self.values.list(tenant, "", workflow)
        request = self.target.build_create(tenant, request_id, request_id, values, units)
        answer = self.release.send(request).answer
        self.values.save_values(workflow, find_values(self.target.create_savings, answer))
        return answer, classify_create(self.target, answer, units)

    def fill(self, tenant: str, server_id: str, request_id: str, workflow: str, units: int) -> None:
        """Puts the units in, one by one. Raises QueueError."""
        values = self.values.list(tenant, "", workflow)
        for number in range(units):
            request = self.target.build_put(tenant, server_id, f"{request_id}.{number}", values)
            answer = self.release.send(request).answer
            if answer.status is None or answer.status >= BAD:
                told = f"answered {answer.status}" if answer.status is not None else f"not answered: {answer.error}"
                sentence = f"capacity.put: {request.method} {request.path} was {told}"
                raise QueueError(sentence, may_recover=may_recover(answer))
        self.filled = units

    def empty(self, tenant: str, request_id: str, workflow: str) -> None:
        """Takes what is left in the queue. Raises QueueError."""
        busy, values = 0, self.values.list(tenant, "", workflow)
        for number in range(EMPTIED_MAX):
            request = self.target.build_take(tenant, SHARED_ID, f"{request_id}.empty.{number}", values)
            answer = self.release.send(request).answer
            classified = classify_take(self.target, answer)
            if classified.outcome == "conflict":
                return
            if classified.outcome == "busy" and busy < BUSY_MAX:
                busy += 1
                time.sleep(BUSY_PAUSE_S)
            elif classified.outcome != "won":
                raise QueueError(
                    f"capacity.take: the queue could not be emptied: a take was answered {answer.status}, "
                    f"{classified.outcome}",
                    may_recover=may_recover(answer),
                )
        raise QueueError(
            f"capacity.take: {EMPTIED_MAX:,} takes did not empty the queue; capacity.conflict must say what the answer "
            "of an empty queue is, and no other client may use it"
        )

    def lock_up(self, workflow: str) -> None:
        """Waits until no other source uses the queue of the service. Raises QueueError."""
        self.holder = workflow
        if self.lock is not None:
            return
        self.folder.mkdir(parents=True, exist_ok=True)
        lock, deadline = (self.folder / "queue.lock").open("w"), time.monotonic() + LOCK_LIMIT_S
        while time.monotonic() < deadline:
            with suppress(BlockingIOError):
                fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
                self.lock = lock
                return
            time.sleep(LOCK_PAUSE_S)
        lock.close()
        raise QueueError(f"another source used the queue of the service for more than {LOCK_LIMIT_S:g} s")

    def forget(self, workflow: str) -> None:
        """Nothing more is asked of it: another source may use the queue of the service."""
        if self.lock is not None and self.holder == workflow:
            self.lock.close()
            self.lock = None

    def note_doubt(self) -> None:
        """A request may still take effect, or not: from now on only the names of units are certain."""
        if self.is_shared:
            self.folder.mkdir(parents=True, exist_ok=True)
            self.doubt.touch()


def may_recover(answer: Answer) -> bool:
    """Whether an answer is as after a fault. A request that timed out is not sent again: that takes long."""
    return not answer.timed_out and (answer.status is None or answer.status >= SERVER_ERROR)
