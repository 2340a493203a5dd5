"""Starts our own modules as child processes, and exchanges messages with them.

The launch data of a child is JSON in one variable of its environment, because a command line would show its secrets. A
message, in either direction, is one line with a JSON object. `{"error": sentence}` means that the child cannot go on.
Other lines come from libraries; they are shown only if the child ends without an answer.
"""

import json
import os
import sys
import time
from collections.abc import Mapping
from select import select
from typing import Any, TypeVar

import msgspec

from engine.target import run_copy
from engine.target.child_environment import ROOMS

LAUNCH = "ONEWINNER_LAUNCH"
CHUNK_BYTES = 65536
T = TypeVar("T")
SHOWN_MAX = 3


class ChildError(Exception):
    """An error that the child reported."""


class ChildLostError(ChildError):
    """The child ended, or did not answer in time. The message has its last lines."""


def name_module(module: str, *arguments: str) -> list[str]:
    """The command that runs a module. -P: the caller's folder may contain another `load` or `reports`."""
    return [sys.executable, "-P", "-m", module, *arguments]


def prepare(environment: Mapping[str, str] = os.environ, launch: Any = None) -> dict[str, str]:
    """An environment in which a module of ours finds our packages, with the launch data."""
    path = os.pathsep.join([str(ROOMS), *filter(None, [environment.get("PYTHONPATH")])])
    # What an encoding chosen for the terminal does not have is an escape in a log.
    chosen = environment.get("PYTHONIOENCODING", "").partition(":")[0]
    encoding = {"PYTHONIOENCODING": f"{chosen}:backslashreplace"} if chosen else {}
    # The environment may have been made before the run.
    taken_out = {name: os.environ[name] for name in (run_copy.VARIABLE,) if name in os.environ}
    return {
        **environment,
        **encoding,
        **taken_out,
        "PYTHONPATH": path,
        **({LAUNCH: json.dumps(launch)} if launch is not None else {}),
    }


def read_launch(kind: type[T]) -> T:
    """In the child: the launch data, as a value of this type. The child's own children do not get it."""
    return msgspec.json.decode(os.environ.pop(LAUNCH), type=kind)


def send(**message: Any) -> None:
    """In the child: sends a message to its owner, secrets included."""
    print(json.dumps(message), flush=True, file=sys.__stdout__)


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
    """The message in a line, or None."""
    try:
        message = json.loads(line)
    except ValueError:
        return None
    return message if isinstance(message, dict) else None
