"""Goal: a reader sees every text, and a browser obeys none of it."""

import pytest

from reports.documents.page.text import show
from reports.judge.text.short_forms import join, show_time


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("<b>\"'&", "&lt;b&gt;&#34;&#39;&amp;"),
        ("\x00\x1b[31m", "␀␛[31m"),
        ("a\u202eb\u200bc\ufeff", "a\\u202eb\\u200bc\\ufeff"),
        ("\ud800", "\\ud800"),
        ("ü €", "ü €"),
    ],
)
def test_text_is_shown_as_text(text: str, shown: str) -> None:
    assert show(text) == shown


def test_long_text_is_cut_and_says_so() -> None:
    shown = show("x" * 1_000_000, 50)
    assert shown == "x" * 50 + "... (1,000,000 characters; all of it is in run.json)"


@pytest.mark.parametrize(
    ("nanoseconds", "shown"),
    [(0, "0"), (12, "12 ns"), (84_000, "84 µs"), (1_314_000, "1.31 ms"), (2_050_000_000, "2.05 s"), (999_600, "1 ms")],
)
def test_times_have_three_digits(nanoseconds: int, shown: str) -> None:
    assert show_time(nanoseconds) == shown


def test_lists_read_as_sentences() -> None:
    assert [join(["a", "b", "c"][:many]) for many in range(4)] == ["", "a", "a and b", "a, b and c"]
