"""A service of somebody else's, for tests: orders, in memory, right about races. No part of it knows onewinner.

python orders.py PORT     serves on 127.0.0.1:PORT until it is told to stop
"""

import json
import os
import re
import sys
import threading
from collections.abc import Callable
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

NEXT = {"DRAFT": ["SUBMITTED", "CANCELLED"], "SUBMITTED": ["PICKING", "CANCELLED"], "PICKING": ["SHIPPED"]}
TENANTS = {"Bearer acme-token": "acme", "Bearer globex-token": "globex"}

TARGET = """
name = "orders"
base_url = "http://127.0.0.1:PORT"
timeout_s = 3
[tenants.acme]
headers = { Authorization = "Bearer ${ACME_TOKEN}" }
[tenants.globex]
headers = { Authorization = "Bearer ${GLOBEX_TOKEN}" }
[workflow]
initial = "DRAFT"
[workflow.transitions]
DRAFT = ["SUBMITTED", "CANCELLED"]
SUBMITTED = ["PICKING", "CANCELLED"]
PICKING = ["SHIPPED"]
[create]
request = { method = "POST", path = "/orders", json = {} }
id = "order.ref"
won = [201]
[read]
request = { method = "GET", path = "/orders/{id}" }
state = "order.status"
[advance]
request = { method = "POST", path = "/orders/{id}/status", json = { from = "{expected}", to = "{next}" } }
won = [200]
conflict = [409]
refused = [401, 404, 422]
current_state = "status"
[[guards]]
request = { method = "GET", path = "/orders/{id}/label" }
open = ["PICKING", "SHIPPED"]
closed = [409]
[audit]
request = { method = "GET", path = "/orders/{id}/events" }
entries = "events"
from = "old"
to = "new"
"""
ENVIRONMENT = {"ACME_TOKEN": "acme-token", "GLOBEX_TOKEN": "globex-token"}

Spell = Callable[[str], Any]


@dataclass
class Order:
    owner: str
    status: str = "DRAFT"
    events: list[dict[str, Any]] = field(default_factory=lambda: [{"old": None, "new": "DRAFT"}])
    notes: list[str] = field(default_factory=list)


class Orders(ThreadingHTTPServer):
    """The service. `spell` is how it writes its states; `told` are all requests, as (method, path)."""

    daemon_threads = True
    request_queue_size = 128

    def __init__(self, port: int = 0, spell: Spell = str, requests_max: int = 1 << 30) -> None:
        super().__init__(("127.0.0.1", port), Handler)
        self.requests_max = requests_max
        self.spell = spell
        self.states = {str(spell(state)): state for state in (*NEXT, "CANCELLED", "SHIPPED")}
        self.orders: dict[str, Order] = {}
        self.told: list[tuple[str, str]] = []
        self.lock = threading.Lock()

    @property
    def port(self) -> int:
        return int(self.server_address[1])

    def add(self, owner: str) -> str:
        with self.lock:
            ref = str(100 + len(self.orders))
            self.orders[ref] = Order(owner)
            return ref

    def move(self, ref: str, origin: Any, to: Any) -> tuple[int, dict[str, Any]]:
        """Without an origin the order's own state is meant."""
        with self.lock:
            order, states = self.orders[ref], self.states
            expected = order.status if origin is None else states.get(str(origin))
            if str(to) not in states or expected is None:
                return 422, {"error": "unknown state"}
            if order.status != expected or states[str(to)] not in NEXT.get(order.status, []):
                return 409, {"status": self.spell(order.status)}
            order.status = states[str(to)]
            order.events.append({"old": self.spell(expected), "new": to})
            return 200, {"status": to}


class Handler(BaseHTTPRequestHandler):
    server: Orders
    protocol_version = "HTTP/1.1"
    # Head and body leave together.
    wbufsize = 65536

    def do_GET(self) -> None:
        self.answer(*self.decide())

    do_POST = do_PATCH = do_PUT = do_GET  # noqa: N815 - the names are the base class's

    def decide(self) -> tuple[int, Any]:
        self.server.told.append((self.command, self.path))
        if len(self.server.told) > self.server.requests_max:
            print("orders: that was enough", file=sys.stderr, flush=True)
            os._exit(7)
        body = json.loads(self.rfile.read(int(self.headers.get("Content-Length") or 0)) or b"null")
        if self.path == "/healthz":
            return 200, {}
        if (self.command, self.path) == ("POST", "/login"):
            return self.log_in(body)
        tenant = TENANTS.get(self.headers.get("Authorization") or "")
        if tenant is None:
            return 401, {"error": "no token"}
        if (self.command, self.path) == ("POST", "/orders"):
            return 201, {"order": {"ref": self.server.add(tenant), "status": self.server.spell("DRAFT")}}
        found = re.fullmatch(r"/orders/(\w+)(/\w+)?", self.path)
        order = self.server.orders.get(found[1]) if found else None
        if found is None or order is None or order.owner != tenant:
            return 404, {"error": "not found"}
        return self.ask(found[1], order, found[2] or "", body)

    def log_in(self, body: Any) -> tuple[int, Any]:
        if not isinstance(body, dict) or "user" not in body:
            return 422, {"error": "user is missing"}
        token = f"{body['user']}-token"
        return (200, {"token": token}) if f"Bearer {token}" in TENANTS else (401, {"error": "no such user"})

    def ask(self, ref: str, order: Order, what: str, body: Any) -> tuple[int, Any]:
        spelled = self.server.spell(order.status)
        if self.command == "POST" and what == "/status":
            status, told = self.server.move(ref, body.get("from"), body["to"])
            order.notes += [body["note"]] if status == 200 and "note" in body else []
            return status, told
        if self.command == "POST" and what == "/submit":
            return self.server.move(ref, self.server.spell("DRAFT"), self.server.spell("SUBMITTED"))
        if what == "/notes":
            return 200, {"notes": [{"text": note} for note in order.notes]}
        if self.command == "PATCH" and what == "":
            return 200, {}
        if what == "/events":
            return 200, {"events": list(order.events)}
        if what == "/label":
            return (200, {}) if order.status in ("PICKING", "SHIPPED") else (409, {"status": spelled})
        return (200, {"order": {"ref": ref, "status": spelled}}) if what == "" else (404, {"error": "not found"})

    def answer(self, status: int, document: Any) -> None:
        body = json.dumps(document).encode()
        self.send_response(status)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, format: str, *args: Any) -> None:  # noqa: A002 - the name is the base class's
        """Nothing is printed."""


if __name__ == "__main__":
    port, *limit = map(int, sys.argv[1:])
    Orders(port, requests_max=limit[0] if limit else 1 << 30).serve_forever()
