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


@dataclass(frozen=True)
class ClassifiedAnswer:
    """An answer, classified. `outcome` is won, conflict, ok, refused, busy or unknown.

    `observed` is the state that a read saw, a create began in, a conflict or a win told. `problem` says what in
    the answer is not as the target file specifies it; `message` why an outcome is unknown.
    """

    outcome: str
    status: int | None
    observed: str | None = None
    server_id: str | None = None
    problem: str | None = None
    message: str | None = None


def describe_missing(what: str, key: str, query: JmesPath | None, answer: Answer) -> str:
    """Why an answer of a good status tells nothing; the answer itself is not quoted, it may hold secrets."""
    kind = answer.headers.get("content-type", "").partition(";")[0]
    where = f" in an answer of type {kind}" if kind else ""
    return f"no {what} at {key} = {query.text if query else None!r}{where}"


def describe_status(answer: Answer) -> str:
    """What a status means that the file does not list."""
    if answer.status is not None and 300 <= answer.status < 400:
        where = answer.headers.get("location", "nowhere")
        return f"status {answer.status} redirects to {where}; redirects are not followed"
    again = " with Retry-After" if "retry-after" in answer.headers else ""
    return f"status {answer.status}{again} is neither a win, a conflict nor a refusal"


def find_list(query: JmesPath, answer: Answer) -> list[Any] | None:
    """The list that an answer shows; what is no JSON shows none."""
    document = answer.json()
    is_json = document is not None or answer.body.strip() == b"null"
    return query.find_list(document) if is_json else None
