"""Answer and ClassifiedAnswer: an HTTP answer, and what it means; describes unexpected answers in words. Pure."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import msgspec

from engine.target.template import JmesPath


@dataclass(frozen=True)
class Answer:
    """An HTTP answer. `status` is None if no whole answer came; then `error` says what happened.

    `timed_out`: the server kept the connection, and no whole answer came within the timeout.
    """

    status: int | None
    headers: Mapping[str, str] = field(default_factory=dict)
    body: bytes = b""
    error: str = ""
    timed_out: bool = False

    def json(self) -> Any:
        """The body as JSON, or None if it is not JSON."""
        try:
            return msgspec.json.decode(self.body)
        except msgspec.DecodeError:
            return None


@dataclass(frozen=True)
class ClassifiedAnswer:
    """The meaning of an answer. `outcome` is won, conflict, ok, refused, busy or unknown.

    `observed` is the state in the answer; for a create it is the initial state. `problem` tells how the answer differs
    from what the target file specifies; `message` tells why an outcome is unknown.
    """

    outcome: str
    status: int | None
    observed: str | None = None
    server_id: str | None = None
    problem: str | None = None
    message: str | None = None


def describe_missing(what: str, key: str, query: JmesPath | None, answer: Answer) -> str:
    """Tells that an answer of a good status lacks a value. It does not quote the answer, which may hold secrets."""
    kind = answer.headers.get("content-type", "").partition(";")[0]
    where = f" in an answer of type {kind}" if kind else ""
    return f"no {what} at {key} = {query.text if query else None!r}{where}"


def describe_status(answer: Answer) -> str:
    """Describes a status that the target file does not list."""
    if answer.status is not None and 300 <= answer.status < 400:
        where = answer.headers.get("location", "nowhere")
        return f"status {answer.status} redirects to {where}; redirects are not followed"
    again = " with Retry-After" if "retry-after" in answer.headers else ""
    return f"status {answer.status}{again} is neither a win, a conflict nor a refusal"


def find_list(query: JmesPath, answer: Answer) -> list[Any] | None:
    """The list at a path of an answer; None if there is none, or if the answer is not JSON."""
    document = answer.json()
    is_json = document is not None or answer.body.strip() == b"null"
    return query.find_list(document) if is_json else None
