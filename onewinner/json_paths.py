"""Where in a JSON document something stands, as JMESPaths, and in words. Pure."""

import re
from collections.abc import Iterator
from typing import Any

from engine.target.http_answer import Answer
from engine.target.jmes_path import JmesPath
from engine.target.target import Target
from engine.target.value_places import Place

LEAVES_MAX = 6
PLAIN = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")


def read_state(target: Target, value: Any) -> str | None:
    """The state that a value spells, None when it spells none."""
    state = target.spelling.read(str(value)) if isinstance(value, str | int) and not isinstance(value, bool) else None
    return state if state in target.graph.states else None


def find_states(target: Target, document: Any) -> list[str]:
    """Where a state of the workflow stands in a document."""
    return [path for path, value in walk_leaves(document) if read_state(target, value) is not None]


def describe_states(target: Target, answer: Answer) -> str:
    """Where in an answer a state stands, in words."""
    places = find_states(target, answer.json())
    if places:
        return f"a state stands at {places[0]!r}"
    return f"it holds {describe_leaves(answer.json())}"


def describe_leaves(document: Any) -> str:
    if document is None:
        return "no JSON"
    return describe_places([path for path, _ in walk_leaves(document)])


def describe_places(paths: list[str]) -> str:
    shown = ", ".join(repr(path) for path in paths[:LEAVES_MAX])
    return (shown + (", ..." if len(paths) > LEAVES_MAX else "")) or "nothing"


def describe_query(query: JmesPath | Place | None) -> str:
    return repr(query.text) if query is not None else "nothing"


def walk_leaves(document: Any, path: str = "") -> Iterator[tuple[str, Any]]:
    """Every (JMESPath, value) of a JSON document that is neither a list nor an object."""
    if isinstance(document, dict):
        for name, value in document.items():
            yield from walk_leaves(value, f"{path}.{quote(name)}" if path else quote(name))
    elif isinstance(document, list):
        for index, value in enumerate(document[:2]):
            yield from walk_leaves(value, f"{path}[{index}]")
    elif path:
        yield path, document


def walk_lists(document: Any, path: str = "") -> Iterator[tuple[str, list[Any]]]:
    """Every (JMESPath, list) of a JSON document; the document itself is @."""
    if isinstance(document, list):
        yield path or "@", document
    elif isinstance(document, dict):
        for name, value in document.items():
            yield from walk_lists(value, f"{path}.{quote(name)}" if path else quote(name))


def quote(name: str) -> str:
    return name if PLAIN.fullmatch(name) else f'"{name}"'


def fold(state: str) -> str:
    """The state without what spellings differ in."""
    return re.sub(r"[^a-z0-9]", "", state.lower())
