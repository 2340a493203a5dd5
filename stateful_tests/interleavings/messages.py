"""The PostgreSQL wire protocol, as far as the proxy needs it to hold statements. No I/O.

A *unit* is one statement: a simple query, or the messages from Parse (or Bind) to Execute with the following Sync or
Flush. A driver sends the Parse of a prepared statement once only; as a unit, the statement looks the same both times.
"""

import struct
from collections import deque
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field

SSL_REQUEST, GSS_REQUEST, CANCEL_REQUEST = 80877103, 80877104, 80877102
STARTUP = 0
FLUSH = b"H\x00\x00\x00\x04"
MESSAGE_BYTES_MAX = 1 << 30
# Simple query, Parse, Bind, Execute, function call: a unit begins or continues with one of these.
HOLDABLE = frozenset(b"QPBEF")
COMMANDS = frozenset(b"QEF")
TERMINATE = ord("X")
# The messages of the server that the proxy reads; all others only pass.
READ_LETTERS = frozenset(b"ZKECIs1")
REQUEST, BACKGROUND = "request", "background"

Message = tuple[int, bytes]


class ProtocolError(Exception):
    """The bytes are not of PostgreSQL's protocol."""


class Framer:
    """Splits a stream into messages. `startup`: the first message has no letter (the client's side)."""

    def __init__(self, *, startup: bool) -> None:
        self.startup = startup
        self._buffer = bytearray()

    def feed(self, chunk: bytes) -> Iterator[Message]:
        """Every complete message, as its letter (STARTUP if it has none) and all its bytes. Raises ProtocolError."""
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
            # A client whose request for encryption was refused begins again.
            if head == 0 and read_code(message) not in (SSL_REQUEST, GSS_REQUEST):
                self.startup = False
            yield letter, message
        del buffer[:at]


def read_code(startup: bytes) -> int:
    code: int = struct.unpack_from("!i", startup, 4)[0]
    return code


def add_parameters(startup: bytes, parameters: dict[str, str]) -> bytes:
    """The start-up message with more settings for the session; those of the client stay as they are."""
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
    """The protocol state of one connection: what may pass, what is held, and what the server still owes.

    `passes` says whether a statement passes unheld. Messages keep their order: behind a held one all wait. `is_sent`
    says whether the last statement that passed is complete at the server. `claim` names the owner of the open
    transaction, or of the statement in progress outside of one: REQUEST or BACKGROUND, empty while it is not known.
    """

    passes: Callable[[str], bool]
    held: str | None = None
    status: str = "I"
    sqlstate: str = ""
    pid: int = 0
    claim: str = ""
    is_sent: bool = True
    _queue: deque[Message] = field(default_factory=deque)
    _statements: dict[bytes, str] = field(default_factory=dict)
    _portals: dict[bytes, str] = field(default_factory=dict)
    _open: bool = False
    _unflushed: bool = False
    _readies: int = 0
    _completions: int = 0
    _parses: int = 0

    @property
    def is_busy(self) -> bool:
        """Whether the server owes an answer."""
        return self._readies > 0 or self._completions > 0 or self._parses > 0

    @property
    def in_transaction(self) -> bool:
        return self.status != "I"

    def take(self, letter: int, message: bytes) -> bytes:
        """Takes a message of the client; returns what goes to the server now."""
        if not self._queue and letter not in HOLDABLE:
            self._note(letter)
            return message
        self._queue.append((letter, message))
        return self._pump()

    def let_go(self) -> bytes:
        """Lets the held unit continue; returns what goes to the server now."""
        self.held = None
        self.claim = REQUEST
        self._open, self.is_sent = True, False
        return self._pump()

    def recheck(self) -> bytes:
        """Lets the held unit continue if `passes` allows it now; returns what goes to the server now."""
        return self.let_go() if self.held is not None and self.passes(self.held) else b""

    def _pump(self) -> bytes:
        passing: list[bytes] = []
        while self._queue and self.held is None:
            letter, message = self._queue[0]
            if letter in HOLDABLE and (self.is_sent or not self._open):
                sql = self._find_sql(letter, message)
                if not self.passes(sql):
                    self.held = sql
                    if self._unflushed:
                        # The unit before has no Sync of its own: without this its answer would not come.
                        passing.append(FLUSH)
                        self._unflushed = False
                    break
                self._open, self.is_sent = True, False
            self._queue.popleft()
            self._learn(letter, message)
            self._note(letter)
            passing.append(message)
        return b"".join(passing)

    def _find_sql(self, letter: int, message: bytes) -> str:
        if letter == ord("Q"):
            return read_words(message, 1)[0].decode("utf-8", "replace")
        if letter == ord("P"):
            return read_words(message, 2)[1].decode("utf-8", "replace")
        if letter == ord("B"):
            return self._statements.get(read_words(message, 2)[1], "")
        return self._portals.get(read_words(message, 1)[0], "") if letter == ord("E") else "(function call)"

    def _learn(self, letter: int, message: bytes) -> None:
        """Learns the texts behind the names of statements and portals."""
        if letter == ord("P"):
            self._statements[read_words(message, 1)[0]] = self._find_sql(letter, message)
        elif letter == ord("B"):
            self._portals[read_words(message, 1)[0]] = self._find_sql(letter, message)

    def _note(self, letter: int) -> None:
        """Notes what the server owes for a message that goes to it."""
        if letter in COMMANDS:
            self.is_sent = True
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
        """Takes a message of the server."""
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
            # The server skips everything up to the next Sync.
            self._completions = self._parses = 0
        elif letter == ord("K"):
            (self.pid,) = struct.unpack_from("!i", message, 5)
