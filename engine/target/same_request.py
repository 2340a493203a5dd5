"""Tells which requests are the same to a service, though a target file spells them differently. Pure."""

import json
from collections.abc import Iterable, Mapping
from typing import Any
from urllib.parse import parse_qsl, unquote

import msgspec

from engine.target.plain_file import MALFORMED
from engine.target.template import Request

Identity = tuple[str, str, tuple[tuple[str, str], ...], tuple[tuple[str, str], ...], str]
# A request, the state that it moves a workflow out of, and the next one.
IdentifiedMove = tuple[Identity, str, str]


def identify(request: Request) -> Identity:
    """Equal for two requests that differ only in escapes, or in the order of keys, headers or query parameters."""
    path, _, query = request.path.partition("?")
    headers = sorted((name.lower(), value.strip()) for name, value in request.headers)
    pairs = sorted(parse_qsl(query, keep_blank_values=True))
    return request.method.upper(), unquote(path), tuple(pairs), tuple(headers), normalise(request.body)


def normalise(body: bytes) -> str:
    """JSON with sorted keys; any other body as it is."""
    try:
        document: Any = msgspec.json.decode(body)
    except MALFORMED:
        return body.decode(errors="replace")
    return json.dumps(document, sort_keys=True)


def find_sources(served: Iterable[IdentifiedMove]) -> Mapping[tuple[Identity, str], frozenset[str]]:
    """The states in which a request wins, by request and next state."""
    found: dict[tuple[Identity, str], set[str]] = {}
    for identity, origin, to in served:
        found.setdefault((identity, to), set()).add(origin)
    return {key: frozenset(sources) for key, sources in found.items()}


def find_ambiguous(served: Iterable[tuple[str, IdentifiedMove]]) -> tuple[tuple[str, str], tuple[str, str]] | None:
    """Two edges into different states that the same request of one user serves; None if there are none.

    Each move comes with the user who alone makes it, or "".
    """
    seen: dict[Identity, list[tuple[str, str, str]]] = {}
    for user, (identity, origin, to) in served:
        others = seen.setdefault(identity, [])
        for other, *first in others:
            if first[1] != to and (not user or not other or user == other):
                return (first[0], first[1]), (origin, to)
        others.append((user, origin, to))
    return None
