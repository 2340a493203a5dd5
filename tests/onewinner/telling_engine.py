"""A workflow service that logs and tells all that it is sent and all that it was started with, in every form.

It keeps its workflows in memory. BROKEN: every move wins. ENDS_AFTER: so many moves, then it ends.
"""

import json
import os
import sys
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

from tests.onewinner.hostile_engine import spell

LOCK = threading.Lock()
WORKFLOWS: dict[str, list[str]] = {}
MOVES = [0]
INITIAL = "OPEN"


class Handler(BaseHTTPRequestHandler):
    """Each answer repeats its request, and what logins and the set-up gave."""

    protocol_version = "HTTP/1.1"

    def do_GET(self) -> None:
        self.serve(b"")

    def do_POST(self) -> None:
        self.serve(self.rfile.read(int(self.headers.get("Content-Length") or 0)))

    def serve(self, body: bytes) -> None:
        told = f"{self.path} {dict(self.headers)} {body!r}"
        print("asked with", told, flush=True)
        path = self.path.partition("?")[0]
        if path == "/login":
            self.answer(200, {"token": os.environ["TOKEN_THAT_A_LOGIN_GIVES"], "told": told})
        elif path == "/vendors":
            self.answer(201, {"secret": os.environ["SECRET_THAT_THE_SETUP_GIVES"], "told": told})
        elif path == "/w":
            with LOCK:
                WORKFLOWS[name := str(len(WORKFLOWS))] = [INITIAL]
            self.answer(201, {"id": name, "state": INITIAL, "told": told})
        elif path == "/ready":
            self.answer(200, {})
        else:
            self.answer(*self.decide(path.split("/")[2], body), told=told)

    def decide(self, name: str, body: bytes) -> tuple[int, dict[str, Any]]:
        with LOCK:
            states = WORKFLOWS.get(name)
            if states is None or not body:
                return (200 if states else 404), {"state": states[-1] if states else None}
            asked = json.loads(body)
            if won := states[-1] == asked["expected"] or "BROKEN" in os.environ:
                states.append(asked["next"])
            MOVES[0] += 1
            if MOVES[0] == int(os.environ.get("ENDS_AFTER", "0")):
                print("the service ends, and says", *map(spell, os.environ["TELL"].split()), flush=True)
                os._exit(7)
            return (200 if won else 409), {"state": states[-1]}

    def answer(self, status: int, facts: dict[str, Any], told: str = "") -> None:
        content = json.dumps({**facts, "told": told}).encode()
        self.send_response(status)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(content)))
        self.send_header("Set-Cookie", f"session={os.environ['COOKIE_THAT_AN_ANSWER_SETS']}")
        self.end_headers()
        self.wfile.write(content)

    def log_message(self, format: str, *args: Any) -> None:  # noqa: A002 - as the base class has it
        """Nothing more."""


if __name__ == "__main__":
    for name in os.environ["TELL"].split():
        print(name, *spell(os.environ[name]), flush=True)
    ThreadingHTTPServer(("127.0.0.1", int(sys.argv[1])), Handler).serve_forever()
