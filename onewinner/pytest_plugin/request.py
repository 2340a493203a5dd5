"""One contender of a race in a test suite: a request, and how it is sent. Standard library alone."""

import base64
import json as json_text
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import quote, urlencode, urlsplit

SAFE = "/%:=&?~+!$,;'@()*[]-._"


@dataclass(frozen=True)
class Request:
    """One contender. `url` is absolute, or a path under the race's base_url. At most one of json, form and body.

    `cookies` may be a plain mapping, or the cookies of a test client.
    """

    method: str
    url: str
    headers: Mapping[str, str] = field(default_factory=dict)
    json: object = None
    form: Mapping[str, str] | None = None
    body: bytes | str = b""
    cookies: Mapping[str, Any] = field(default_factory=dict)

    def __str__(self) -> str:
        return f"{self.method} {self.url}"

    def encode(self) -> tuple[dict[str, str], bytes]:
        """The headers and the body as they are sent. Raises ValueError when the request contradicts itself."""
        if sum((self.json is not None, self.form is not None, bool(self.body))) > 1:
            raise ValueError(f"{self}: give one of json, form and body")
        headers = {name: value for name, value in self.headers.items() if name.lower() != "content-length"}
        body, kind = self.body.encode() if isinstance(self.body, str) else self.body, ""
        if self.json is not None:
            body, kind = json_text.dumps(self.json).encode(), "application/json"
        elif self.form is not None:
            body, kind = urlencode(self.form).encode(), "application/x-www-form-urlencoded"
        if kind and not any(name.lower() == "content-type" for name in headers):
            headers["Content-Type"] = kind
        if self.cookies:
            # A test client keeps morsels, which have a value.
            headers["Cookie"] = "; ".join(f"{name}={getattr(it, 'value', it)}" for name, it in self.cookies.items())
        for text in (self.method, *headers, *headers.values()):
            if not text.isascii() or "\r" in text or "\n" in text:
                raise ValueError(f"{self}: {text!r} cannot stand in the head of a request; encode it")
        return headers, body


def place(request: Request, base_url: str) -> tuple[str, str]:
    """The server (scheme://host:port) and the path with its query that a request goes to."""
    url = request.url if "://" in request.url else f"{base_url.rstrip('/')}/{request.url.lstrip('/')}"
    parts = urlsplit(url)
    if parts.scheme not in ("http", "https") or not parts.hostname:
        wanted = "give an absolute URL, or race.base_url = live_server.url"
        raise ValueError(f"{request.url!r} names no server; {wanted} (a test client is no server)")
    query = f"?{quote(parts.query, safe=SAFE)}" if parts.query else ""
    return f"{parts.scheme}://{parts.netloc}", (quote(parts.path, safe=SAFE) or "/") + query


def follow_link(request: Request, url: str) -> Request:
    """A GET of a place that an answer names, by the client that sent the request."""
    return Request("GET", url, request.headers, cookies=request.cookies)


def encode(request: Request, path: str) -> dict[str, Any]:
    headers, body = request.encode()
    told = {"method": request.method, "path": path, "headers": list(headers.items())}
    return {**told, "body": base64.b64encode(body).decode()}
