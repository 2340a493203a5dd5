"""Places: where a value is in an answer: in its JSON, a header, a cookie, or in the text of its body. Pure."""

import html
import re
from dataclasses import dataclass, replace
from urllib.parse import unquote

from engine.target.cookies import read_cookies
from engine.target.file_tables import SaveTable
from engine.target.http_answer import Answer
from engine.target.jmes_path import JmesPath
from engine.target.template import Value
from engine.target.value_checks import Mistake, check_header_name

HEADER, COOKIE, TEXT = "header:", "cookie:", "text"
# What holds a URL: a part of it is percent-encoded, and a path that is built encodes it once more.
URLS = ("location", "content-location", "link")
URL_BEGINS = ("/", "http://", "https://")
MARKUP = ("html", "xml")


@dataclass(frozen=True)
class Place:
    """At `path` in the JSON, in a header or a cookie, or else in the text of the body.

    `match` is a regular expression with one group, which is the value then. `text` is how the target file says it.
    """

    text: str
    path: JmesPath | None = None
    header: str | None = None
    cookie: str | None = None
    match: str | None = None

    def find(self, answer: Answer) -> Value | None:
        """A text that is not empty, or a whole number; None if the answer has neither."""
        found = self._look(answer)
        if self.match is not None and found is not None:
            matched = re.search(self.match, str(found))
            found = self._decode(matched[1], str(found), answer) if matched and matched[1] else None
        return None if found == "" else found

    def find_text(self, answer: Answer) -> str | None:
        """The same as text; an empty text of the JSON counts."""
        if self.path is not None and self.match is None:
            return self.path.find_text(answer.json())
        found = self.find(answer)
        return None if found is None else str(found)

    def _decode(self, part: str, whole: str, answer: Answer) -> str:
        """A part of a URL or of markup as a client reads it."""
        if self.header in URLS or (self.path is not None and whole.startswith(URL_BEGINS)):
            return decode_percent(part)
        is_body = self.path is None and self.header is None and self.cookie is None
        is_markup = any(word in answer.headers.get("content-type", "").lower() for word in MARKUP)
        return html.unescape(part) if is_body and is_markup else part

    def _look(self, answer: Answer) -> Value | None:
        if self.path is not None:
            found = self.path.find(answer.json())
            is_number = isinstance(found, int) and not isinstance(found, bool)
            return found if is_number else self.path.find_text(answer.json())
        if self.header is not None:
            return answer.headers.get(self.header)
        if self.cookie is not None:
            return read_cookies(answer.set_cookies).get(self.cookie)
        return answer.text()


def decode_percent(part: str) -> str:
    """A part of a URL as it was before it was percent-encoded; one that decodes to no UTF-8 stays."""
    try:
        return unquote(part, errors="strict")
    except UnicodeDecodeError:
        return part


def read_place(key: str, source: str | SaveTable) -> Place:
    """The place that a value of the file names. Raises Mistake."""
    if isinstance(source, str):
        return read_whole(key, source)
    check_match(f"{key}.match", source.match)
    text = f"{source.origin} =~ {source.match}"
    if source.origin == TEXT:
        return Place(text, match=source.match)
    return replace(read_whole(f"{key}.from", source.origin), text=text, match=source.match)


def read_optional_place(key: str, source: str | SaveTable | None) -> Place | None:
    return None if source is None else read_place(key, source)


def read_whole(key: str, text: str) -> Place:
    header = text.removeprefix(HEADER)
    if header != text:
        check_header_name(key, header)
        return Place(text, header=header.lower())
    if cookie := text.removeprefix(COOKIE) if text.startswith(COOKIE) else "":
        return Place(text, cookie=cookie)
    return Place(text, read_path(key, text))


def read_path(key: str, text: str) -> JmesPath:
    try:
        return JmesPath(text)
    except ValueError as error:
        raise Mistake(key, str(error)) from None


def check_match(key: str, text: str) -> None:
    """Whether it is a regular expression with one group."""
    try:
        groups = re.compile(text).groups
    except (re.error, RecursionError, OverflowError) as error:
        raise Mistake(key, f"{text!r} is no regular expression: {error}") from None
    if groups != 1:
        raise Mistake(key, f"{text!r} has {groups} groups; put the one part that is the value in ( )")
