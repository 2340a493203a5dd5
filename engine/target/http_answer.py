"""Answer: an HTTP answer as it came. `engine.target.classified_answer` tells its meaning. Pure."""

import codecs
import json
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import msgspec

from engine.target.plain_file import MALFORMED

CHARSET = re.compile(r"""charset\s*=\s*["']?([\w.:-]+)""", re.IGNORECASE)
# A text says by its first bytes how it is encoded; the first two bytes of UTF-32 are those of UTF-16.
MARKS = {
    codecs.BOM_UTF8: "utf-8-sig",
    codecs.BOM_UTF32_LE: "utf-32",
    codecs.BOM_UTF32_BE: "utf-32",
    codecs.BOM_UTF16_LE: "utf-16",
    codecs.BOM_UTF16_BE: "utf-16",
}


@dataclass(frozen=True)
class Answer:
    """An HTTP answer. `status` is None if no whole answer came; then `error` says what happened.

    `timed_out`: the server kept the connection, and no whole answer came within the timeout. `set_cookies` are the
    values of its Set-Cookie headers. `carried` is what its request had for {id}, {marker} and the like, for conditions
    that compare the two.
    """

    status: int | None
    headers: Mapping[str, str] = field(default_factory=dict)
    body: bytes = b""
    error: str = ""
    timed_out: bool = False
    set_cookies: tuple[str, ...] = ()
    carried: Mapping[str, object] = field(default_factory=dict, compare=False, repr=False)

    def text(self, bytes_max: int | None = None) -> str:
        """The body, or its beginning, as text."""
        return decode_text(self.body[:bytes_max], self.headers.get("content-type", ""))

    def json(self) -> Any:
        """The body as JSON, or None if it is not JSON."""
        try:
            return msgspec.json.decode(self.body)
        except MALFORMED:
            return self._read_lenient_json()

    def _read_lenient_json(self) -> Any:
        """What common clients take for JSON, too: in another charset, behind a byte order mark, with NaN (as null)."""
        try:
            document = json.loads(decode_text(self.body, self.headers.get("content-type", ""), errors="strict"))
            return msgspec.json.decode(msgspec.json.encode(document))
        except MALFORMED:
            return None


def decode_text(body: bytes, content_type: str, errors: str = "replace") -> str:
    """The text of a body: by its byte order mark, or the charset of its type, or else as UTF-8."""
    charset = CHARSET.search(content_type)
    named = charset[1] if charset else "utf-8"
    encoding = next((MARKS[mark] for mark in MARKS if body.startswith(mark)), named)
    try:
        return body.decode(encoding, errors)
    except LookupError:
        return body.decode(errors=errors)
    except UnicodeError:
        # Some codecs can replace nothing.
        if errors == "strict":
            raise
        return body.decode(errors=errors)
