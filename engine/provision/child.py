"""Our own modules as child processes: one way to start them, and one protocol to talk with them.

What a child must know when it starts is JSON in one variable of its environment: a command line would show the secrets
in it. A message, in either direction, is one line of JSON, an object. `{"error": sentence}` says that the child gives
up; a line that is no message comes from a library, and is told only when the child ends without an answer.
"""

import json
import os
import sys
import time
from collections.abc import Mapping
from pathlib import Path
from select import select
from typing import Any, TypeVar

import msgspec

# In the wheel it is the folder `rooms`, in a clone the clone.
ROOMS = Path(__file__).parents[2]
LAUNCH = "ONEWINNER_LAUNCH"
CHUNK_BYTES = 65536
T = TypeVar("T")
SHOWN_MAX = 3


class ChildError(Exception):
    """The child says what is wrong."""


class ChildLostError(ChildError):
    """The child ended, or did not answer in time; its last lines."""


def name_module(module: str, *arguments: str) -> list[str]:
    """The command that runs a module. Not with the caller's folder, which may have a `load` or `reports` of its own."""
    return [sys.executable, "-P", "-m", module, *arguments]


def prepare(environment: Mapping[str, str] = os.environ, launch: Any = None) -> dict[str, str]:
    """The environment in which a module of ours finds the others, and what it must know when it starts."""
    path = os.pathsep.join([str(ROOMS), *filter(None, [environment.get("PYTHONPATH")])])
    return {**environment, "PYTHONPATH": path, **({LAUNCH: json.dumps(launch)} if launch is not None else {})}


def read_launch(kind: type[T]) -> T:
    """In the child: what it must know, as a value of this type. It does not pass it on."""
    return msgspec.json.decode(os.environ.pop(LAUNCH), type=kind)


def send(**message: Any) -> None:
    """In the child: a message to its owner."""
    print(json.dumps(message), flush=True)


class Messages:
    """The messages of a child, read from a descriptor."""

    def __init__(self, descriptor: int) -> None:
        self._descriptor, self._buffer = descriptor, b""
        self._others: list[str] = []

    def read(self, limit_s: float | None = None) -> dict[str, Any]:
        """The next message. Raises ChildError."""
        deadline = None if limit_s is None else time.monotonic() + limit_s
        while True:
            line, newline, rest = self._buffer.partition(b"\n")
            if newline:
                self._buffer, message = rest, parse(line)
                if message is not None and "error" in message:
                    raise ChildError(message["error"])
                if message is not None:
                    return message
                self._others.append(line.decode(errors="replace").strip())
                continue
            self._fill(deadline)

    def _fill(self, deadline: float | None) -> None:
        left_s = None if deadline is None else max(0.0, deadline - time.monotonic())
        ready, _, _ = select([self._descriptor], [], [], left_s)
        chunk = os.read(self._descriptor, CHUNK_BYTES) if ready else b""
        if not chunk:
            lines = filter(None, [*self._others, self._buffer.decode(errors="replace").strip()])
            raise ChildLostError(" / ".join(list(lines)[-SHOWN_MAX:]) or "it did not answer")
        self._buffer += chunk


def parse(line: bytes) -> dict[str, Any] | None:
    """The message in a line; None where there is none."""
    try:
        message = json.loads(line)
    except ValueError:
        return None
    return message if isinstance(message, dict) else None
