"""A server that does nothing but note when each request was whole; it answers once nothing more comes.

An engine on the same cores is at work on the first request while the last one arrives. This server sleeps meanwhile:
when something came is told by the kernel, and waking a server for each request costs whoever sends them more than the
sending. So it shows how far apart the requests themselves come.
"""

import json
import re
import selectors
import socket
import sys
import time

from engine.provision.service import REFERENCE
from engine.reference.arrival import ask_for_arrivals, receive
from engine.target.file import load_target

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
    """Takes what came over the connection, and notes the time when a request is whole with it."""
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
