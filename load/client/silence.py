"""Silence: what one source knows of a service that answers no more. Knows nothing of Locust, sends nothing.

A slow service answers in the end, and a busy one answers some requests. A service is suspected if no request at all was
answered within its whole timeout, several timeouts long. Then the asker asks for a new workflow and reads.
"""

import time
from dataclasses import dataclass, field

from engine.target.target import Answer

UNANSWERED_MIN = 10
# During a wait for a lock or a restart of the database, requests may time out; not for so many timeouts in a row.
TIMEOUTS_MIN = 4
# Why a level ended, as its `level` event tells it.
SILENT = "silent"


@dataclass
class Silence:
    """The requests without an answer since the last answer, and the workflows that the operations among them named.
    `is_certain`: the service answers no more. `checks` counts the operations that showed whether it does.
    """

    timeout_s: float
    unanswered: int = 0
    since_s: float = 0.0
    is_certain: bool = False
    is_checking: bool = False
    checks: int = 0
    workflows: set[str] = field(default_factory=set)

    def note(self, answer: Answer, workflow: str | None = None) -> None:
        """An answer, or a connection that the service ends, is a sign of life; a request that timed out is none."""
        if not answer.timed_out:
            self.unanswered, self.is_certain = 0, False
            self.workflows.clear()
            return
        self.since_s = self.since_s if self.unanswered else time.monotonic() - self.timeout_s
        self.unanswered += 1
        self.workflows |= {workflow} if workflow is not None else set()

    @property
    def is_suspected(self) -> bool:
        if self.is_certain or self.is_checking or self.unanswered < UNANSWERED_MIN:
            return False
        return time.monotonic() >= self.since_s + TIMEOUTS_MIN * self.timeout_s
