"""A workflow service that calls back where the create of a workflow told it to, once for each move that won.

It keeps its workflows in memory. The sink's address is in no setting of it: each client says it anew.
"""

import json
import sys
import threading
import urllib.request
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

LOCK = threading.Lock()
WORKFLOWS: list[dict[str, str]] = []
TARGET = f"""
name = "calling"
base_url = "http://127.0.0.1:{{port}}"

[tenants.owner]

[workflow]
initial = "OPEN"
transitions = {{ OPEN = ["PAID"] }}

[create]
request = {{ method = "POST", path = "/w", json = {{ callback = "{{sink.pay}}/charge" }} }}
id = "id"

[read]
request = {{ method = "GET", path = "/w/{{id}}" }}
state = "state"

[advance]
request = {{ method = "POST", path = "/w/{{id}}", json = {{ reference = "{{marker}}" }} }}

[[sinks]]
name = "pay"
marker = "reference"
per = ["PAID"]

[service]
command = ["{sys.executable}", "-m", "tests.onewinner.calling_engine", "{{port}}"]
ready = "/ready"
cwd = "{Path(__file__).parents[2]}"
"""


class Handler(BaseHTTPRequestHandler):
    """POST /w creates a workflow, POST /w/ID pays it, GET /w/ID reads it."""

    protocol_version = "HTTP/1.1"

    def do_GET(self) -> None:
        name = self.path.rpartition("/")[2]
        self.answer(200, WORKFLOWS[int(name)] if name.isdigit() else {})

    def do_POST(self) -> None:
        body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        name = self.path.rpartition("/")[2]
        with LOCK:
            if not name.isdigit():
                WORKFLOWS.append({"id": str(len(WORKFLOWS)), "state": "OPEN", "callback": body["callback"]})
                won, workflow = True, WORKFLOWS[-1]
            else:
                workflow = WORKFLOWS[int(name)]
                won = workflow["state"] == "OPEN"
                workflow["state"] = "PAID"
        if name.isdigit() and won:
            call = urllib.request.Request(workflow["callback"], json.dumps(body).encode(), method="POST")  # noqa: S310
            urllib.request.urlopen(call).close()  # noqa: S310 - loopback
        self.answer((200 if won else 409) if name.isdigit() else 201, workflow)

    def answer(self, status: int, told: dict[str, Any]) -> None:
        body = json.dumps(told).encode()
        self.send_response(status)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *args: object) -> None:
        pass


if __name__ == "__main__":
    ThreadingHTTPServer(("127.0.0.1", int(sys.argv[1])), Handler).serve_forever()
