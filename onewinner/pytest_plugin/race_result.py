"""What came of a race in a test suite: the answers, and whether exactly one request won. Standard library alone."""

import base64
import json as json_text
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from onewinner.pytest_plugin.helper import GRACE_S, Helper
from onewinner.pytest_plugin.request import Request

# Accepted, and nothing more: it says neither that the request won nor that it lost.
ACCEPTED = 202
WON = frozenset(range(200, 300)) - {ACCEPTED}


class NotOneWinnerError(AssertionError):
    """The race was run, and not exactly one request won it."""


class UndecidedError(AssertionError):
    """The race proves nothing: an answer that may mean anything, or requests that never met."""


@dataclass(frozen=True)
class Answer:
    """What came back for one request. `status` is None when no whole answer came; then `error` says why.

    Times are nanoseconds of one monotonic clock: right before the request's last byte was sent, and after the
    whole answer was read. Names of headers are in lower case.
    """

    number: int
    request: Request
    status: int | None
    headers: Mapping[str, str]
    body: bytes
    error: str
    invoked_ns: int
    returned_ns: int | None

    @property
    def text(self) -> str:
        return self.body.decode(errors="replace")

    def json(self) -> Any:
        """The body as JSON. Raises ValueError when it is none."""
        return json_text.loads(self.body)


def receive(number: int, request: Request, exchange: Mapping[str, Any]) -> Answer:
    body = base64.b64decode(exchange["body"])
    status, headers, error = (exchange[key] for key in ("status", "headers", "error"))
    return Answer(number, request, status, headers, body, error, exchange["invoked_ns"], exchange["returned_ns"])


Statuses = Collection[int] | Callable[[Answer], bool]


@dataclass(frozen=True)
class Finding:
    """Why a race has not exactly one winner, or does not tell. `numbers` are the answers that show it."""

    kind: str
    numbers: tuple[int, ...] = ()

    @property
    def is_failure(self) -> bool:
        return self.kind in ("winners", "no-winner", "answer")


def matches(statuses: Statuses, answer: Answer) -> bool:
    return statuses(answer) if callable(statuses) else answer.status in statuses


def classify(answer: Answer, won: Statuses, lost: Statuses) -> str:
    """won, conflict, refused or unknown. A redirect, a 202 or a server error tells nothing unless it was named."""
    if answer.status is None:
        return "unknown"
    if matches(won, answer):
        return "won"
    if matches(lost, answer):
        return "conflict"
    if answer.status == ACCEPTED:
        return "unknown"
    return "refused" if answer.status < 300 or 400 <= answer.status < 500 else "unknown"


def judge(outcomes: Sequence[str], overlapped: int, one_at_a_time: bool | None) -> Finding | None:
    """What is wrong, the worst first: a failure ranks over a doubt. None when exactly one won a real race."""
    found = {
        kind: tuple(number for number, outcome in enumerate(outcomes) if outcome == kind) for kind in set(outcomes)
    }
    winners, unknown, refused = found.get("won", ()), found.get("unknown", ()), found.get("refused", ())
    if len(winners) > 1:
        return Finding("winners", winners)
    if not winners and not unknown:
        return Finding("no-winner", refused)
    if refused:
        return Finding("answer", refused)
    if unknown:
        return Finding("unknown", unknown)
    if one_at_a_time:
        return Finding("one-at-a-time")
    return Finding("apart") if overlapped < 2 else None


@dataclass(frozen=True)
class Result:
    """A race that was run. Whether anything of it was looked at is kept: a race of which nothing was proves nothing.

    `one_at_a_time`: whether the server was seen to handle one connection at a time, which is no race; None when it
    could not be asked any more.
    """

    _answers: tuple[Answer, ...]
    one_at_a_time: bool | None
    helper: Helper = field(repr=False, compare=False)
    picture: Path | None = field(default=None, repr=False, compare=False)
    _looks: list[None] = field(default_factory=list, repr=False, compare=False)

    def __str__(self) -> str:
        """The requests, without what may be secret in their URLs: POST /orders/7/pay, 10 at once."""
        kinds = list(
            dict.fromkeys(f"{each.request.method} {urlsplit(each.request.url).path}" for each in self._answers)
        )
        return f"{' and '.join(kinds[:2])}{', ...' * (len(kinds) > 2)}, {len(self._answers)} at once"

    @property
    def answers(self) -> tuple[Answer, ...]:
        """In the order of the requests."""
        self._looks.append(None)
        return self._answers

    @property
    def was_looked_at(self) -> bool:
        return bool(self._looks)

    @property
    def winners(self) -> list[Answer]:
        """The answers with a status from 200 to 299."""
        return [answer for answer in self.answers if answer.status is not None and 200 <= answer.status < 300]

    @property
    def statuses(self) -> list[int | None]:
        return [answer.status for answer in self.answers]

    @property
    def spread_us(self) -> float:
        """Microseconds from the first to the last byte that made a request whole, by the sender's clock."""
        invoked = [answer.invoked_ns for answer in self.answers]
        return (max(invoked) - min(invoked)) / 1000

    @property
    def overlapped(self) -> int:
        """How many requests were whole before the first answer was."""
        first = min((answer.returned_ns for answer in self.answers if answer.returned_ns is not None), default=None)
        return sum(first is None or answer.invoked_ns <= first for answer in self.answers)

    def assert_one_winner(self, won: Statuses = WON, lost: Statuses = (409,)) -> Answer:
        """The winner's answer, when exactly one request won, and every other one was answered that it lost.

        `won` and `lost` are statuses, or functions that tell by the whole answer. Raises NotOneWinnerError with the
        words and the picture, and UndecidedError when an answer may mean either (a time-out, a server error, a
        redirect), or when the requests cannot have met. Both are an AssertionError.
        """
        __tracebackhide__ = True
        outcomes = [classify(answer, won, lost) for answer in self.answers]
        finding = judge(outcomes, self.overlapped, self.one_at_a_time)
        if finding is None:
            return self.answers[outcomes.index("won")]
        words = self._explain(finding, outcomes, () if callable(lost) else sorted(lost))
        raise NotOneWinnerError(words) if finding.is_failure else UndecidedError(words)

    def _explain(self, finding: Finding, outcomes: Sequence[str], lost: Sequence[int]) -> str:
        records = [
            {
                "id": f"#{answer.number}",
                "what": str(answer.request),
                "outcome": outcome,
                "status": answer.status,
                "invoked_ns": answer.invoked_ns,
                "returned_ns": answer.returned_ns,
                "said": answer.error or answer.text[:400],
                "location": answer.headers.get("location"),
            }
            for answer, outcome in zip(self.answers, outcomes, strict=True)
        ]
        picture = None if self.picture is None else str(self.picture)
        message = {**asdict(finding), "records": records, "lost": list(lost), "picture": picture}
        # Their credentials are shown neither in the words nor in the picture.
        headers = sorted({pair for answer in self.answers for pair in answer.request.encode()[0].items()})
        words: str = self.helper.ask({"explain": message, "headers": headers}, GRACE_S)["words"]
        return words
