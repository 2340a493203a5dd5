"""JmesPath: where a value is in an answer. Pure."""

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import jmespath
import jmespath.exceptions

SHOWN_MAX = 80
EXAMPLE = "names have dots between them, as in order.status"
QUOTED = 'a name with other characters than letters, digits and _ stands in double quotes, as in order."state-code"'
ODD_NAME = re.compile(r"\w[-$@:/]\w|^[$@]\w|\.[$@]\w")
# The placeholders of a request that may stand in a text ('...') of a condition on its answer.
FILLED = ("id", "marker", "expected", "next", "key", "request_id")
TEXT = re.compile(r"'[^']*'")
PLACEHOLDER = re.compile(r"\{(" + "|".join(FILLED) + r")\}")


@dataclass(frozen=True)
class JmesPath:
    """A JMESPath. Raises ValueError if the text does not parse."""

    text: str

    def __post_init__(self) -> None:
        try:
            jmespath.compile(self.text)
        except jmespath.exceptions.JMESPathError as error:
            hint = QUOTED if ODD_NAME.search(self.text) else EXAMPLE
            raise ValueError(f"{self.text!r} is not a JMESPath{describe_position(error)}; {hint}") from None
        except RecursionError:
            raise ValueError(f"{self.text[:SHOWN_MAX]!r}... is nested too deeply; {EXAMPLE}") from None

    @cached_property
    def placeholders(self) -> frozenset[str]:
        """Those in its texts: what a request carried, to be compared with its answer."""
        return frozenset(name for text in TEXT.findall(self.text) for name in PLACEHOLDER.findall(text))

    def fill(self, carried: Mapping[str, object]) -> "JmesPath":
        """The path with what a request carried in its texts."""

        def fill_text(text: re.Match[str]) -> str:
            filled = PLACEHOLDER.sub(lambda name: str(carried.get(name[1], "")), text[0][1:-1])
            return "`" + json.dumps(filled).replace("`", "\\`") + "`"

        return JmesPath(TEXT.sub(fill_text, self.text))

    def find(self, document: Any) -> Any:
        """The value at the path; None if there is none."""
        try:
            return jmespath.search(self.text, document)
        except (jmespath.exceptions.JMESPathError, RecursionError):
            return None

    def find_text(self, document: Any) -> str | None:
        """A string or a number at the path, as text; None for any other value."""
        found = self.find(document)
        if isinstance(found, str):
            return found
        return str(found) if isinstance(found, int | float) and not isinstance(found, bool) else None

    def find_list(self, document: Any) -> list[Any] | None:
        """The list at the path; None for any other value. null counts as an empty list, as Go encodes it."""
        try:
            found = self.find(document)
            found = self.find(fill_nulls(document)) if found is None else found
        except RecursionError:
            return None
        return found if isinstance(found, list) else None


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
