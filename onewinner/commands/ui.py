"""Shows the runs of a folder in a browser: the report of each, measures over time, two compared;
starts a gate, and shows it while it runs.

It listens on 127.0.0.1 alone. Its address holds a token of this start, without which nothing is answered.
"""

import contextlib
import os
import socket
import webbrowser
from collections.abc import Iterator
from pathlib import Path

import uvicorn

from engine.provision.ports import LOOPBACK
from onewinner.exits import PASS, UsageError
from onewinner.help_layout import SERVING, Parser
from onewinner.options import bounded
from onewinner.ui.access import make_token
from onewinner.ui.gate_process import Gates
from onewinner.ui.site import create_site

EXAMPLE = "onewinner ui runs --open"
FOLDER = Path("runs")


def build_parser() -> Parser:
    parser = Parser("ui", __doc__ or "", EXAMPLE, exits=SERVING)
    add = parser.add_argument
    add("folder", type=Path, nargs="?", default=FOLDER, metavar="FOLDER", help="where the runs are (default: runs)")
    add("--port", type=bounded(1, 65535), metavar="N", help="the port of 127.0.0.1 (default: a free one)")
    add("--open", action="store_true", help="open the page in a browser")
    return parser


def main(arguments: list[str]) -> int:
    given = build_parser().parse_args(arguments)
    if given.folder.exists() and not given.folder.is_dir():
        raise UsageError(f"{given.folder} is no folder")
    token = make_token()
    with listen(given.port or 0) as listening:
        port = listening.getsockname()[1]
        address = f"http://{LOOPBACK}:{port}/{token}/"
        print(f"The runs in {given.folder}: {address}\nCtrl-C ends it.", flush=True)
        if given.open:
            webbrowser.open(address)
        gates = Gates()
        try:
            serve(create_site(given.folder, token, port, gates), listening)
        finally:
            gates.close()
    return PASS


def listen(port: int) -> socket.socket:
    """A socket of 127.0.0.1 that listens. Raises UsageError when the port is taken."""
    try:
        return socket.create_server((LOOPBACK, port))
    except OSError as error:
        reason = os.strerror(error.errno or 0)
        raise UsageError(f"--port: {port} cannot be used: {reason}; choose another one") from None


class Server(uvicorn.Server):
    """A server that leaves signals to the command, which ends everything that it has started."""

    @contextlib.contextmanager
    def capture_signals(self) -> Iterator[None]:
        yield


def serve(site: object, listening: socket.socket) -> None:
    """Answers until a signal ends it."""
    config = uvicorn.Config(
        site,  # type: ignore[arg-type]
        log_config=None,
        log_level="critical",
        access_log=False,
        proxy_headers=False,
        server_header=False,
        lifespan="off",
        ws="none",
    )
    Server(config).run(sockets=[listening])
