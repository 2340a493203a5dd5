"""Retry: a question that is asked again for a while where the engine could not answer. Knows nothing of Locust.

What is read in the end, trails and effects, shows what was lost on the way, so a fault that comes just then must not
hide it. Operations are never asked again.
"""

import time
from collections.abc import Callable
from dataclasses import dataclass

from engine.target.target import Answer, Request, Target
from load.client.release import Release, now_ns
from load.client.silence import Silence

# Within such a time a database is back that crashed; the limit is for an engine that takes long to say nothing.
PAUSES_S = (0.05, 0.1, 0.2, 0.4, 0.8, 0.8, 0.8)
LIMIT_S = 15.0
TOO_MANY = 429


@dataclass
class Retry:
    """One source's. `pays` is False while retrying was in vain the last time: then a question is asked once."""

    release: Release
    target: Target
    silence: Silence
    pays: bool = True

    def ask(self, request: Request, note: Callable[[int, Answer], None]) -> tuple[int, Answer]:
        """When it was asked, in nanoseconds of this process's clock, and what was answered. `note` is told of every
        answer that was none, but for the last one.
        """
        began = time.monotonic()
        for pause_s in PAUSES_S if self.pays and not self.silence.is_certain else ():
            asked_ns, answer = self._send(request)
            if not is_lost(self.target, answer):
                return asked_ns, answer
            if time.monotonic() > began + LIMIT_S or self.silence.is_suspected:
                break
            note(asked_ns, answer)
            time.sleep(pause_s)
        else:
            asked_ns, answer = self._send(request)
        self.pays = not is_lost(self.target, answer)
        return asked_ns, answer

    def _send(self, request: Request) -> tuple[int, Answer]:
        asked_ns = now_ns()
        answer = self.release.send(request).answer
        self.silence.note(answer)
        return asked_ns, answer


def is_lost(target: Target, answer: Answer) -> bool:
    """Whether the engine could not answer now: nothing came, a server error, too many requests at once, or busy."""
    return answer.status is None or answer.status >= 500 or answer.status == TOO_MANY or target.is_busy(answer)
