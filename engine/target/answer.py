"""Answer: what came back over HTTP; and what an answer that the target file does not foresee is called. Pure."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import msgspec

from engine.target.template import JmesPath


@dataclass(frozen=True)
class Answer:
    """What came back. `status` is None when no whole answer came; then `error` says what happened. `timed_out`: the
    server kept the connection, and no whole answer came within the timeout.
    """

    status: int | None
    headers: Mapping[str, str] = field(default_factory=dict)
    body: bytes = b""
    error: str = ""
    timed_out: bool = False

    def json(self) -> Any:
        """The body as JSON, or None when it is not JSON."""
        try:
            return msgspec.json.decode(self.body)
        except msgspec.DecodeError:
            return None


def say_not_found(what: str, key: str, query: JmesPath | None, answer: Answer) -> str:
    """Why an answer of a good status tells nothing; the answer itself is not quoted, it may hold secrets."""
    kind = answer.headers.get("content-type", "").partition(";")[0]
    where = f" in an answer of type {kind}" if kind else ""
    return f"no {what} at {key} = {query.text if query else None!r}{where}"


def say_status(answer: Answer) -> str:
    """What a status means that the file does not list."""
    if answer.status is not None and 300 <= answer.status < 400:
        return f"status {answer.status} redirects to {answer.headers.get('location', 'nowhere')}; nobody follows it"
    again = " with Retry-After" if "retry-after" in answer.headers else ""
    return f"status {answer.status}{again} is neither a win, a conflict nor a refusal"
