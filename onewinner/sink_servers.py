"""Sink servers: what the service calls, answered by threads of the run's own process; each call is in the history.

A run begins to record when it has its folder. Before, and for a command that keeps no history, calls are answered only.
"""

import contextlib
import json
import threading
import time
from collections.abc import Iterator, Sequence
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

from engine.provision.ports import LOOPBACK
from engine.target.sinks import Sink
from onewinner.standard_streams import say
from reports.history import events
from reports.history.awaited_calls import SINKS, await_calls
from reports.history.journal import Journal

# Every so manieth call meets a fault, if the sink has any.
FAULT_EVERY = 4
REFUSED_STATUS = 503
BODY_BYTES_MAX = 1 << 20


class SinkServers:
    """The servers of all sinks. `urls` are their addresses by name."""

    def __init__(self, sinks: Sequence[Sink]) -> None:
        self.sinks = tuple(sinks)
        self.journal: Journal | None = None
        self._lock = threading.Lock()
        self._counts = dict.fromkeys((sink.name for sink in sinks), 0)
        self.servers = {sink.name: Server((LOOPBACK, 0), self, sink) for sink in sinks}
        self.urls = {name: f"http://{LOOPBACK}:{each.server_port}" for name, each in self.servers.items()}

    def record(self, history: Path) -> None:
        """From now on calls go into the history."""
        if not self.sinks:
            return
        journal = Journal(history / f"{SINKS}.jsonl")
        journal.write(events.Plan(operations=0, races=0, scenario=SINKS))
        for sink in self.sinks:
            by: Any = "marker" if sink.marker is not None else "workflow"
            times: Any = sink.times
            journal.write(events.Sink(name=sink.name, per=[*sink.per], times=times, by=by, within_s=sink.within_s))
        with self._lock:
            self.journal = journal

    @contextlib.contextmanager
    def record_while(self, history: Path) -> Iterator[None]:
        """Calls go into this history until the block is left."""
        self.record(history)
        try:
            yield
        finally:
            self.end_recording()

    def await_due(self, history: Path, sources: Sequence[str]) -> None:
        """Waits until the calls that are due for the wins of these sources have come, or their time is up."""
        if self.journal is None or (awaited := await_calls(history, sources, tell=say)) is None:
            return
        with self._lock:
            self.journal.write(awaited)

    def end(self) -> None:
        for server in self.servers.values():
            server.shutdown()
            server.server_close()
        self.end_recording()

    def end_recording(self) -> None:
        with self._lock:
            if self.journal is not None:
                self.journal.write(events.End(operations=0))
                self.journal.close()
                self.journal = None

    def choose_fault(self, sink: Sink) -> str | None:
        """The fault that the next call of a sink meets."""
        with self._lock:
            self._counts[sink.name] += 1
            number = self._counts[sink.name]
        if not sink.faults or number % FAULT_EVERY:
            return None
        return sink.faults[(number // FAULT_EVERY - 1) % len(sink.faults)]

    def note(self, call: events.Call) -> None:
        with self._lock:
            if self.journal is not None:
                self.journal.write(call)


class Server(ThreadingHTTPServer):
    """Of one sink."""

    daemon_threads = True
    request_queue_size = 128

    def __init__(self, address: tuple[str, int], servers: SinkServers, sink: Sink) -> None:
        super().__init__(address, Handler)
        self.servers, self.sink = servers, sink

    def handle_error(self, request: Any, client_address: Any) -> None:
        """A caller that does not wait for its answer is no error here; its call is in the history."""


class Handler(BaseHTTPRequestHandler):
    """Answers one caller. The call is in the history before its answer leaves."""

    protocol_version = "HTTP/1.1"
    server: Server

    def handle_call(self) -> None:
        sink, servers = self.server.sink, self.server.servers
        body = self.read_body()
        at_ns = time.monotonic_ns()
        fault = servers.choose_fault(sink)
        status = {None: sink.status, "slow": sink.status, "refused": REFUSED_STATUS}.get(fault)
        headers = {name.lower(): value for name, value in self.headers.items()}
        place = sink.marker or sink.workflow
        servers.note(
            events.Call(
                sink=sink.name,
                at_ns=at_ns,
                subject=place.find(self.path, headers, body) if place is not None else None,
                key=sink.key.find(self.path, headers, body) if sink.key is not None else None,
                taken=fault != "refused",
                status=status,
                fault=fault,
                request=f"{self.command} {self.path}",
            )
        )
        if fault == "slow":
            time.sleep(sink.slow_s)
        if status is None:
            self.close_connection = True
            return
        self.answer(status, {} if fault == "refused" else sink.json)

    do_GET = do_POST = do_PUT = do_PATCH = do_DELETE = handle_call  # noqa: N815 - names of the library

    def read_body(self) -> bytes:
        if self.headers.get("Transfer-Encoding", "").lower() == "chunked":
            return self.read_chunks()
        length = self.headers.get("Content-Length", "0")
        return self.rfile.read(min(int(length), BODY_BYTES_MAX)) if length.isdigit() else b""

    def read_chunks(self) -> bytes:
        parts = []
        while (size := int(self.rfile.readline().split(b";")[0].strip() or b"0", 16)) > 0:
            parts.append(self.rfile.read(size))
            self.rfile.readline()
        while self.rfile.readline().strip():
            continue
        return b"".join(parts)

    def answer(self, status: int, document: Any) -> None:
        content = json.dumps(document).encode() if status not in (204, 304) else b""
        self.send_response(status)
        self.send_header("Content-Type", "application/json")
        if status not in (204, 304):
            self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        self.wfile.write(content)

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - its name in the library
        """Says nothing: the history has it."""


@contextlib.contextmanager
def serve_sinks(sinks: Sequence[Sink]) -> Iterator[SinkServers]:
    """The servers of the sinks, until the block is left."""
    servers = SinkServers(sinks)
    threads = [threading.Thread(target=each.serve_forever, daemon=True) for each in servers.servers.values()]
    for thread in threads:
        thread.start()
    try:
        yield servers
    finally:
        servers.end()
