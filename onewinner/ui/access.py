"""Access: who may ask. The token stands first in every path, and a request comes from this very address.

A page of another origin knows no token. One whose name was made to lead to 127.0.0.1 sends a Host of its own.
"""

import secrets

from starlette.datastructures import Headers, MutableHeaders
from starlette.responses import PlainTextResponse
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from engine.provision.ports import LOOPBACK

TOKEN_BYTES = 32
HEADERS = {
    "Cache-Control": "no-store",
    "Content-Security-Policy": "frame-ancestors 'none'",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    # To other origins no address is told: it holds the token. A form of ours must still tell its origin.
    "Referrer-Policy": "same-origin",
    "X-Content-Type-Options": "nosniff",
}


def make_token() -> str:
    return secrets.token_urlsafe(TOKEN_BYTES)


class Access:
    """Lets through what has the token and comes from this address; everything else is refused with 403."""

    def __init__(self, app: ASGIApp, token: str, port: int) -> None:
        self._app, self._token = app, token
        self._hosts = tuple(f"{name}:{port}" for name in (LOOPBACK, "localhost"))

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:

        async def send_with_headers(message: Message) -> None:
            if message["type"] == "http.response.start":
                MutableHeaders(scope=message).update(HEADERS)
            await send(message)

        refusal = self.find_refusal(scope["path"], Headers(scope=scope))
        answer = self._app if refusal is None else PlainTextResponse(f"{refusal}\n", 403)
        await answer(scope, receive, send_with_headers)

    def find_refusal(self, path: str, headers: Headers) -> str | None:
        """Why a request is refused; None for one that is let in."""
        if headers.getlist("host") not in ([host] for host in self._hosts):
            return "This Host is not the address that onewinner ui printed."
        if any(origin not in (f"http://{host}" for host in self._hosts) for origin in headers.getlist("origin")):
            return "Another origin may not ask onewinner ui."
        given = path.split("/")[1] if path.startswith("/") else ""
        if not secrets.compare_digest(given.encode(errors="surrogatepass"), self._token.encode()):
            return "The address lacks its token; open the one that onewinner ui printed."
        return None
