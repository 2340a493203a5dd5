"""Goal: services that answer in odd ways are understood rightly: slow ones, redirects, HTML errors, chunked bodies,
empty 204s, gzip, connections that are closed after each answer.

Method: servers that send given bytes, asked through the release and the asker as every run asks.
"""

import gzip
import threading
import zlib
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

from engine.target.target import Target
from load.client.ask import Reply
from load.client.asker import Asker
from load.client.release import Release
from reports.history.history import read_history
from reports.history.journal import Journal
from tests.load.odd import CLOSE, KEEP, Asked, Behave, Odd, pack, serve_odd, write_answer
from tests.load.stub import SMALL, load_text

HTML = b"<!doctype html><title>Something is odd</title>"
TELLS = pack(state="B")
TIMEOUT_S = 0.3


def load(folder: Path, url: str, timeout_s: float = 10.0) -> Target:
    text = SMALL.replace("won = [200]", "won = [200, 204]").replace("http://127.0.0.1:1", url)
    return replace(load_text(folder, text), timeout_s=timeout_s)


def open_asker(folder: Path, server: Odd, timeout_s: float = 10.0) -> Asker:
    target = load(folder, server.url, timeout_s)
    asker = Asker(target, Release(server.url, timeout_s), Journal(folder / "odd-0.jsonl"), "odd")
    asker.server_ids["w"] = "7"
    return asker


def advance(asker: Asker, count: int = 1) -> list[Reply]:
    route = asker.target.routes_for("A", "B")[0]
    return asker.race(
        [asker.advance_ask("w", "acme", route, "A", "B") for _ in range(count)], "r" if count > 1 else None
    )


def answer_always(answer: bytes, keep: bool = KEEP) -> Behave:
    return lambda _, __: (answer, keep)


CHUNKED = b"HTTP/1.1 409 Conflict\r\nTransfer-Encoding: chunked\r\n\r\n3;x=y\r\n" + TELLS[:3]
CHUNKED += b"\r\n%x\r\n" % (len(TELLS) - 3) + TELLS[3:] + b"\r\n0\r\nTrailer: one\r\n\r\n"
GZIPPED = write_answer(409, gzip.compress(TELLS), "Content-Encoding: gzip")
DEFLATED = write_answer(409, zlib.compress(TELLS), "Content-Encoding: deflate")
CUT = write_answer(409, gzip.compress(TELLS)[:-9], "Content-Encoding: GZIP")
NO_GZIP = write_answer(409, b"not gzip", "Content-Encoding: gzip")
JSON_LATE = b"HTTP/1.1 103 Early Hints\r\nLink: </x>\r\n\r\n" + write_answer(200, b"{}")
# name -> what is sent, the outcome of an advance, the state that it shows, and a word of the problem or message.
ANSWERS: dict[str, tuple[bytes, str, str | None, str]] = {
    "chunked": (CHUNKED, "conflict", "B", ""),
    "gzip": (GZIPPED, "conflict", "B", ""),
    "deflate": (DEFLATED, "conflict", "B", ""),
    "gzip without its end": (CUT, "conflict", "B", ""),
    "gzip that is none": (NO_GZIP, "conflict", None, "does not tell the current state"),
    "empty 204": (b"HTTP/1.1 204 No Content\r\n\r\n", "won", None, ""),
    "empty 200": (write_answer(200), "won", None, ""),
    "early hints": (JSON_LATE, "won", None, ""),
    "HTML 404": (write_answer(404, HTML, "Content-Type: text/html"), "refused", None, ""),
    "HTML 409": (write_answer(409, HTML, "Content-Type: text/html"), "conflict", None, "does not tell"),
    "HTML 500": (write_answer(500, HTML, "Content-Type: text/html"), "unknown", None, "status 500"),
    "HTML 502": (write_answer(502, HTML, "Content-Type: text/html"), "unknown", None, "status 502"),
    "429": (write_answer(429, b"{}", "Retry-After: 1"), "unknown", None, "status 429"),
    "no HTTP": (b"220 mail.example ready\r\n", "unknown", None, "not HTTP"),
    "cut short": (write_answer(200, b"{}").replace(b": 2", b": 9"), "unknown", None, "closed the connection"),
}


@pytest.mark.parametrize("keep", [KEEP, CLOSE], ids=["kept", "closed"])
@pytest.mark.parametrize("name", ANSWERS)
def test_an_odd_answer_is_understood(name: str, keep: bool, tmp_path: Path) -> None:
    answer, outcome, observed, word = ANSWERS[name]
    keep = keep and name not in ("no HTTP", "cut short")
    with serve_odd(answer_always(answer, keep)) as server:
        asker = open_asker(tmp_path, server)
        for _ in range(2):
            [reply] = advance(asker)
            classified = reply.classified
            assert (classified.outcome, classified.observed) == (outcome, observed)
            assert word in (classified.problem or classified.message or "")
            assert bool(classified.problem or classified.message) == bool(word)
            if not keep:
                server.wait_closed()
        asker.end()
    assert len(server.asked) == 2, "every request was sent once"


