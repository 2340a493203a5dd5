"""Excerpts: a request and its answer as texts, short and without a part of a secret, for the report. Pure."""

import re
from collections.abc import Iterable
from functools import lru_cache
from http import HTTPStatus
from urllib.parse import urlsplit

from engine.target.credentials import CREDENTIAL as NAMES
from engine.target.http_answer import Answer
from engine.target.secrets import HIDDEN, SecretFilter, Secrets
from engine.target.template import Request

CHARACTERS_MAX = 1_000
# Of a longer text, so much is looked at.
LOOKED_AT = 4 * CHARACTERS_MAX
# They are of the connection, the server or a browser, and not of the answer.
NOISE = re.compile(
    "access-control-.*|age|alt-svc|cache-control|connection|content-(length|security-policy)|cross-origin-.*|date|expires"
    "|keep-alive|nel|permissions-policy|pragma|referrer-policy|report-to|server|strict-transport-security"
    "|transfer-encoding|vary|via|x-(content-type-options|frame-options|powered-by|xss-protection)",
    re.IGNORECASE,
)
NOISY, CREDENTIAL = "noise", "credential"
HIDE = {CREDENTIAL: HIDDEN.decode()}


def excerpt_request(request: Request, base_url: str, secrets: Secrets) -> str:
    """POST /orders/7/pay, a line for each header, an empty line, the body."""
    first = f"{request.method} {urlsplit(base_url).path}{request.path}"
    told = request.body[:LOOKED_AT].decode(errors="replace")
    return excerpt(first, request.headers, told, len(request.body), secrets)


def excerpt_answer(answer: Answer, secrets: Secrets) -> str:
    """409 Conflict, the headers that say something, the body; of no answer what is known of it."""
    if answer.status is None:
        return hide_and_cut(f"no answer: {answer.error}", secrets)
    first, told = describe_status(answer.status), answer.text(LOOKED_AT)
    return excerpt(first, answer.headers.items(), told, len(answer.body), secrets)


def describe_status(status: int) -> str:
    """409 Conflict."""
    try:
        return f"{status} {HTTPStatus(status).phrase}"
    except ValueError:
        return str(status)


def excerpt(first: str, headers: Iterable[tuple[str, str]], told: str, body_bytes: int, secrets: Secrets) -> str:
    """`told` is the beginning of a body of so many bytes."""
    lines = [first, *(f"{name}: {HIDE.get(use, value)}" for name, value in headers if (use := find_use(name)) != NOISY)]
    size = f" ({body_bytes:,} bytes)" if body_bytes > CHARACTERS_MAX else ""
    return hide_and_cut("\n".join(lines) + (f"\n\n{told}" if told else ""), secrets, size)


@lru_cache(1_000)
def find_use(name: str) -> str:
    """Whether a header is noise or carries a credential. An idempotency key is no credential."""
    if NOISE.fullmatch(name):
        return NOISY
    return CREDENTIAL if NAMES.search(name) and "idempotency" not in name.lower() else ""


def hide_and_cut(text: str, secrets: Secrets, size: str = "") -> str:
    """The text, cut; before that without secrets, because a part of a secret would not be recognized.

    In a text that is not cut the journal hides them, with all others of its line.
    """
    if len(text) <= CHARACTERS_MAX and not size:
        return text
    # What may be the beginning of a secret at the end of what is looked at is left out.
    seen = SecretFilter(secrets).feed(text[:LOOKED_AT].encode(errors="surrogateescape")).decode(errors="replace")
    return seen if len(seen) <= CHARACTERS_MAX and not size else f"{seen[:CHARACTERS_MAX]}...{size}"
