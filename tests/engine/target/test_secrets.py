"""Goal: a secret is hidden in every form that a program writes, also when it is split over two reads.

Method: each form is made by the library that makes it in the field, and cut at every place.
"""

import base64
import html
import json
import os
import re
from collections.abc import Callable
from urllib.parse import quote, quote_plus, urlencode

import pytest

from engine.target.secrets import HIDDEN, VARIABLE, SecretFilter, Secrets, know, read_secrets

PLAIN = "tok-7f3a9c1e5b2d"
ODD = "p/ä&s \"w'o\\r<d>+%\n=9"
SECRETS = Secrets.of([PLAIN, ODD])
FORMS: dict[str, Callable[[str], str]] = {
    "plain": str,
    "JSON": json.dumps,
    "JSON in Unicode": lambda text: json.dumps(text, ensure_ascii=False),
    "JSON in JSON": lambda text: json.dumps(json.dumps({"a": text})),
    "JSON in a literal": lambda text: repr(json.dumps({"a": text})),
    "JSON in a literal with both quotation marks": lambda text: repr(f"it's {json.dumps(text)}"),
    "JSON in bytes": lambda text: repr(json.dumps({"a": text}).encode()),
    "a literal in JSON": lambda text: json.dumps(f"got {text!r}"),
    "a literal in a longer one": lambda text: repr({"a": text, "b": "'", "c": '"'}),
    "JSON with escaped slashes": lambda text: json.dumps(text).replace("/", "\\/"),
    "JSON for HTML": lambda text: re.sub("[&<>]", lambda found: f"\\u{ord(found[0]):04x}", json.dumps(text)),
    "quote": quote,
    "quote all": lambda text: quote(text, safe=""),
    "quote in lower case": lambda text: re.sub("%..", lambda found: found[0].lower(), quote(text, safe="")),
    "quote_plus": quote_plus,
    "query": lambda text: urlencode({"token": text}),
    "repr": repr,
    "repr of bytes": lambda text: repr(text.encode()),
    "HTML": html.escape,
    "base64": lambda text: base64.b64encode(text.encode()).decode(),
    "base64 behind one byte": lambda text: base64.b64encode(b"a" + text.encode() + b"b").decode(),
    "base64 behind two bytes": lambda text: base64.b64encode(b"ab" + text.encode() + b"bc").decode(),
    "urlsafe": lambda text: base64.urlsafe_b64encode(text.encode()).decode(),
    "urlsafe behind one byte": lambda text: base64.urlsafe_b64encode("ÿ".encode()[:1] + text.encode()).decode(),
    "urlsafe behind two bytes": lambda text: base64.urlsafe_b64encode("ÿ".encode() + text.encode()).decode(),
    "Basic": lambda text: f"Basic {base64.b64encode(f'user:{text}'.encode()).decode()}",
}  # fmt: skip


@pytest.mark.parametrize("kind", FORMS)
@pytest.mark.parametrize("secret", [PLAIN, ODD])
def test_every_form_is_hidden(kind: str, secret: str) -> None:
    written = FORMS[kind](secret).encode()
    hidden = SECRETS.hide(b"before " + written + b" after")
    assert hidden.startswith(b"before ")
    assert hidden.endswith(b" after")
    assert hidden.count(HIDDEN) == 1
    # The characters at the ends of a base64 text that hold bits of neighbours stay.
    around = hidden.removeprefix(b"before ").removesuffix(b" after").replace(HIDDEN, b"")
    assert len(around) <= len(FORMS[kind]("")) + 4


@pytest.mark.parametrize("kind", FORMS)
@pytest.mark.parametrize("secret", [PLAIN, ODD])
def test_a_secret_split_at_any_place_is_hidden(kind: str, secret: str) -> None:
    text = b"before " + FORMS[kind](secret).encode() + b" after"
    for place in range(len(text) + 1):
        stream = SecretFilter(SECRETS)
        assert stream.feed(text[:place]) + stream.feed(text[place:]) + stream.end() == SECRETS.hide(text)
    stream = SecretFilter(SECRETS)
    assert b"".join(stream.feed(bytes([byte])) for byte in text) + stream.end() == SECRETS.hide(text)


def test_what_is_no_beginning_of_a_secret_does_not_wait() -> None:
    stream = SecretFilter(SECRETS)
    assert stream.feed(b"a whole line\n") == b"a whole line\n"
    assert stream.feed(PLAIN[:8].encode()) == b""
    assert stream.feed(b"\n") == PLAIN[:8].encode() + b"\n"


@pytest.mark.parametrize("cut", range(12))
def test_secrets_that_overlap_leave_nothing(cut: int) -> None:
    secrets = Secrets.of(["ab1defgh", "efghi9kl", "ab1def"])
    stream = SecretFilter(secrets)
    text = b"ab1defghi9kl."
    assert secrets.hide(text) == HIDDEN + b"."
    assert stream.feed(text[:cut]) + stream.feed(text[cut:]) + stream.end() == HIDDEN + b"."


def test_short_values_and_parts_of_names_are_no_secrets() -> None:
    assert Secrets.of(["12345", "123456", "CREATED", "acme-eu"], ["CREATED_BY", "acme-eu"]).texts == {"123456"}
    assert Secrets().hide(b"anything") == b"anything"
    assert SecretFilter(Secrets()).feed(b"anything") == b"anything"


WORDS = Secrets.of(["postgres", "hunter22"])


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        (b"postgresql://me:postgres@h/postgresql", b"postgresql://me:[secret]@h/postgresql"),
        (b"password=postgres", b"password=[secret]"),
        (b'{"password": "postgres"}', b'{"password": "[secret]"}'),
        (b"a repr: 'x\\npostgres\\n'", b"a repr: 'x\\n[secret]\\n'"),
        (b"url: me%3Apostgres%40h", b"url: me%3A[secret]%40h"),
        (b"\x1b[1;31mpostgres\x1b[m hunter22.", b"\x1b[1;31m[secret]\x1b[m [secret]."),
        (b"\\u0022postgres\\x22", b"\\u0022[secret]\\x22"),
        (b"postgres", HIDDEN),
        (b"pg_postgres prepostgres postgres1 hunter223 postgresql", b""),
    ],
)
def test_a_secret_that_may_be_a_word_is_hidden_where_it_stands_alone(text: bytes, shown: bytes) -> None:
    shown = shown or text
    assert WORDS.hide(text) == shown
    for place in range(len(text) + 1):
        stream = SecretFilter(WORDS)
        assert stream.feed(text[:place]) + stream.feed(text[place:]) + stream.end() == shown
    stream = SecretFilter(WORDS)
    assert b"".join(stream.feed(bytes([byte])) for byte in text) + stream.end() == shown


def test_the_password_of_a_word_is_hidden_in_basic_credentials() -> None:
    told = base64.b64encode(b"postgres:postgres")
    assert HIDDEN in WORDS.hide(b"Basic " + told)


def test_children_are_told_the_secrets(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv(VARIABLE, raising=False)
    with know(Secrets.of([PLAIN])):
        with know(Secrets.of([ODD])):
            assert read_secrets() == SECRETS
        assert read_secrets().texts == {PLAIN}
    assert VARIABLE not in os.environ