@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
def test_a_redirect_is_not_followed(status: int, tmp_path: Path) -> None:
    with serve_odd(answer_always(write_answer(status, b"", "Location: /login"))) as server:
        asker = open_asker(tmp_path, server)
        replies = [*advance(asker), asker.read("w", "acme")]
        assert asker.create("acme") is None
        asker.end()
    assert [reply.outcome for reply in replies] == ["unknown", "unknown"]
    expected = f"status {status} redirects to /login; redirects are not followed"
    assert {reply.classified.message for reply in replies} == {expected}
    assert [asked.path for asked in server.asked] == ["/w/7/advance", "/w/7", "/w"]


def test_a_page_instead_of_a_document_is_unknown(tmp_path: Path) -> None:
    with serve_odd(answer_always(write_answer(200, HTML, "Content-Type: text/html; charset=utf-8"))) as server:
        asker = open_asker(tmp_path, server)
        classified = asker.read("w", "acme").classified
        asker.end()
    assert (classified.outcome, classified.status) == ("unknown", 200)
    assert classified.message == "no state at read.state = 'state' in an answer of type text/html"


def test_who_answers_slowly_is_waited_for(tmp_path: Path) -> None:
    """No request is answered before all six are sent; one after another would wait for ever."""
    together = threading.Barrier(6)

    def behave(asked: Asked, number: int) -> tuple[bytes, bool]:
        if asked.method == "GET":
            return write_answer(200, TELLS), KEEP
        together.wait(20)
        return write_answer(200 if number == 1 else 409, TELLS if number > 1 else b"{}"), KEEP

    with serve_odd(behave) as server:
        asker = open_asker(tmp_path, server)
        replies = advance(asker, 6)
        asker.end()
    assert sorted(reply.outcome for reply in replies) == ["conflict"] * 5 + ["won"]
    assert all(reply.exchange.returned_ns for reply in replies)


def test_who_answers_too_late_is_unknown_and_never_heard_again(tmp_path: Path) -> None:
    """The late answer says 200; it must not be taken for that of the next request."""
    go_on = threading.Event()

    def behave(asked: Asked, number: int) -> tuple[bytes, bool]:
        if number == 1:
            assert go_on.wait(20)
            return write_answer(200, b"{}"), KEEP
        return write_answer(409, TELLS), KEEP

    with serve_odd(behave) as server:
        asker = open_asker(tmp_path, server, TIMEOUT_S)
        [first] = advance(asker)
        go_on.set()
        asker.release.timeout_s = 10.0
        [second] = advance(asker)
        asker.end()
    assert (first.outcome, first.exchange.returned_ns) == ("unknown", None)
    assert first.classified.message == f"no answer within {TIMEOUT_S:g} s"
    assert (second.outcome, second.classified.observed) == ("conflict", "B")


CLOSERS: dict[str, Callable[[int, bytes], bytes]] = {
    "says so": lambda status, body: write_answer(status, body, "Connection: close"),
    "speaks HTTP/1.0": lambda status, body: write_answer(status, body, version="1.0"),
    "ends the body so": lambda status, body: write_answer(status, body, framed=False),
    "does not say so": write_answer,
}


@pytest.mark.parametrize("name", CLOSERS)
def test_a_connection_that_is_closed_after_each_answer_loses_nothing(name: str, tmp_path: Path) -> None:
    """Race after race of six: one winner, five conflicts, and no request is sent twice or lost."""
    write = CLOSERS[name]
    rounds = 4

    def behave(asked: Asked, number: int) -> tuple[bytes, bool]:
        wins = asked.method == "GET" or number % 6 == 1
        return write(200 if wins else 409, TELLS), CLOSE

    with serve_odd(behave) as server:
        asker = open_asker(tmp_path, server)
        asker.release.warm(6, asker.target.build_read("acme", "7", "warm"))
        for _ in range(rounds):
            # A server that closes at the very moment of the release is another case: then the outcome is unknown.
            server.wait_closed()
            outcomes = sorted(reply.outcome for reply in advance(asker, 6))
            assert outcomes == ["conflict"] * 5 + ["won"]
        asker.end()
    assert sum(asked.method == "POST" for asked in server.asked) == 6 * rounds
    history = read_history(tmp_path / "odd-0.jsonl")
    assert history.operations["outcome"].value_counts(sort=True).rows() == [("conflict", 20), ("won", 4)]
