"""Races requests for a test suite, by the protocol of engine/provision/child.py. A program.

    python -P racer.py

`{"race": {base_url, timeout_s, requests: [{method, path, headers, body}]}}` is answered by `{"exchanges": [...],
"one_at_a_time": ...}`, `{"explain": {...}, "headers": [...]}` by `{"words": ...}`; bodies are base64.
What cannot be done is `{"error": sentence}`. It ends when its standard input does, or its owner.
"""

import base64
import json
import os
import select
import socket
import sys
import traceback
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

PACKAGE = Path(__file__).parents[1]
# These rooms come first on the path, before its owner's folders with such names.
sys.path.insert(0, str(PACKAGE / "rooms" if (PACKAGE / "rooms").is_dir() else PACKAGE.parent))

from engine.target.credentials import find_credentials  # noqa: E402 - after the path was set
from engine.target.secrets import Secrets  # noqa: E402
from engine.target.template import Request  # noqa: E402 - after the path was set
from load.client.release import Connection, Exchange, Release, ReleaseError  # noqa: E402
from reports.documents.unrecorded_race import explain  # noqa: E402

OWNER_POLL_S = 0.5
CHUNK_BYTES = 65536
# How long a server may take to notice, while all heads of a race wait, that another connection has ended.
BESIDE_LIMIT_S = 0.25
# How long a server may take to refuse nonsense while it waits for the rest of something else, and how often it is
# asked before it is said to handle one connection at a time.
PROBE_LIMIT_S = 2.0
PROBES_MAX = 2
# No request of HTTP: a server refuses it by itself, and no line of an application runs.
NONSENSE = b"ONEWINNER"


def main() -> None:
    # A print in this process must not get between the answers.
    answers = os.fdopen(os.dup(1), "w", encoding="utf-8")
    os.dup2(2, 1)
    for line in read_lines(0, os.getppid()):
        answers.write(json.dumps(answer(json.loads(line))) + "\n")
        answers.flush()


def read_lines(number: int, owner: int) -> Iterator[bytes]:
    """Whole lines until the end, or until the owner is gone: a fork of it may hold the pipe open for longer."""
    buffer = b""
    while os.getppid() == owner:
        ready, _, _ = select.select([number], [], [], OWNER_POLL_S)
        if not ready:
            continue
        chunk = os.read(number, CHUNK_BYTES)
        if not chunk:
            return
        *lines, buffer = (buffer + chunk).split(b"\n")
        yield from lines


def answer(message: dict[str, Any]) -> dict[str, Any]:
    try:
        if "race" in message:
            return race(**message["race"])
        secrets = Secrets.of(find_credentials(message.get("headers", ())))
        return {"words": explain(**hide_records(message["explain"], secrets))}
    except ReleaseError as error:
        return {"error": str(error)}
    except Exception:  # noqa: BLE001 - its owner waits for an answer
        return {"error": f"the process that races failed:\n{traceback.format_exc()}"}


def hide_records(message: dict[str, Any], secrets: Secrets) -> dict[str, Any]:
    """The message without secrets in what its records quote."""
    quoted = ("what", "said", "location")
    records = [
        {name: secrets.hide_text(value) if name in quoted and value else value for name, value in record.items()}
        for record in message["records"]
    ]
    return {**message, "records": records}


def race(base_url: str, timeout_s: float, requests: list[dict[str, Any]], *, probes: bool = True) -> dict[str, Any]:
    """One release. New connections each time: an idle one would keep a test's server from closing. `probes`: it is
    found out whether the server handles several connections at a time.
    """
    release, noticed = Release(base_url, timeout_s), []

    def look() -> None:
        noticed.append(probes and notices_an_end(base_url))

    try:
        exchanges = release.race([build_request(each) for each in requests], look)
    finally:
        release.close()
    one_at_a_time = None if not probes else False if any(noticed) else is_one_at_a_time(base_url)
    return {"exchanges": [describe(exchange) for exchange in exchanges], "one_at_a_time": one_at_a_time}


def build_request(told: dict[str, Any]) -> Request:
    headers = tuple((name, value) for name, value in told["headers"])
    return Request(told["method"], told["path"], headers, base64.b64decode(told["body"]))


def describe(exchange: Exchange) -> dict[str, Any]:
    return {
        "invoked_ns": exchange.invoked_ns,
        "returned_ns": exchange.returned_ns,
        "status": exchange.answer.status,
        "headers": dict(exchange.answer.headers),
        "body": base64.b64encode(exchange.answer.body).decode(),
        "error": exchange.answer.error,
    }


def notices_an_end(base_url: str) -> bool:
    """Whether the server closes a connection that ends without a byte. It writes no line about that into its log.

    Asked while the heads of a race wait: then it handles several connections. If it does not answer, it may also have
    no thread left beside those heads; `is_one_at_a_time` asks again.
    """
    url = urlsplit(base_url)
    try:
        port = url.port or (443 if url.scheme == "https" else 80)
        with socket.create_connection((url.hostname or "", port), BESIDE_LIMIT_S) as beside:
            beside.shutdown(socket.SHUT_WR)
            return beside.recv(1) == b""
    except OSError:
        return False


def is_one_at_a_time(base_url: str) -> bool | None:
    """Whether the server handles nothing while one connection is open and silent; None when it is not there any more.

    Such a server cannot be raced: of its requests none is in the application before the one in front is answered.
    """
    try:
        return not any(answers_beside_another(base_url) for _ in range(PROBES_MAX))
    except ReleaseError:
        return None


def answers_beside_another(base_url: str) -> bool:
    """Whether nonsense is refused in any way while half a line is held back on another connection."""
    held, asking = Connection(base_url, PROBE_LIMIT_S), Connection(base_url, PROBE_LIMIT_S)
    try:
        held.open().sendall(NONSENSE)
        endpoint = asking.open()
        endpoint.sendall(NONSENSE + b"\r\n\r\n")
        endpoint.recv(1)
    except TimeoutError:
        return False
    except OSError:
        return True
    finally:
        held.close()
        asking.close()
    return True


if __name__ == "__main__":
    main()
