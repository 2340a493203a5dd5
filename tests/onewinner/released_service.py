"""A service in three releases, for bisect and the trophies: `shop NUMBER PORT`.

The first does not start, the second lets every request win, the third lets one win.
"""

import json
import sys
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

NEVER_STARTS, RACES, HOLDS = "1", "2", "3"
RELEASE, PORT = sys.argv[1], int(sys.argv[2])
STATES: dict[str, str] = {}
LOCK = threading.Lock()


class Shop(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def do_GET(self) -> None:
        self.tell(200, {"state": STATES.get(self.path, "")})

    def do_POST(self) -> None:
        self.rfile.read(int(self.headers.get("Content-Length") or 0))
        with LOCK:
            if self.path == "/orders":
                STATES[f"/orders/{len(STATES)}"] = "NEW"
                return self.tell(201, {"id": str(len(STATES) - 1)})
            order = self.path.removesuffix("/ship")
            wins = RELEASE == RACES or STATES[order] == "NEW"
            STATES[order] = "SHIPPED"
        return self.tell(200 if wins else 409, {})

    def tell(self, status: int, body: dict[str, str]) -> None:
        content = json.dumps(body).encode()
        self.send_response(status)
        self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        self.wfile.write(content)

    def log_message(self, *_: object) -> None:
        """Logs nothing."""


if RELEASE == NEVER_STARTS:
    sys.exit("this release needs another Python")
ThreadingHTTPServer(("127.0.0.1", PORT), Shop).serve_forever()
