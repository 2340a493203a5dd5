"""Every answer takes a fifth longer: it waits for 20 % of the time that the engine has had the request so far.

Right, because nothing is decided while it waits, and what was decided is committed by then. The delay is in proportion
to the request's own time, so that it is the same 20 % on a fast machine and on a slow one, idle or busy.
"""

import asyncio
import ctypes
import os
import sys
import time
from dataclasses import replace

from starlette.middleware import Middleware
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from engine.reference.parts import Parts

SHARE = 0.2
CLOCK_MONOTONIC, TFD_NONBLOCK = 1, os.O_NONBLOCK


class Slower:
    """Holds the beginning of each answer back."""

    def __init__(self, app: ASGIApp) -> None:
        self.app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return
        began_ns = time.monotonic_ns()

        async def send_later(message: Message) -> None:
            if message["type"] == "http.response.start":
                await wait(int((time.monotonic_ns() - began_ns) * SHARE))
            await send(message)

        await self.app(scope, receive, send_later)


async def wait(delay_ns: int) -> None:
    """Waits without holding up anything else. Event loops round to milliseconds, which is too coarse here; on Linux a
    timer of the kernel's is exact.
    """
    if sys.platform != "linux":
        await asyncio.sleep(delay_ns / 1e9)
        return
    loop = asyncio.get_running_loop()
    timer = LIBC.timerfd_create(CLOCK_MONOTONIC, TFD_NONBLOCK)
    if timer < 0:
        raise OSError(ctypes.get_errno(), "timerfd_create")
    due = asyncio.Event()
    try:
        # {interval, value}, each {seconds, nanoseconds}; a value of 0 would be none.
        LIBC.timerfd_settime(timer, 0, (ctypes.c_long * 4)(0, 0, *divmod(max(1, delay_ns), 10**9)), None)
        loop.add_reader(timer, due.set)
        await due.wait()
    finally:
        loop.remove_reader(timer)
        os.close(timer)


LIBC = ctypes.CDLL(None, use_errno=True)


def change_parts(parts: Parts) -> Parts:
    return replace(parts, middleware=(*parts.middleware, Middleware(Slower)))
