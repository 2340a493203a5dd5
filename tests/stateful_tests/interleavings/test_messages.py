"""Goal: statements of all drivers are held at their first message, complete and in order. Method: messages as drivers
send them, split anywhere.
"""

import struct

import pytest

from stateful_tests.interleavings.messages import FLUSH, Framer, Message, ProtocolError, ProtocolState, add_parameters

STARTUP = struct.pack("!ii", 23, 196608) + b"user\0postgres\0\0"


def make(letter: str, body: bytes = b"") -> bytes:
    return letter.encode() + struct.pack("!i", len(body) + 4) + body


def parse(sql: str, name: bytes = b"") -> bytes:
    return make("P", name + b"\0" + sql.encode() + b"\0\0\0")


def bind(name: bytes = b"") -> bytes:
    return make("B", b"\0" + name + b"\0\0\0\0\0\0\0")


EXECUTE, SYNC, DESCRIBE = make("E", b"\0\0\0\0\0"), make("S"), make("D", b"S\0")
READY = make("Z", b"I")


def take(protocol: ProtocolState, *messages: bytes) -> bytes:
    return b"".join(protocol.take(message[0], message) for message in messages)


def hear(protocol: ProtocolState, *messages: bytes) -> None:
    for message in messages:
        protocol.hear(message[0], message)


def hold_all(_: str) -> bool:
    return False


@pytest.mark.parametrize("size", [1, 3, 1000])
def test_messages_are_complete_wherever_they_are_split(size: int) -> None:
    stream = STARTUP + parse("SELECT 1") + SYNC
    framer = Framer(startup=True)
    found: list[Message] = []
    for at in range(0, len(stream), size):
        found += framer.feed(stream[at : at + size])
    assert found == [(0, STARTUP), (ord("P"), parse("SELECT 1")), (ord("S"), SYNC)]


def test_encryption_is_asked_for_before_the_start() -> None:
    request = struct.pack("!ii", 8, 80877103)
    assert list(Framer(startup=True).feed(request + STARTUP)) == [(0, request), (0, STARTUP)]


def test_what_is_no_protocol_is_an_error() -> None:
    with pytest.raises(ProtocolError):
        list(Framer(startup=False).feed(b"Q\x00\x00\x00\x01"))


def test_settings_are_added_where_the_client_has_none() -> None:
    more = add_parameters(STARTUP, {"user": "other", "search_path": "x"})
    assert more[8:] == b"user\0postgres\0search_path\0x\0\0"
    assert struct.unpack("!i", more[:4]) == (len(more),)


def test_a_simple_query_is_held_and_let_go() -> None:
    protocol = ProtocolState(hold_all)
    query = make("Q", b"UPDATE t\0")
    assert take(protocol, query) == b""
    assert (protocol.held, protocol.is_busy) == ("UPDATE t", False)
    assert protocol.let_go() == query
    busy = [protocol.is_busy]
    hear(protocol, READY)
    assert [*busy, protocol.is_busy] == [True, False]


def test_preparing_with_flush_and_executing_later_is_one_unit() -> None:
    """As asyncpg does the first time; the second time there is no Parse."""
    protocol = ProtocolState(hold_all)
    prepare, run = parse("UPDATE t", b"s1") + DESCRIBE + FLUSH, (bind(b"s1"), EXECUTE, SYNC)
    assert take(protocol, parse("UPDATE t", b"s1"), DESCRIBE, FLUSH) == b""
    assert protocol.let_go() == prepare
    hear(protocol, make("1"))
    assert take(protocol, *run) == b"".join(run)
    hear(protocol, make("C", b"UPDATE 1\0"), READY)
    assert not protocol.is_busy
    assert take(protocol, *run) == b""
    assert protocol.held == "UPDATE t"


def test_pipelined_statements_go_one_by_one_and_each_is_answered() -> None:
    protocol = ProtocolState(hold_all)
    assert take(protocol, parse("A"), bind(), EXECUTE, parse("B"), bind(), EXECUTE, SYNC) == b""
    assert protocol.let_go() == parse("A") + bind() + EXECUTE + FLUSH
    assert (protocol.held, protocol.is_busy) == ("B", True)
    hear(protocol, make("1"), make("C", b"A\0"))
    assert not protocol.is_busy
    assert protocol.let_go() == parse("B") + bind() + EXECUTE + SYNC


def test_what_passes_goes_at_once_and_does_not_let_the_next_one_through() -> None:
    protocol = ProtocolState(lambda sql: sql == "BEGIN")
    begin, query = make("Q", b"BEGIN\0"), make("Q", b"UPDATE t\0")
    assert take(protocol, begin, query) == begin
    assert protocol.held == "UPDATE t"
    hear(protocol, make("Z", b"T"))
    assert protocol.in_transaction


def test_after_an_error_nothing_is_owed_and_its_sqlstate_is_known() -> None:
    protocol = ProtocolState(hold_all)
    take(protocol, parse("A"), bind(), EXECUTE, SYNC)
    protocol.let_go()
    hear(protocol, make("E", b"SERROR\0C40001\0\0"), READY)
    assert (protocol.is_busy, protocol.sqlstate) == (False, "40001")


def test_copied_data_passes() -> None:
    protocol = ProtocolState(hold_all)
    take(protocol, make("Q", b"COPY t FROM STDIN\0"))
    protocol.let_go()
    data = make("d", b"1\n") + make("c")
    assert take(protocol, make("d", b"1\n"), make("c")) == data


def test_a_held_statement_passes_once_it_may() -> None:
    passing = False
    protocol = ProtocolState(lambda _: passing)
    take(protocol, make("Q", b"A\0"))
    assert protocol.recheck() == b""
    passing = True
    assert protocol.recheck() == make("Q", b"A\0")
