"""The PostgreSQL wire protocol, as far as one must read it to hold statements at a protocol. No I/O.

A *unit* is one statement on its way: a simple query, or everything from Parse (or Bind) to Execute and the Sync or
Flush behind it. Drivers keep prepared statements, so that the same statement comes with its Parse once and without it
later; as one unit, both look alike.
"""

import struct
from collections import deque
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field

SSL_REQUEST, GSS_REQUEST, CANCEL_REQUEST = 80877103, 80877104, 80877102
STARTUP = 0
FLUSH = b"H\x00\x00\x00\x04"
MESSAGE_BYTES_MAX = 1 << 30
# Simple query, Parse, Bind, Execute, function call: with these a unit begins or goes on.
HOLDABLE = frozenset(b"QPBEF")
COMMANDS = frozenset(b"QEF")
# What the proxy reads of the server's messages; all others only pass.
TOLD = frozenset(b"ZKECIs1")
REQUEST, BACKGROUND = "request", "background"

Message = tuple[int, bytes]


class ProtocolError(Exception):
    """Bytes that are not PostgreSQL's protocol."""


class Framer:
    """Cuts a stream into messages. `startup`: the first message has no letter (a client's side)."""

    def __init__(self, *, startup: bool) -> None:
        self.startup = startup
        self._buffer = bytearray()

    def feed(self, chunk: bytes) -> Iterator[Message]:
        """Every whole message, as its letter (STARTUP for one without) and all its bytes. Raises ProtocolError."""
        buffer = self._buffer
        buffer += chunk
        at = 0
        while True:
            head = 0 if self.startup else 1
            if len(buffer) - at < head + 4:
                break
            (length,) = struct.unpack_from("!i", buffer, at + head)
            if not 4 <= length <= MESSAGE_BYTES_MAX:
                raise ProtocolError(f"a message of {length} bytes")
            end = at + head + length
            if len(buffer) < end:
                break
            letter = buffer[at] if head else STARTUP
            message = bytes(buffer[at:end])
            at = end
            # Whoever asked for encryption and was refused begins anew.
            if head == 0 and read_code(message) not in (SSL_REQUEST, GSS_REQUEST):
                self.startup = False
            yield letter, message
        del buffer[:at]


def read_code(startup: bytes) -> int:
    code: int = struct.unpack_from("!i", startup, 4)[0]
    return code


def add_parameters(startup: bytes, parameters: dict[str, str]) -> bytes:
    """The start-up message with more settings for the session; those that the client sets itself stay as they are."""
    words = startup[8:].rstrip(b"\0").split(b"\0")
    names = words[::2]
    for name, value in parameters.items():
        if name.encode() not in names:
            words += [name.encode(), value.encode()]
    body = startup[4:8] + b"\0".join(words) + b"\0\0"
    return struct.pack("!i", len(body) + 4) + body


def read_words(message: bytes, count: int) -> list[bytes]:
    """The first `count` zero-terminated words of a message's body."""
    return message[5:].split(b"\0", count)[:count]


def read_sqlstate(error: bytes) -> str:
    """The SQLSTATE of an ErrorResponse."""
    for part in error[5:].split(b"\0"):
        if part[:1] == b"C":
            return part[1:].decode("ascii", "replace")
    return ""


