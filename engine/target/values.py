"""Savings: values that the file takes out of an answer, for later requests. Pure.

The scopes of a value are the run, a tenant, a user and a workflow; `load.client.values` holds the values.
"""

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace

from engine.target.checks import TOKEN, Mistake
from engine.target.cookies import COOKIES, read_cookies
from engine.target.http_answer import Answer
from engine.target.paths import JmesPath
from engine.target.tables import SaveTable
from engine.target.template import NAME, Value

HEADER, COOKIE, TEXT = "header:", "cookie:", "text"
# What onewinner itself fills in.
RESERVED = (
    *("id", "expected", "next", "marker", "key", "request_id", "tenant"),
    *("port", "workers", "isolation", "pooled", COOKIES),
)


@dataclass(frozen=True)
class Saving:
    """A value of an answer and its name: at `path` in the JSON, in a header or a cookie, or else in the text of the
    body.

    `match` is a regular expression with one group, which is the value then.
    """

    name: str
    path: JmesPath | None = None
    header: str | None = None
    cookie: str | None = None
    match: str | None = None

    def find(self, answer: Answer) -> Value | None:
        """A text that is not empty, or a whole number; None if the answer has neither."""
        found = self._look(answer)
        if self.match is not None and found is not None:
            matched = re.search(self.match, str(found))
            found = matched[1] if matched else None
        return None if found == "" else found

    def _look(self, answer: Answer) -> Value | None:
        if self.path is not None:
            found = self.path.find(answer.json())
            is_number = isinstance(found, int) and not isinstance(found, bool)
            return found if is_number else self.path.find_text(answer.json())
        if self.header is not None:
            return answer.headers.get(self.header)
        if self.cookie is not None:
            return read_cookies(answer.set_cookies).get(self.cookie)
        return answer.body.decode(errors="replace")


def find_values(savings: Iterable[Saving], answer: Answer) -> dict[str, Value]:
    """What an answer gives, by name."""
    found = {saving.name: saving.find(answer) for saving in savings}
    return {name: value for name, value in found.items() if value is not None}


def read_savings(key: str, table: Mapping[str, str | SaveTable]) -> tuple[Saving, ...]:
    """The savings of a `save` table at this key. Raises Mistake."""
    return tuple(read_saving(f"{key}.{name}", name, source) for name, source in table.items())


def read_saving(key: str, name: str, source: str | SaveTable) -> Saving:
    if not NAME.fullmatch(name):
        raise Mistake(key, f"{name!r} is no name of a value; write small letters, digits and _")
    if name in RESERVED or name.startswith("database_"):
        raise Mistake(key, f"{{{name}}} has a meaning of its own already; save the value under another name")
    if isinstance(source, str):
        return read_place(key, name, source)
    check_match(f"{key}.match", source.match)
    if source.origin == TEXT:
        return Saving(name, match=source.match)
    place = read_place(f"{key}.from", name, source.origin)
    return replace(place, match=source.match)


def read_place(key: str, name: str, text: str) -> Saving:
    header = text.removeprefix(HEADER)
    if header != text:
        if not TOKEN.fullmatch(header):
            raise Mistake(key, f"{header!r} is no name of a header; write letters, digits and -")
        return Saving(name, header=header.lower())
    if cookie := text.removeprefix(COOKIE) if text.startswith(COOKIE) else "":
        return Saving(name, cookie=cookie)
    try:
        return Saving(name, JmesPath(text))
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


def merge_savings(*groups: Iterable[Saving]) -> tuple[Saving, ...]:
    """All of them; of two with one name the later."""
    return tuple({saving.name: saving for group in groups for saving in group}.values())
