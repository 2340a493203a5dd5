"""Every answer takes a fifth longer: it is delayed by 20 % of the time since the request came.

Right, because the wait comes after the commit and decides nothing. The delay is in proportion to the time of the
request, so that it is 20 % on any machine, idle or busy.
"""

import asyncio
import ctypes
import os
import sys
import time
from dataclasses import replace

from starlette.middleware import Middleware
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from engine.reference.reference_parts import REFERENCE

SHARE = 0.2
CLOCK_MONOTONIC, TFD_NONBLOCK = 1, os.O_NONBLOCK


class Slower:
    """Delays the start of each answer."""

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
    """Waits without blocking the event loop.

    The timers of event loops round to milliseconds, which is too coarse here. On Linux a kernel timer is exact.
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
        # {interval, value}, each {seconds, nanoseconds}. A value of 0 would disarm the timer.
        LIBC.timerfd_settime(timer, 0, (ctypes.c_long * 4)(0, 0, *divmod(max(1, delay_ns), 10**9)), None)
        loop.add_reader(timer, due.set)
        await due.wait()
    finally:
        loop.remove_reader(timer)
        os.close(timer)


LIBC = ctypes.CDLL(None, use_errno=True)


PARTS = replace(REFERENCE, middleware=(Middleware(Slower),))
