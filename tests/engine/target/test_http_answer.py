"""Goal: a body is read as common clients read it. Method: one document in many charsets, and what is no JSON at all."""

import codecs

import pytest

from engine.target.http_answer import Answer

TEXT = '{"status": "geprüft"}'


def answer(body: bytes, kind: str = "application/json") -> Answer:
    return Answer(200, {"content-type": kind}, body)


@pytest.mark.parametrize(
    ("body", "kind"),
    [
        (TEXT.encode(), "application/json"),
        (TEXT.encode("latin-1"), "application/json;charset=ISO-8859-1"),
        (TEXT.encode("cp1252"), 'text/html; Charset = "windows-1252"'),
        (TEXT.encode("utf-8-sig"), "application/json; charset=utf-8"),
        (codecs.BOM_UTF16_BE + TEXT.encode("utf-16-be"), "application/json"),
        (TEXT.encode("utf-32"), "application/json; charset=utf-8"),
        (TEXT.encode(), "application/json; charset=none-such"),
        (TEXT.encode(), "application/json; charset=base64"),
    ],
)
def test_a_body_is_read_by_its_charset(body: bytes, kind: str) -> None:
    assert answer(body, kind).json() == {"status": "geprüft"}
    assert answer(body, kind).text() == TEXT


def test_a_number_that_is_none_hides_nothing_else() -> None:
    assert answer(b'{"status": "PAID", "rates": [NaN, -Infinity]}').json() == {"status": "PAID", "rates": [None, None]}


@pytest.mark.parametrize(
    ("body", "kind"),
    [
        (b"<p>geprueft</p>", "text/html"),
        (TEXT.encode("latin-1"), "application/json"),
        (TEXT.encode() + b"\n{}", "application/json"),
        (b'"\\ud83d"', "application/json"),
        (b"[" * 100_000, "application/json"),
        (b"NaN, %d" % 2**70, "application/json"),
        (b"", "application/json; charset=idna"),
    ],
)
def test_what_is_no_json_is_none(body: bytes, kind: str) -> None:
    assert answer(body, kind).json() is None


@pytest.mark.parametrize("charset", ["utf-8", "idna", "undefined", "unicode_escape", "rot13", "hex", "utf-7"])
def test_no_charset_keeps_a_text_from_being_read(charset: str) -> None:
    assert "state" in answer(b"\xff\x00state\xff", f"text/plain; charset={charset}").text()
    assert answer(b"\xff\x00state\xff", f"text/plain; charset={charset}").json() is None


def test_the_beginning_of_a_text() -> None:
    assert answer(TEXT.encode("latin-1"), "text/html; charset=latin-1").text(17) == '{"status": "geprü'
