"""Goal: bytes to answers, however they are cut up. Method: each answer whole, byte by byte, and truncated."""

import gzip

import pytest

from engine.target.http_answer import Answer
from engine.target.template import Request
from load.client.http_messages import ANSWER_BYTES_MAX, AnswerParser, encode_request

PLAIN = b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: 2\r\n\r\n{}"
CHUNKED = b"HTTP/1.1 409 Conflict\r\nTransfer-Encoding: chunked\r\n\r\n1\r\n{\r\n1\r\n}\r\n0\r\n\r\n"
EMPTY = b"HTTP/1.1 204 No Content\r\n\r\n"
UNTIL_CLOSE = b"HTTP/1.1 200 OK\r\nConnection: close\r\n\r\n{}"
INTERIM = b"HTTP/1.1 100 Continue\r\n\r\n" + PLAIN
EARLY_HINTS = b"HTTP/1.1 103 Early Hints\r\nLink: </style.css>\r\n\r\n"


def parse(content: bytes, size: int) -> AnswerParser:
    parser = AnswerParser()
    for start in range(0, len(content), size):
        parser.feed(content[start : start + size])
    return parser


@pytest.mark.parametrize("size", [1, 7, 10_000])
@pytest.mark.parametrize(
    ("content", "status", "body"),
    [(PLAIN, 200, b"{}"), (CHUNKED, 409, b"{}"), (EMPTY, 204, b""), (INTERIM, 200, b"{}")],
)
def test_an_answer_is_whole_at_its_last_byte(content: bytes, status: int, body: bytes, size: int) -> None:
    assert parse(content[:-1], size).answer is None
    answer = parse(content, size).answer
    assert answer is not None
    assert (answer.status, answer.body) == (status, body)


def test_a_body_may_end_with_the_connection() -> None:
    parser = parse(UNTIL_CLOSE, 5)
    assert parser.answer is None
    assert parser.end() == Answer(200, {"connection": "close"}, b"{}")
    assert not parser.keep_alive


@pytest.mark.parametrize("cut", [0, 10, len(PLAIN) - 1])
def test_a_connection_that_ends_too_early_gives_no_status(cut: int) -> None:
    answer = parse(PLAIN[:cut], 10_000).end()
    assert answer.status is None
    assert "closed the connection" in answer.error


@pytest.mark.parametrize("more", [0, 1])
def test_a_body_is_limited_once_it_is_decoded(more: int) -> None:
    body = gzip.compress(bytes(ANSWER_BYTES_MAX + more))
    head = f"HTTP/1.1 200 OK\r\nContent-Encoding: gzip\r\nContent-Length: {len(body)}\r\n\r\n"
    parser = parse(head.encode() + body, 65536)
    assert parser.answer is not None
    if more:
        assert parser.answer == Answer(None, error="the answer was longer than 16 MiB")
        assert not parser.keep_alive
    else:
        assert len(parser.answer.body) == ANSWER_BYTES_MAX


def test_what_is_not_http_is_refused() -> None:
    with pytest.raises(ValueError, match=r"not HTTP/1\.1"):
        AnswerParser().feed(b"220 mail ready\r\n")


def test_keep_alive_is_what_the_server_says() -> None:
    assert parse(PLAIN, 100).keep_alive
    assert not parse(PLAIN.replace(b"\r\n\r\n", b"\r\nConnection: close\r\n\r\n"), 100).keep_alive


def test_a_request_is_written_whole() -> None:
    request = Request("POST", "/orders/1?x=2", (("A", "b"),), b"{}")
    expected = b"POST /base/orders/1?x=2 HTTP/1.1\r\nHost: h:81\r\nA: b\r\nContent-Length: 2\r\n\r\n{}"
    assert encode_request(request, "http://h:81/base") == expected
    assert encode_request(Request("GET", "/"), "http://h").endswith(b"Host: h\r\n\r\n")


def test_a_header_carries_what_it_was_told_and_what_is_not_latin() -> None:
    told = AnswerParser().feed(b'HTTP/1.1 204 No Content\r\nETag: "gepr\xfcft"\r\n\r\n')
    assert told is not None
    headers = (("If-Match", told.headers["etag"]), ("X-State", "geprüft ✓"))
    sent = encode_request(Request("GET", "/", headers), "http://h")
    assert b'If-Match: "gepr\xfcft"\r\n' in sent
    assert "X-State: geprüft ✓\r\n".encode() in sent


@pytest.mark.parametrize("size", [1, 10_000])
@pytest.mark.parametrize("body", [b"{}", b"0\r\n\r\n", b"null"])
def test_an_answer_without_a_body_is_whole_though_one_follows(body: bytes, size: int) -> None:
    parser = parse(EMPTY[:-2] + b"Content-Length: 2\r\n\r\n" + body, size)
    assert parser.answer is not None
    assert (parser.answer.status, parser.answer.body) == (204, b"")
    assert not parser.keep_alive


@pytest.mark.parametrize("method", ["HEAD", "head"])
@pytest.mark.parametrize("head", [PLAIN[:-2], CHUNKED.partition(b"1\r\n{")[0], EARLY_HINTS + PLAIN[:-2]])
def test_the_answer_to_a_head_ends_with_its_headers(head: bytes, method: str) -> None:
    parser = AnswerParser(method)
    answer = parser.feed(head)
    assert answer is not None
    assert (answer.status, answer.body) == (409 if head.startswith(CHUNKED[:12]) else 200, b"")
    assert parser.keep_alive
    assert parse(head, 10_000).answer is None
