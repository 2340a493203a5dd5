"""Read retry: a read that is sent again for a while if the engine could not answer it. Knows nothing of Locust.

The trails and effects that are read at the end show lost writes, so a fault at that moment must not hide them.
Operations are never sent again.
"""

import time
from collections.abc import Callable
from dataclasses import dataclass

from engine.target.answer_rules import SERVER_ERROR
from engine.target.classified_answer import is_busy
from engine.target.http_answer import Answer
from engine.target.target import Target
from engine.target.template import Request
from load.client.release import Release, now_ns
from load.client.silence import Silence

# A database that crashed is back within these pauses. The limit is for an engine that takes long to answer nothing.
PAUSES_S = (0.05, 0.1, 0.2, 0.4, 0.8, 0.8, 0.8)
LIMIT_S = 15.0
TOO_MANY = 429


@dataclass
class Retry:
    """That of one source. `pays` is False if the last retries were in vain: then a read is sent once."""

    release: Release
    target: Target
    silence: Silence
    pays: bool = True

    def ask(self, request: Request, note: Callable[[int, Answer], None]) -> tuple[int, Answer]:
        """When the last request was sent, in nanoseconds of this process's clock, and its answer. `note` gets every
        lost answer but the last one.
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
    return (
        answer.status is None or answer.status >= SERVER_ERROR or answer.status == TOO_MANY or is_busy(target, answer)
    )
