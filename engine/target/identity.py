"""Tells which requests are the same to a service, though a target file spells them differently. Pure."""

import json
from typing import Any
from urllib.parse import parse_qsl, unquote

import msgspec

from engine.target.template import Request

Identity = tuple[str, str, tuple[tuple[str, str], ...], tuple[tuple[str, str], ...], str]


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
    except msgspec.DecodeError:
        return body.decode(errors="replace")
    return json.dumps(document, sort_keys=True)
