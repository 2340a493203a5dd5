"""A race of your own requests, for your own test suite: what is asked, what came of it, and whether one won.

Standard library alone: it runs in the user's process. The requests are sent by the process of `helper.py`.
"""

import base64
import json as json_text
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any, TypedDict, Unpack
from urllib.parse import quote, urlencode, urlsplit

from onewinner.helper import Helper, RaceError

COUNT_MAX = 200
# Reaching the server, one contender after the other, may take longer than its answers.
GRACE_S = 60.0
SAFE = "/%:=&?~+!$,;'@()*[]-._"


class NotOneWinnerError(AssertionError):
    """The race was run, and not exactly one request won it."""


class UndecidedError(AssertionError):
    """The race proves nothing: an answer that may mean anything, or requests that never met."""


@dataclass(frozen=True)
class Request:
    """One contender. `url` is absolute, or a path under the race's base_url. At most one of json, form and body.

    `cookies` may be a plain mapping, or the cookies of a test client.
    """

    method: str
    url: str
    headers: Mapping[str, str] = field(default_factory=dict)
    json: object = None
    form: Mapping[str, str] | None = None
    body: bytes | str = b""
    cookies: Mapping[str, Any] = field(default_factory=dict)

    def __str__(self) -> str:
        return f"{self.method} {self.url}"

    def encode(self) -> tuple[dict[str, str], bytes]:
        """The headers and the body as they are sent. Raises ValueError when the request contradicts itself."""
        if sum((self.json is not None, self.form is not None, bool(self.body))) > 1:
            raise ValueError(f"{self}: give one of json, form and body")
        headers = {name: value for name, value in self.headers.items() if name.lower() != "content-length"}
        body, kind = self.body.encode() if isinstance(self.body, str) else self.body, ""
        if self.json is not None:
            body, kind = json_text.dumps(self.json).encode(), "application/json"
        elif self.form is not None:
            body, kind = urlencode(self.form).encode(), "application/x-www-form-urlencoded"
        if kind and not any(name.lower() == "content-type" for name in headers):
            headers["Content-Type"] = kind
        if self.cookies:
            # A test client keeps morsels, which have a value.
            headers["Cookie"] = "; ".join(f"{name}={getattr(it, 'value', it)}" for name, it in self.cookies.items())
        for text in (self.method, *headers, *headers.values()):
            if not text.isascii() or "\r" in text or "\n" in text:
                raise ValueError(f"{self}: {text!r} cannot stand in the head of a request; encode it")
        return headers, body


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
    """won, conflict, refused or unknown. A redirect or a server error tells nothing unless it was named."""
    if answer.status is None:
        return "unknown"
    if matches(won, answer):
        return "won"
    if matches(lost, answer):
        return "conflict"
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
    """A race that was run. `answers` are in the order of the requests.

    `one_at_a_time`: whether the server was seen to handle one connection at a time, which is no race; None when it
    could not be asked any more.
    """

    answers: tuple[Answer, ...]
    one_at_a_time: bool | None
    helper: Helper = field(repr=False, compare=False)
    picture: Path | None = field(default=None, repr=False, compare=False)

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

    def assert_one_winner(self, won: Statuses = range(200, 300), lost: Statuses = (409,)) -> Answer:
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


class Options(TypedDict, total=False):
    """What `race.post` and its like take beside the URL; see Request."""

    count: int
    headers: Mapping[str, str]
    json: object
    form: Mapping[str, str] | None
    body: bytes | str
    cookies: Mapping[str, Any]
    base_url: str | None
    timeout_s: float


class Race:
    """Sends requests at one instant. `base_url` may be set once for all races of a test."""

    def __init__(self, helper: Helper, base_url: str = "", picture: Path | None = None) -> None:
        self._helper = helper
        self._picture = picture
        self.base_url = base_url

    def __call__(self, requests: Sequence[Request], *, base_url: str | None = None, timeout_s: float = 10.0) -> Result:
        """Races these requests, which may differ; all go to one server. Unlike the others it takes no count.

        Raises RaceError when the server cannot be reached, ValueError when the requests cannot be sent.
        """
        __tracebackhide__ = True
        if not 2 <= len(requests) <= COUNT_MAX:
            raise ValueError(f"a race has from 2 to {COUNT_MAX} requests, not {len(requests)}")
        base = str(self.base_url if base_url is None else base_url)
        placed = [place(request, base) for request in requests]
        servers = {server for server, _ in placed}
        if len(servers) > 1:
            raise ValueError(f"all requests of a race go to one server, not to {' and '.join(sorted(servers))}")
        told = [encode(request, path) for request, (_, path) in zip(requests, placed, strict=True)]
        message = {"base_url": servers.pop(), "timeout_s": timeout_s, "requests": told}
        given = self._helper.ask({"race": message}, GRACE_S + timeout_s * (len(told) + 1))
        answers = tuple(
            receive(number, request, exchange)
            for number, (request, exchange) in enumerate(zip(requests, given["exchanges"], strict=True))
        )
        return Result(answers, given["one_at_a_time"], self._helper, self._picture)

    def request(self, method: str, url: str, **options: Unpack[Options]) -> Result:
        """Races `count` (10) requests that are all the same."""
        __tracebackhide__ = True
        request = Request(
            method.upper(),
            url,
            options.get("headers", {}),
            options.get("json"),
            options.get("form"),
            options.get("body", b""),
            options.get("cookies", {}),
        )
        requests = [request] * options.get("count", 10)
        return self(requests, base_url=options.get("base_url"), timeout_s=options.get("timeout_s", 10.0))

    def post(self, url: str, **options: Unpack[Options]) -> Result:
        __tracebackhide__ = True
        return self.request("POST", url, **options)

    def put(self, url: str, **options: Unpack[Options]) -> Result:
        __tracebackhide__ = True
        return self.request("PUT", url, **options)

    def patch(self, url: str, **options: Unpack[Options]) -> Result:
        __tracebackhide__ = True
        return self.request("PATCH", url, **options)

    def delete(self, url: str, **options: Unpack[Options]) -> Result:
        __tracebackhide__ = True
        return self.request("DELETE", url, **options)


def place(request: Request, base_url: str) -> tuple[str, str]:
    """The server (scheme://host:port) and the path with its query that a request goes to."""
    url = request.url if "://" in request.url else f"{base_url.rstrip('/')}/{request.url.lstrip('/')}"
    parts = urlsplit(url)
    if parts.scheme not in ("http", "https") or not parts.hostname:
        wanted = "give an absolute URL, or race.base_url = live_server.url"
        raise ValueError(f"{request.url!r} names no server; {wanted} (a test client is no server)")
    query = f"?{quote(parts.query, safe=SAFE)}" if parts.query else ""
    return f"{parts.scheme}://{parts.netloc}", (quote(parts.path, safe=SAFE) or "/") + query


def encode(request: Request, path: str) -> dict[str, Any]:
    headers, body = request.encode()
    told = {"method": request.method, "path": path, "headers": list(headers.items())}
    return {**told, "body": base64.b64encode(body).decode()}


def receive(number: int, request: Request, exchange: Mapping[str, Any]) -> Answer:
    body = base64.b64decode(exchange["body"])
    status, headers, error = (exchange[key] for key in ("status", "headers", "error"))
    return Answer(number, request, status, headers, body, error, exchange["invoked_ns"], exchange["returned_ns"])


__all__ = ["Answer", "NotOneWinnerError", "Race", "RaceError", "Request", "Result", "UndecidedError"]
