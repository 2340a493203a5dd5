"""Answer: an HTTP answer as it came. `engine.target.classified_answer` tells its meaning. Pure."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import msgspec

from engine.target.plain_file import MALFORMED


@dataclass(frozen=True)
class Answer:
    """An HTTP answer. `status` is None if no whole answer came; then `error` says what happened.

    `timed_out`: the server kept the connection, and no whole answer came within the timeout. `set_cookies` are the
    values of its Set-Cookie headers.
    """

    status: int | None
    headers: Mapping[str, str] = field(default_factory=dict)
    body: bytes = b""
    error: str = ""
    timed_out: bool = False
    set_cookies: tuple[str, ...] = ()

    def json(self) -> Any:
        """The body as JSON, or None if it is not JSON."""
        try:
            return msgspec.json.decode(self.body)
        except MALFORMED:
            return None
