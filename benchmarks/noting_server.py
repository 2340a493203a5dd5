"""A server that only notes when each request was complete, and answers when no further bytes come.

An engine on the same cores works on the first request while the last one arrives. This server sleeps meanwhile, because
waking it for each request would slow the client down; the kernel tells the arrival times. So it shows the spread of the
requests themselves.
"""

import json
import re
import selectors
import socket
import sys
import time

from engine.provision.service import REFERENCE
from engine.reference.socket_timestamps import ask_for_arrivals, receive
from engine.target.target_file import load_target

QUIET_S = 0.001
LENGTH = re.compile(rb"content-length: *(\d+)", re.IGNORECASE)
# An answer that fits a create, an advance and a read of the reference engine.
BODY = json.dumps({"id": "00000000-0000-4000-8000-000000000000", "state": "CREATED"}).encode()


def main() -> None:
    listening = socket.create_server(("127.0.0.1", int(sys.argv[1])), backlog=1024)
    ask_for_arrivals(listening)
    header = load_target(REFERENCE).arrived_header
    with listening, selectors.DefaultSelector() as selector:
        selector.register(listening, selectors.EVENT_READ)
        begun: dict[socket.socket, bytes] = {}
        whole: list[tuple[socket.socket, bytes, int]] = []
        while True:
            if not whole:
                selector.select()
            time.sleep(QUIET_S)
            ready = selector.select(0)
            for key, _ in ready:
                if key.fileobj is listening:
                    selector.register(listening.accept()[0], selectors.EVENT_READ)
                elif isinstance(key.fileobj, socket.socket):
                    read(key.fileobj, selector, begun, whole)
            if not ready:
                answer(whole, header or "")


def read(
    connection: socket.socket,
    selector: selectors.BaseSelector,
    begun: dict[socket.socket, bytes],
    whole: list[tuple[socket.socket, bytes, int]],
) -> None:
    """Reads from the connection, and notes the time if that completes a request."""
    chunk, arrived_ns = receive(connection)
    if not chunk:
        selector.unregister(connection)
        connection.close()
        return
    request = begun.pop(connection, b"") + chunk
    if is_whole(request):
        whole.append((connection, request, arrived_ns))
    else:
        begun[connection] = request


def is_whole(request: bytes) -> bool:
    head, separator, body = request.partition(b"\r\n\r\n")
    length = LENGTH.search(head)
    return bool(separator) and len(body) >= (int(length[1]) if length else 0)


def answer(whole: list[tuple[socket.socket, bytes, int]], header: str) -> None:
    for connection, request, arrived_ns in whole:
        status = b"201 Created" if b"/workflows HTTP" in request else b"200 OK"
        head = f"\r\n{header}: {arrived_ns}\r\nContent-Type: application/json\r\nContent-Length: {len(BODY)}\r\n\r\n"
        connection.sendall(b"HTTP/1.1 " + status + head.encode() + BODY)
    whole.clear()


if __name__ == "__main__":
    main()
