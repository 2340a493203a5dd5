"""Text on a page: an engine's answers are shown as text, with every character visible, and cut."""

import re

from markupsafe import Markup, escape

# Characters that a browser hides or obeys: control characters, and those that change the direction of writing.
HIDDEN = re.compile(
    "[\x00-\x08\x0b-\x1f\x7f-\x9f\u061c\u200b-\u200f\u202a-\u202e\u2060-\u206f\ufeff\ud800-\udfff\ufffe\uffff]"
)
PICTURES = 0x2400
LENGTH_MAX = 2_000


def show(value: object, length_max: int = LENGTH_MAX) -> Markup:
    """The value as HTML text, or as an attribute in quotes: escaped, visible, cut."""
    return escape(reveal(clip(str(value), length_max)))


def clip(text: str, length_max: int) -> str:
    if len(text) <= length_max:
        return text
    return f"{text[:length_max]}... ({len(text):,} characters; all of it is in run.json)"


def reveal(text: str) -> str:
    """The text with a visible sign for each character that has none."""
    return HIDDEN.sub(name_hidden, text)


def name_hidden(found: re.Match[str]) -> str:
    code = ord(found.group())
    return chr(PICTURES + code) if code < 0x20 else f"\\u{code:04x}"
