"""Secrets: values that no file, terminal or process argument may show, in all forms in which programs write them.

Standard library only: the leash imports this module too.
"""

import base64
import html
import json
import os
import re
import tempfile
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Self
from urllib.parse import quote, quote_plus

# Shorter values occur in any text by chance, so they are not hidden.
LENGTH_MIN = 6
HIDDEN = b"[secret]"
ENDING_BYTES = 12
# In this variable a process of ours tells its children the secrets: JSON, a list of texts.
VARIABLE = "ONEWINNER_SECRETS"
# In this one it tells them the file of `collect`.
LEARNED = "ONEWINNER_LEARNED"
BASE64_OFFSETS = range(3)
# A secret that may be a word, such as `postgres`, is hidden where it stands alone, and not inside of `postgresql`.
WORD = re.compile("[A-Za-z]{1,15}[0-9]{0,4}")
# What may stand before such a word besides a character of no word: an escape of some notation, or a colour.
ESCAPES = (rb"\\[abfnrtv0]", rb"\\x[0-9A-Fa-f]{2}", rb"\\u[0-9A-Fa-f]{4}", rb"%[0-9A-Fa-f]{2}")
COLOURS = (rb"\x1b\[m", rb"[\[;]\dm", rb"[\[;]\d\dm")
ALONE = b"|".join([rb"(?<![A-Za-z0-9_])", *(b"(?<=%s)" % before for before in (*ESCAPES, *COLOURS))])
BEFORE_BYTES_MAX = 6
# All that this process was told; what it prints at the end may hold any of them.
TOLD: set[str] = set()


@dataclass(frozen=True)
class Secrets:
    """Texts to hide, in every form. A secret shorter than LENGTH_MIN is dropped."""

    texts: frozenset[str] = frozenset()

    @classmethod
    def of(cls, texts: Iterable[str], names: Iterable[str] = ()) -> Self:
        """The texts without those that are part of a name: to hide one would change the history."""
        told = tuple(names)
        return cls(frozenset(text for text in texts if len(text) >= LENGTH_MIN and not any(text in n for n in told)))

    @cached_property
    def patterns(self) -> tuple[bytes, ...]:
        """Every form of every secret, longest first."""
        forms = {form for text in self.texts for form in list_forms(text) if len(form) >= LENGTH_MIN}
        return tuple(sorted(forms, key=lambda form: (-len(form), form)))

    @cached_property
    def endings(self) -> tuple[bytes, ...]:
        """The last bytes of each pattern: to look for them is several times faster than to look for a long pattern."""
        return tuple(sorted({form[-ENDING_BYTES:] for form in self.patterns}))

    def is_in(self, text: bytes) -> bool:
        """Whether a form of any secret stands in the text."""
        ending = any(ending in text for ending in self.endings)
        return ending and any(pattern in text for pattern in self.patterns)

    @cached_property
    def words(self) -> Mapping[bytes, re.Pattern[bytes]]:
        """The patterns that may be words, each with the expression that finds it where it stands alone."""
        words = [text.encode() for text in self.texts if WORD.fullmatch(text)]
        return {word: re.compile(b"(?:%s)%s(?![A-Za-z0-9_])" % (ALONE, word)) for word in words}

    @cached_property
    def beginnings(self) -> frozenset[bytes]:
        """Every beginning of a pattern that is shorter than the pattern; of a word all: what follows it decides."""
        shorter = {form[:length] for form in self.patterns for length in range(1, len(form))}
        return frozenset(shorter | set(self.words))

    def find(self, text: bytes, start: int = 0) -> list[tuple[int, int]]:
        """Where secrets stand in the text from `start` on. Secrets that overlap are one span."""
        spans = find_spans(text, [form for form in self.patterns if form not in self.words], start)
        spans += [found.span() for word in self.words.values() for found in word.finditer(text, start)]
        return merge_spans(spans)

    def hide(self, text: bytes) -> bytes:
        """The text with every secret in it replaced. Secrets that overlap are replaced together."""
        return replace_spans(text, self.find(text))

    def hide_text(self, text: str) -> str:
        """The same for text."""
        hidden = self.hide(text.encode(errors="surrogateescape"))
        return hidden.decode(errors="surrogateescape")

    def find_held(self, text: bytes) -> int:
        """How many bytes at the end may be the beginning of a secret that continues in the next bytes."""
        longest = len(self.patterns[0]) if self.patterns else 0
        lengths = range(min(longest, len(text)), 0, -1)
        return next((length for length in lengths if text[-length:] in self.beginnings), 0)


class SecretFilter:
    """Hides secrets in bytes that come in pieces, also a secret that is split over pieces."""

    def __init__(self, secrets: Secrets) -> None:
        self._secrets, self._held, self._before = secrets, b"", b""

    def feed(self, piece: bytes) -> bytes:
        """What can be written so far; the rest waits for the next piece."""
        text, start = self._before + self._held + piece, len(self._before)
        spans = self._secrets.find(text, start)
        cut = len(text) - self._secrets.find_held(text[start:])
        # A secret that reaches into what waits may be part of a longer one.
        cut = min([cut, *(start for start, end in spans if end > cut)])
        self._held, self._before = text[cut:], text[max(0, cut - BEFORE_BYTES_MAX) : cut]
        return replace_spans(text[:cut], [span for span in spans if span[1] <= cut], start)

    def end(self) -> bytes:
        """What waits, when nothing follows."""
        text, start = self._before + self._held, len(self._before)
        self._held, self._before = b"", b""
        return replace_spans(text, self._secrets.find(text, start), start)


