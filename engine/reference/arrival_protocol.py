"""HTTP that notes when each request came to this machine, however late it is read."""

import asyncio
import socket
import time
from collections.abc import Callable

from uvicorn.protocols.http.flow_control import FlowControl
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

from engine.reference.api import ARRIVED
from engine.reference.socket_timestamps import receive


class ArrivalProtocol(HttpToolsProtocol):
    """Notes when the last byte of each request came."""

    _arrived_ns = 0
    _inlet: "Inlet"

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        super().connection_made(transport)
        self._inlet = Inlet(self.loop, transport, self._feed)
        self.flow = FlowControl(self._inlet)  # type: ignore[arg-type]
        # The loop begins to read once this method is done.
        self.loop.call_soon(self._inlet.resume_reading)

    def data_received(self, data: bytes) -> None:
        """What the loop has read by itself: the first bytes of a connection may be."""
        self._feed(data, time.monotonic_ns())

    def _feed(self, chunk: bytes, arrived_ns: int) -> None:
        self._arrived_ns = arrived_ns
        super().data_received(chunk)

    def on_message_complete(self) -> None:
        self.scope[ARRIVED] = self._arrived_ns  # type: ignore[literal-required]
        super().on_message_complete()

    def connection_lost(self, exc: Exception | None) -> None:
        self._inlet.close()
        super().connection_lost(exc)


class Inlet:
    """Reads a connection in the loop's place, because the loop does not ask the kernel when something came.

    Only what came is taken: the end of a connection, or its breaking, is left to the loop.
    """

    def __init__(
        self, loop: asyncio.AbstractEventLoop, transport: asyncio.Transport, feed: Callable[[bytes, int], None]
    ) -> None:
        self._loop = loop
        self._transport = transport
        self._feed = feed
        # The loop watches no descriptor twice.
        self._endpoint: socket.socket = transport.get_extra_info("socket").dup()

    def resume_reading(self) -> None:
        if self._endpoint.fileno() >= 0:
            self._transport.pause_reading()
            self._loop.add_reader(self._endpoint, self._read)

    def pause_reading(self) -> None:
        self._loop.remove_reader(self._endpoint)

    def close(self) -> None:
        if self._endpoint.fileno() >= 0:
            self._loop.remove_reader(self._endpoint)
            self._endpoint.close()

    def _read(self) -> None:
        try:
            chunk, arrived_ns = receive(self._endpoint)
        except BlockingIOError:
            return
        except OSError:
            chunk = b""
        if chunk and not self._transport.is_closing():
            self._feed(chunk, arrived_ns)
        else:
            self.close()
            self._transport.resume_reading()
