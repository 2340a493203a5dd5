"""HTTP/1.1 as bytes: a request written out, an answer read in. No I/O."""

import zlib
from urllib.parse import urlsplit

import httptools

from engine.target.http_answer import Answer
from engine.target.template import Request

BODILESS = frozenset({204, 304})
CRASHED = 500
# No request asks for a coding, but some servers and proxies use one anyway: coding -> zlib's window bits.
CODINGS = {"gzip": 31, "x-gzip": 31, "deflate": 15}
# Of one answer: with its head, its interim answers and its trailers, and again of its body once it is decoded.
ANSWER_BYTES_MAX = 16 * 2**20
# A header costs a hundred times its bytes in memory.
HEADERS_MAX = 10_000
TOO_LONG = f"the answer was longer than {ANSWER_BYTES_MAX // 2**20} MiB"
TOO_MANY_HEADERS = f"the answer had more than {HEADERS_MAX} headers"


def encode_request(request: Request, base_url: str) -> bytes:
    """The whole request as bytes. The path of the base URL, if any, stands in front of the request's own.

    The Host is that of the base URL, unless the request names another.
    """
    url = urlsplit(base_url)
    lines = [f"{request.method} {url.path}{request.path} HTTP/1.1"]
    if not any(name.lower() == "host" for name, _ in request.headers):
        lines.append(f"Host: {url.netloc.rpartition('@')[2]}")
    lines += [f"{name}: {value}" for name, value in request.headers]
    if request.body or request.method not in ("GET", "HEAD"):
        lines.append(f"Content-Length: {len(request.body)}")
    return b"\r\n".join(map(encode_line, [*lines, "", ""])) + request.body


def encode_line(line: str) -> bytes:
    """Latin-1, in which headers are read, so that a value from one goes back as it came; or else UTF-8."""
    try:
        return line.encode("latin-1")
    except UnicodeEncodeError:
        return line.encode(errors="surrogateescape")


class AnswerParser:
    """Reads one answer from chunks of bytes. `answer` is None until it is whole. `method` is that of the request.

    `keep_alive` says whether the connection may carry another request afterwards. Raises ValueError when
    the bytes are not HTTP, or more than an answer may have.
    """

    def __init__(self, method: str = "") -> None:
        self.answer: Answer | None = None
        self.keep_alive = False
        self._parser = httptools.HttpResponseParser(self)
        self._headers: dict[str, str] = {}
        self._set_cookies: list[str] = []
        self._body: list[bytes] = []
        self._bytes = 0
        self._headed = False
        self._has_no_body = method.upper() == "HEAD"

    def feed(self, chunk: bytes) -> Answer | None:
        self._bytes += len(chunk)
        try:
            self._parser.feed_data(chunk)
        except httptools.HttpParserUpgrade:
            self._finish()
        except httptools.HttpParserError as error:
            if self.answer is None:
                raise ValueError(f"the answer is not HTTP/1.1: {error}") from None
            # Bytes behind a whole answer, such as the body of a 204, belong to no other.
            self.keep_alive = False
        if self.answer is None and self._bytes > ANSWER_BYTES_MAX:
            raise ValueError(TOO_LONG)
        if len(self._headers) + len(self._set_cookies) > HEADERS_MAX:
            raise ValueError(TOO_MANY_HEADERS)
        return self.answer

    def end(self) -> Answer:
        """The connection was closed by the server: whole when the body ends there, else an unknown."""
        if self.answer is None and self._headed and self._ends_at_close():
            self._finish()
        if self.answer is not None:
            return self.answer
        where = "in the middle of its answer" if self._bytes else "without an answer"
        return Answer(None, error=f"the server closed the connection {where}")

    def on_header(self, name: bytes, value: bytes) -> None:
        text, value_text = name.decode("latin-1").lower(), value.decode("latin-1")
        self._headers[text] = value_text
        if text == "set-cookie":
            self._set_cookies.append(value_text)

    def on_headers_complete(self) -> None:
        self._headed = True
        if self._has_no_body and not self._is_interim():
            # The parser waits for the body that the headers are about.
            self._complete()

    def on_body(self, body: bytes) -> None:
        self._body.append(body)

    def on_message_complete(self) -> None:
        # An interim answer (1xx) is not the answer; the parser goes on with the next one.
        if self._is_interim():
            self._headers.clear()
            self._set_cookies.clear()
            self._headed = False
            return
        self._complete()

    def _complete(self) -> None:
        # Many servers (uvicorn) hang up after an error that their application did not catch, and do not say so: the
        # next request over this connection would be unknown.
        self.keep_alive = bool(self._parser.should_keep_alive()) and self._parser.get_status_code() != CRASHED
        self._finish()

    def _is_interim(self) -> bool:
        return 100 <= self._parser.get_status_code() < 200

    def _finish(self) -> None:
        body = decode_body(b"".join(self._body), self._headers.get("content-encoding", ""))
        if len(body) > ANSWER_BYTES_MAX:
            self.keep_alive = False
            self.answer = Answer(None, error=TOO_LONG)
        else:
            cookies = tuple(self._set_cookies)
            self.answer = Answer(self._parser.get_status_code(), self._headers, body, set_cookies=cookies)

    def _ends_at_close(self) -> bool:
        framed = "content-length" in self._headers or "transfer-encoding" in self._headers
        return not framed and self._parser.get_status_code() not in BODILESS


def decode_body(body: bytes, coding: str) -> bytes:
    """The body without its coding, of which no more is decoded than shows that it is too long.

    As it came when the coding is not known, or broken.
    """
    bits = CODINGS.get(coding.strip().lower())
    if bits is None or not body:
        return body
    try:
        return zlib.decompressobj(bits).decompress(body, ANSWER_BYTES_MAX + 1)
    except zlib.error:
        return body