def find_spans(text: bytes, patterns: Iterable[bytes], start: int = 0) -> list[tuple[int, int]]:
    spans = []
    for pattern in patterns:
        at = text.find(pattern, start)
        while at >= 0:
            spans.append((at, at + len(pattern)))
            at = text.find(pattern, at + 1)
    return spans


def merge_spans(spans: Iterable[tuple[int, int]]) -> list[tuple[int, int]]:
    """The spans in order, with those that overlap joined."""
    merged: list[tuple[int, int]] = []
    for start, end in sorted(spans):
        if merged and start < merged[-1][1]:
            merged[-1] = (merged[-1][0], max(end, merged[-1][1]))
        else:
            merged.append((start, end))
    return merged


def replace_spans(text: bytes, spans: Iterable[tuple[int, int]], at: int = 0) -> bytes:
    """The text from `at` on, with HIDDEN in place of each span."""
    kept = []
    for start, end in spans:
        kept += [text[at:start], HIDDEN]
        at = end
    return b"".join([*kept, text[at:]])


def list_forms(text: str) -> set[bytes]:
    """The forms in which a program may write a text."""
    raw = text.encode(errors="surrogateescape")
    escaped = list_json(text) | list_literals(text)
    # An answer within a line of a log: JSON within JSON, JSON within a literal.
    twice = {form for once in escaped for form in list_json(once) | list_literals(once)}
    spelled = {text, html.escape(text), *escaped, *twice, *list_quoted(raw)}
    return {form.encode(errors="surrogateescape") for form in spelled} | list_base64(raw)


def list_literals(text: str) -> set[str]:
    """As part of literals of Python, of text and of bytes. The rest decides whether a quotation mark is escaped."""
    raw = text.encode(errors="surrogateescape")
    forms = {repr(text + '"')[1:-2], repr(raw + b'"')[2:-2]}
    return forms | {form.replace("\\'", "'") for form in forms}


def list_json(text: str) -> set[str]:
    """As JSON of different writers."""
    once = {json.dumps(text, ensure_ascii=ascii_only)[1:-1] for ascii_only in (True, False)}
    slashed = {form.replace("/", "\\/") for form in once}
    marked = {form.replace("&", "\\u0026").replace("<", "\\u003c").replace(">", "\\u003e") for form in once}
    return once | slashed | marked


def list_quoted(raw: bytes) -> set[str]:
    """URL-escaped, with digits of either case."""
    forms = {quote(raw), quote(raw, safe=""), quote_plus(raw)}
    return forms | {lower_escapes(form) for form in forms}


def lower_escapes(form: str) -> str:
    first, *rest = form.split("%")
    return "%".join([first, *(part[:2].lower() + part[2:] for part in rest)])


def list_base64(raw: bytes) -> set[bytes]:
    """The characters of a base64 text that depend on the secret alone, wherever in the text it begins.

    The credentials of Basic authentication are such a text.
    """
    found = set()
    for offset in BASE64_OFFSETS:
        first, last = -(-offset * 8 // 6), (offset + len(raw)) * 8 // 6
        for encode in (base64.b64encode, base64.urlsafe_b64encode):
            found.add(encode(b"\0" * offset + raw)[first:last])
    return found


def read_secrets(environment: Mapping[str, str] = os.environ) -> Secrets:
    """The secrets that this process was told."""
    return Secrets(frozenset(json.loads(environment.get(VARIABLE) or "[]")))


def learn(secrets: Secrets) -> None:
    """From here on, this process and its children hide these secrets too; `collect` tells them to its owner."""
    new = secrets.texts - read_secrets().texts
    if not new:
        return
    TOLD.update(new)
    os.environ[VARIABLE] = json.dumps(sorted(read_secrets().texts | new))
    if file := os.environ.get(LEARNED):
        # The owner may have been killed.
        with suppress(FileNotFoundError), Path(file).open("a") as learned:
            learned.write(json.dumps(sorted(new)) + "\n")


@contextmanager
def collect() -> Iterator[Path]:
    """A private file in which this process and its children note what they learn, until the block is left."""
    with open_private_file() as file:
        os.environ[LEARNED] = str(file)
        try:
            yield file
        finally:
            os.environ.pop(LEARNED, None)


@contextmanager
def open_private_file() -> Iterator[Path]:
    """A file that this user alone can open: in memory, so that a process that is killed leaves none (Linux)."""
    if hasattr(os, "memfd_create"):
        with os.fdopen(os.memfd_create("onewinner")) as kept:
            yield Path(f"/proc/{os.getpid()}/fd/{kept.fileno()}")
        return
    with tempfile.TemporaryDirectory(prefix="onewinner-") as folder:
        file = Path(folder) / "learned"
        file.touch(0o600)
        yield file


def read_learned(file: Path) -> Secrets:
    """What was noted in the file of `collect`."""
    return Secrets(frozenset(text for line in file.read_text().splitlines() for text in json.loads(line)))


@contextmanager
def know(secrets: Secrets) -> Iterator[None]:
    """Until the block is left, this process and its children hide these secrets too."""
    before = os.environ.get(VARIABLE)
    learn(secrets)
    try:
        yield
    finally:
        if before is None:
            os.environ.pop(VARIABLE, None)
        else:
            os.environ[VARIABLE] = before
