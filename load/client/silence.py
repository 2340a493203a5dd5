"""Silence: what one source knows of a service that answers no more. Knows nothing of Locust, sends nothing.

A slow service answers in the end, and a busy one answers some requests. A service is suspected if no request at all, or
no advance, was answered within its whole timeout, several timeouts long. Then the asker creates a workflow, makes a
move with it, and reads.
"""

import time
from dataclasses import dataclass, field

from engine.target.http_answer import Answer

UNANSWERED_MIN = 10
# So many are enough when a level ends because of them: where requests are sent one at a time, ten take long.
LAST_MIN = 4
# During a wait for a lock or a restart of the database, requests may time out; not for so many timeouts in a row.
TIMEOUTS_MIN = 4
# Why a level ended, as its `level` event tells it.
SILENT = "silent"


@dataclass
class Streak:
    """Requests without an answer since the last answer, and the workflows that they named."""

    unanswered: int = 0
    since_s: float = 0.0
    workflows: set[str] = field(default_factory=set)

    def note(self, answer: Answer, workflow: str | None, timeout_s: float) -> None:
        """An answer, or a connection that the service ends, is a sign of life; a request that timed out is none."""
        if not answer.timed_out:
            self.end()
            return
        self.since_s = self.since_s if self.unanswered else time.monotonic() - timeout_s
        self.unanswered += 1
        self.workflows |= {workflow} if workflow is not None else set()

    def end(self) -> None:
        self.unanswered = 0
        self.workflows.clear()

    def is_long(self, timeout_s: float, unanswered_min: int = UNANSWERED_MIN) -> bool:
        return self.unanswered >= unanswered_min and time.monotonic() >= self.since_s + TIMEOUTS_MIN * timeout_s


@dataclass
class Silence:
    """`is_certain`: the service answers no more, or no advance. `checks` counts the operations that showed whether."""

    timeout_s: float
    requests: Streak = field(default_factory=Streak)
    advances: Streak = field(default_factory=Streak)
    is_certain: bool = False
    is_checking: bool = False
    checks: int = 0

    def note(self, answer: Answer, workflow: str | None = None, *, advances: bool = False) -> None:
        streaks = (self.requests, self.advances) if advances else (self.requests,)
        for streak in streaks:
            streak.note(answer, workflow, self.timeout_s)
        self.is_certain = self.is_certain and any(streak.unanswered for streak in (self.requests, self.advances))

    @property
    def is_suspected(self) -> bool:
        if self.is_certain or self.is_checking:
            return False
        return self.requests.is_long(self.timeout_s) or self.advances.is_long(self.timeout_s)

    def is_possible(self, *, in_doubt: bool) -> bool:
        """Whether a check is due. In doubt, after an obstacle that ends a level, fewer requests suspect it."""
        last = in_doubt and not self.is_certain and self.requests.is_long(self.timeout_s, LAST_MIN)
        return self.is_suspected or last

    def conclude(self, *, moved: bool) -> None:
        """After a check: what is still unanswered will not be answered any more. `moved`: an advance was among it."""
        self.is_checking = False
        self.is_certain = self.requests.unanswered > 0 or (moved and self.advances.unanswered > UNANSWERED_MIN)
        if not self.is_certain:
            self.advances.end()
