"""One answer in 200 is broken off after the commit: the connection is closed in the middle of it.

Right, because the engine has done what it should and nobody was told a lie: a client that hears nothing knows nothing.
Which answers are lost is counted, not drawn: in each worker every 200th.
"""

from dataclasses import replace

from starlette.middleware import Middleware
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from engine.reference.openapi import PREFIX
from engine.reference.parts import Parts

EVERY = 200


class Dropper:
    """Counts the answers of the engine's own routes, and breaks one in EVERY off."""

    def __init__(self, app: ASGIApp) -> None:
        self.app = app
        self.answers = 0

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "http" and scope["path"].startswith(PREFIX):
            self.answers += 1
            if self.answers % EVERY == 0:
                await self.app(scope, receive, keep_body(send))
                return
        await self.app(scope, receive, send)


def keep_body(send: Send) -> Send:
    """Sends the head of the answer alone; the server then closes the connection on the unfinished answer."""

    async def send_head(message: Message) -> None:
        if message["type"] == "http.response.start":
            await send(message)

    return send_head


def change_parts(parts: Parts) -> Parts:
    return replace(parts, middleware=(*parts.middleware, Middleware(Dropper)))
