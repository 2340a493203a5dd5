"""Goal: what Retry-After tells is read in both forms of HTTP, and lengthens only long pauses."""

import pytest

from engine.target.http_answer import Answer
from load.client.retry_after import lengthen_pause, read_retry_after

NOON_S = 1_445_412_480.0  # Wed, 21 Oct 2015 07:28:00 GMT


@pytest.mark.parametrize(
    ("told", "seconds"),
    [
        ("0", 0.0),
        (" 120 ", 120.0),
        ("Wed, 21 Oct 2015 07:28:30 GMT", 30.0),
        ("Wed, 21 Oct 2015 07:27:30 GMT", 0.0),
        ("-1", None),
        ("1.5", None),
        ("soon", None),
        ("", None),
        ("9" * 400, 999_999_999.0),
        ("\u0661", None),
    ],
)
def test_it_is_a_number_of_seconds_or_a_date(told: str, seconds: float | None) -> None:
    assert read_retry_after(Answer(423, {"retry-after": told}), NOON_S) == seconds
    assert read_retry_after(Answer(423)) is None


@pytest.mark.parametrize(
    ("pause_s", "told", "longer_s"), [(0.8, "1", 1.0), (0.8, "0", 0.8), (0.8, "60", 0.8), (0.05, "1", 0.05)]
)
def test_long_pauses_are_as_long_as_told(pause_s: float, told: str, longer_s: float) -> None:
    assert lengthen_pause(pause_s, Answer(423, {"retry-after": told})) == longer_s
    assert lengthen_pause(pause_s, Answer(423)) == pause_s
