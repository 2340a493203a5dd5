"""Request, and Template: a request with placeholders. Pure."""

import json
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, fields, replace
from functools import cached_property
from html import escape
from typing import Any
from urllib.parse import quote, urlencode

import msgspec

NAME = re.compile(r"[a-z_][a-z0-9_]*")
# ${NAME} is a variable of the environment; {sink.NAME} the URL of a sink.
PLACEHOLDER = re.compile(rf"(?<!\$)\{{((?:sink\.)?{NAME.pattern})\}}")
# Characters of a path and its query that are not percent-encoded.
PATH_SAFE = "/?&=%:@!$'()*+,;~-._[]"

Value = str | int
Values = Mapping[str, Value]
NO_VALUES: Values = {}


# When a client hangs up.
SENT, ANSWERED = "sent", "answered"


@dataclass(frozen=True)
class Request:
    """One HTTP request. `path` includes the query; `headers` are in sending order.

    `hang_up`: the client closes its connection and never reads the answer: SENT, as soon as the request has left;
    ANSWERED, when the answer begins to come. `carried` is what stands for its {id}, {marker} and the like.
    """

    method: str
    path: str
    headers: tuple[tuple[str, str], ...] = ()
    body: bytes = b""
    hang_up: str = ""
    carried: Mapping[str, object] = field(default_factory=dict, compare=False, repr=False)


@dataclass(frozen=True)
class Template:
    """A request with placeholders: {id}, {expected}, {next}, {marker}, {request_id}, and the names of saved values."""

    method: str
    path: str
    json: Any = None
    headers: Mapping[str, str] = field(default_factory=dict)
    query: Mapping[str, str] = field(default_factory=dict)
    form: Mapping[str, str] | None = None
    text: str | None = None
    xml: str | None = None

    @cached_property
    def placeholders(self) -> frozenset[str]:
        texts = [self.path, self.json, dict(self.headers), dict(self.query), self.text, self.xml]
        return find_placeholders([*texts, dict(self.form or {})])

    @cached_property
    def in_path(self) -> frozenset[str]:
        """The placeholders of the path and its query."""
        return find_placeholders([self.path, dict(self.query)])

    @cached_property
    def compared(self) -> frozenset[str]:
        """The placeholders of If-Match: what must be current."""
        return find_placeholders([value for name, value in self.headers.items() if name.lower() == "if-match"])

    @cached_property
    def in_body(self) -> frozenset[str]:
        """The placeholders of the body."""
        return find_placeholders([self.json, dict(self.form or {}), self.text, self.xml])

    def merge(
        self, json: Mapping[str, Any], form: Mapping[str, str], headers: Mapping[str, str], query: Mapping[str, str]
    ) -> "Template":
        """The request with these over its own. A body that is no table gives way to one."""
        return replace(
            self,
            json=merge(self.json, json) if json else self.json,
            form={**(self.form or {}), **form} if form else self.form,
            headers={**self.headers, **headers},
            query={**self.query, **query},
        )

    def without(self, name: str) -> "Template":
        """The request without the headers, the query and the members of the body that carry this placeholder."""
        left: dict[str, Any] = {each.name: leave_out(getattr(self, each.name), name) for each in fields(self)}
        return replace(self, **left)

    def fill(self, values: Values, headers: Mapping[str, str]) -> Request:
        """The request with its placeholders replaced; `headers` are the tenant's, with placeholders too."""
        own = {name.lower() for name in self.headers}
        others = {name: value for name, value in headers.items() if name.lower() not in own}
        sent = {name: substitute(value, values) for name, value in {**others, **self.headers}.items()}
        body, kind = self.fill_body(values)
        if kind and "content-type" not in {name.lower() for name in sent}:
            sent["Content-Type"] = kind
        path = substitute(
            quote(self.path, safe=PATH_SAFE + "{}"),
            {name: quote(str(value), safe="") for name, value in values.items()},
        )
        if self.query:
            query = urlencode({name: substitute(value, values) for name, value in self.query.items()})
            path = f"{path}{'&' if '?' in path else '?'}{query}"
        return Request(self.method, path, tuple(sent.items()), body)

    def fill_body(self, values: Values) -> tuple[bytes, str]:
        """The body and its content type; both empty if there is none."""
        if self.json is not None:
            return msgspec.json.encode(substitute_deep(self.json, values)), "application/json"
        if self.form is not None:
            fields = {name: substitute(value, values) for name, value in self.form.items()}
            return urlencode(fields).encode(), "application/x-www-form-urlencoded"
        if self.text is not None:
            return substitute(self.text, values).encode(), "text/plain; charset=utf-8"
        if self.xml is not None:
            escaped = {name: escape(str(value)) for name, value in values.items()}
            return substitute(self.xml, escaped).encode(), "application/xml; charset=utf-8"
        return b"", ""


def find_placeholders(document: Any) -> frozenset[str]:
    """The names of all placeholders in a JSON document."""
    return frozenset(PLACEHOLDER.findall(json.dumps(document, default=str)))


def substitute(text: str, values: Values) -> str:
    """The text with each {placeholder} that has a value replaced; other braces stay."""
    return PLACEHOLDER.sub(lambda match: str(values.get(match[1], match[0])), text)


def substitute_deep(document: Any, values: Values) -> Any:
    """Substitutes in the strings of a JSON document, not in keys. A placeholder alone may become a number."""
    if isinstance(document, str):
        alone = PLACEHOLDER.fullmatch(document)
        return values.get(alone[1], document) if alone else substitute(document, values)
    if isinstance(document, list):
        return [substitute_deep(part, values) for part in document]
    if isinstance(document, Mapping):
        return {name: substitute_deep(part, values) for name, part in document.items()}
    return document


def merge(document: Any, over: Any) -> Any:
    """The document with the members of `over`, also those of the tables inside."""
    if not isinstance(document, Mapping) or not isinstance(over, Mapping):
        return over
    return {**document, **{name: merge(document.get(name), value) for name, value in over.items()}}


def leave_out(document: Any, name: str) -> Any:
    """The document without the members of its tables whose text carries this placeholder."""
    if not isinstance(document, Mapping):
        return document
    texts = {
        key: value
        for key, value in document.items()
        if not (isinstance(value, str) and name in find_placeholders(value))
    }
    return {key: leave_out(value, name) for key, value in texts.items()}


def braces(names: Iterable[str]) -> str:
    """The names as placeholders, for a sentence."""
    return ", ".join(f"{{{name}}}" for name in sorted(names))