@dataclass
class ProtocolState:
    """One connection's protocol: what may pass, what is held, and what the server still owes.

    `passes` says of a statement whether it needs no leave. Messages keep their order: behind a held one all wait.
    `claim` says whose the open transaction is, or the statement under way outside of one: REQUEST or BACKGROUND, empty
    while nothing in it tells.
    """

    passes: Callable[[str], bool]
    held: str | None = None
    current: str | None = None
    status: str = "I"
    sqlstate: str = ""
    pid: int = 0
    secret: int = 0
    fresh: bool = False
    claim: str = ""
    _queue: deque[Message] = field(default_factory=deque)
    _statements: dict[bytes, str] = field(default_factory=dict)
    _portals: dict[bytes, str] = field(default_factory=dict)
    _open: bool = False
    _commanded: bool = True
    _unflushed: bool = False
    _readies: int = 0
    _completions: int = 0
    _parses: int = 0

    @property
    def is_busy(self) -> bool:
        """Whether the server has not answered all that it was sent."""
        return self._readies > 0 or self._completions > 0 or self._parses > 0

    @property
    def has_commanded(self) -> bool:
        """Whether the statement that was let go is with the server whole: a driver may wait for its Parse first."""
        return self._commanded

    @property
    def in_transaction(self) -> bool:
        return self.status != "I"

    def take(self, letter: int, message: bytes) -> bytes:
        """A message of the client: what may go on to the server now."""
        if not self._queue and letter not in HOLDABLE:
            self._note(letter)
            return message
        self._queue.append((letter, message))
        return self._pump()

    def let_go(self) -> bytes:
        """Leave for the unit that is held: what goes on to the server now."""
        self.held = None
        self.claim = REQUEST
        self._open, self._commanded = True, False
        return self._pump()

    def recheck(self) -> bytes:
        """After `passes` has changed its mind: what goes on to the server now."""
        if self.held is None or not self.passes(self.held):
            return b""
        return self.let_go()

    def _pump(self) -> bytes:
        going: list[bytes] = []
        while self._queue and self.held is None:
            letter, message = self._queue[0]
            if letter in HOLDABLE and (self._commanded or not self._open):
                sql = self._find_sql(letter, message)
                if not self.passes(sql):
                    self.held = sql
                    if self._unflushed:
                        # The one before has no Sync of its own: without this its answer would not come.
                        going.append(FLUSH)
                        self._unflushed = False
                    break
                self._open, self._commanded = True, False
            self._queue.popleft()
            self._learn(letter, message)
            self._note(letter)
            going.append(message)
        return b"".join(going)

    def _find_sql(self, letter: int, message: bytes) -> str:
        if letter == ord("Q"):
            return read_words(message, 1)[0].decode("utf-8", "replace")
        if letter == ord("P"):
            return read_words(message, 2)[1].decode("utf-8", "replace")
        if letter == ord("B"):
            return self._statements.get(read_words(message, 2)[1], "")
        return self._portals.get(read_words(message, 1)[0], "") if letter == ord("E") else "(function call)"

    def _learn(self, letter: int, message: bytes) -> None:
        """Which text stands behind the names of statements and portals."""
        if letter in HOLDABLE:
            self.current = self._find_sql(letter, message)
        if letter == ord("P"):
            self._statements[read_words(message, 1)[0]] = self.current or ""
        elif letter == ord("B"):
            self._portals[read_words(message, 1)[0]] = self.current or ""

    def _note(self, letter: int) -> None:
        """What the server owes for a message that goes on to it."""
        if letter in COMMANDS:
            self._commanded = True
            self.sqlstate = ""
        if letter == ord("E"):
            self._completions += 1
            self._unflushed = True
        elif letter in b"QSF":
            self._readies += 1
            self._unflushed = False
        elif letter == ord("P"):
            self._parses += 1
        elif letter == ord("H"):
            self._unflushed = False

    def hear(self, letter: int, message: bytes) -> None:
        """A message of the server."""
        if letter == ord("Z"):
            self.status = chr(message[5])
            self._readies = max(0, self._readies - 1)
            if not self._readies:
                self._completions = self._parses = 0
                self.claim = self.claim if self.in_transaction else ""
        elif letter in b"CIs":
            self._completions = max(0, self._completions - 1)
        elif letter == ord("1"):
            self._parses = max(0, self._parses - 1)
        elif letter == ord("E"):
            self.sqlstate = read_sqlstate(message)
            # It skips everything up to the next Sync.
            self._completions = self._parses = 0
        elif letter == ord("K"):
            self.pid, self.secret = struct.unpack_from("!ii", message, 5)
