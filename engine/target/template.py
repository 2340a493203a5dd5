"""Templates of requests with placeholders, JMESPaths into answers, and the spelling of states. Pure."""

import json
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import quote, urlencode

import jmespath
import jmespath.exceptions
import msgspec

PLACEHOLDER = re.compile(r"\{([a-z_]+)\}")
VARIABLE = re.compile(r"\$\{([A-Za-z_][A-Za-z0-9_]*)\}")
EXAMPLE = "names have dots between them, as in order.status"
# Characters of a path and its query that are not percent-encoded.
PATH_SAFE = "/?&=%:@!$'()*+,;~-._[]"

Values = Mapping[str, str | int]


@dataclass(frozen=True)
class Request:
    """One HTTP request. `path` includes the query; `headers` are in sending order."""

    method: str
    path: str
    headers: tuple[tuple[str, str], ...] = ()
    body: bytes = b""


@dataclass(frozen=True)
class Template:
    """A request with placeholders: {id}, {expected}, {next}, {marker}, {request_id}."""

    method: str
    path: str
    json: Any = None
    headers: Mapping[str, str] = field(default_factory=dict)
    query: Mapping[str, str] = field(default_factory=dict)

    @property
    def placeholders(self) -> frozenset[str]:
        return find_placeholders([self.path, self.json, dict(self.headers), dict(self.query)])

    def fill(self, values: Values, headers: Mapping[str, str]) -> Request:
        """The request with its placeholders replaced; `headers` are the tenant's."""
        sent = {**headers, **{name: substitute(value, values) for name, value in self.headers.items()}}
        body = b""
        if self.json is not None:
            body = msgspec.json.encode(substitute_deep(self.json, values))
            if "content-type" not in {name.lower() for name in sent}:
                sent["Content-Type"] = "application/json"
        path = substitute(
            quote(self.path, safe=PATH_SAFE + "{}"),
            {name: quote(str(value), safe="") for name, value in values.items()},
        )
        if self.query:
            query = urlencode({name: substitute(value, values) for name, value in self.query.items()})
            path = f"{path}{'&' if '?' in path else '?'}{query}"
        return Request(self.method, path, tuple(sent.items()), body)


@dataclass(frozen=True)
class JmesPath:
    """A JMESPath. Raises ValueError if the text does not parse."""

    text: str

    def __post_init__(self) -> None:
        try:
            jmespath.compile(self.text)
        except jmespath.exceptions.JMESPathError as error:
            raise ValueError(f"{self.text!r} is not a JMESPath{describe_position(error)}; {EXAMPLE}") from None

    def find(self, document: Any) -> Any:
        """The value at the path; None if there is none."""
        try:
            return jmespath.search(self.text, document)
        except jmespath.exceptions.JMESPathError:
            return None

    def find_text(self, document: Any) -> str | None:
        """A string or a number at the path, as text; None for any other value."""
        found = self.find(document)
        if isinstance(found, str):
            return found
        return str(found) if isinstance(found, int | float) and not isinstance(found, bool) else None

    def find_list(self, document: Any) -> list[Any] | None:
        """The list at the path; None for any other value. null counts as an empty list, as Go encodes it."""
        found = self.find(document)
        found = self.find(fill_nulls(document)) if found is None else found
        return found if isinstance(found, list) else None


@dataclass(frozen=True)
class Spelling:
    """How the service spells the states that are in `spelled`; it spells the others as the file does."""

    spelled: Mapping[str, str | int] = field(default_factory=dict)

    def spell(self, state: str) -> str | int:
        """The spelling of a state for the service, a text or a number."""
        return self.spelled.get(state, state)

    def read(self, text: str | None) -> str | None:
        """The state of a spelling; an unknown text stays as it is."""
        return next((state for state, spelled in self.spelled.items() if str(spelled) == text), text)


def fill_nulls(document: Any) -> Any:
    """The document with an empty list for each null."""
    if isinstance(document, list):
        return [fill_nulls(part) for part in document]
    if isinstance(document, Mapping):
        return {name: fill_nulls(part) for name, part in document.items()}
    return [] if document is None else document


def describe_position(error: jmespath.exceptions.JMESPathError) -> str:
    """Where a JMESPath does not parse, if the error tells it; else empty."""
    position = getattr(error, "lex_position", getattr(error, "lexer_position", None))
    return f": it breaks at character {position + 1}" if isinstance(position, int) else ""


def find_placeholders(document: Any) -> frozenset[str]:
    """The names of all placeholders in a JSON document."""
    return frozenset(PLACEHOLDER.findall(json.dumps(document, default=str)))


def substitute(text: str, values: Values) -> str:
    """The text with each {placeholder} that has a value replaced; other braces stay."""
    return PLACEHOLDER.sub(lambda match: str(values.get(match[1], match[0])), text)


def fill_variables(text: str, environment: Mapping[str, str]) -> str:
    """The text with every ${NAME} taken from the environment. Raises LookupError, one sentence, for a missing one."""
    for name in VARIABLE.findall(text):
        if name not in environment:
            raise LookupError(f"the environment variable {name} is not set; export it and run again")
    return VARIABLE.sub(lambda match: environment[match[1]], text)


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


def braces(names: Iterable[str]) -> str:
    """The names as placeholders, for a sentence."""
    return ", ".join(f"{{{name}}}" for name in sorted(names))
