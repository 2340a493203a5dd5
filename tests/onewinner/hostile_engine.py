"""A right engine with a big mouth: it logs the headers that it is sent, and tells them in every answer and trail.

Every text that a client sends is a state; the first `expected` that it hears is where a workflow begins.
"""

import base64
import json
import os
import sys
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from itertools import pairwise
from typing import Any
from urllib.parse import quote, quote_plus

INITIAL = "<img src=x onerror=alert(1)>"
LOCK = threading.Lock()
WORKFLOWS: dict[str, list[str]] = {}


class Handler(BaseHTTPRequestHandler):
    """Every answer has the credentials of the request in its body, and a megabyte of markup in a refused one."""

    protocol_version = "HTTP/1.1"

    def do_GET(self) -> None:
        identity = self.path.split("/")[2] if self.path.startswith("/w/") else ""
        with LOCK:
            states = list(WORKFLOWS.get(identity, ()))
        if self.path.endswith("/trail"):
            rows = [{"from": before, "to": to, "actor": self.tell()} for before, to in pairwise(states)]
            self.answer(200, {"entries": rows})
        else:
            self.answer(200 if states or self.path == "/ready" else 404, {"state": states[-1] if states else None})

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
        if self.path == "/w":
            with LOCK:
                identity = str(len(WORKFLOWS))
                WORKFLOWS[identity] = [INITIAL]
            self.answer(201, {"id": identity, "state": INITIAL})
            return
        asked = json.loads(body)
        with LOCK:
            states = WORKFLOWS.get(self.path.split("/")[2])
            won = states is not None and states[-1] == asked["expected"]
            if states is not None and won:
                states.append(asked["next"])
            state = states[-1] if states else None
        self.answer(200 if won else 409, {"state": state, "error": "<script>" + "x" * 1_000_000 if not won else ""})

    def tell(self) -> str:
        return f"{self.headers.get('Authorization')} {self.headers.get('X-Api-Key')}"

    def answer(self, status: int, facts: dict[str, Any]) -> None:
        print("asked with", self.tell(), flush=True)
        content = json.dumps({**facts, "told": self.tell()}).encode()
        self.send_response(status)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        self.wfile.write(content)

    def log_message(self, format: str, *args: Any) -> None:  # noqa: A002 - as the base class has it
        """Nothing more."""


def spell(text: str) -> list[str]:
    """The text as programs write it into logs."""
    forms = [text, json.dumps(text), quote(text), quote_plus(text), quote(text, safe=""), repr(text)]
    framed = [b"a" * offset + text.encode() for offset in range(3)]
    return forms + [encode(each).decode() for each in framed for encode in (base64.b64encode, base64.urlsafe_b64encode)]


if __name__ == "__main__":
    for name in os.environ.get("TELL", "").split():
        print(name, *spell(os.environ[name]), flush=True)
    if os.environ.get("FAIL"):
        sys.exit("it does not start")
    ThreadingHTTPServer(("127.0.0.1", int(sys.argv[1])), Handler).serve_forever()
