"""Retry-After: after how many seconds an answer tells the client to ask again. Pure."""

import math
import time
from email.utils import parsedate_to_datetime

from engine.target.http_answer import Answer

# A lock is mostly held for a few milliseconds, and a service can tell no less than a second: the short pauses stay.
SHORT_S = 0.5
# A client that is told to come back later than that asks again all the same.
TOLD_MAX_S = 2.0


def read_retry_after(answer: Answer, now_s: float | None = None) -> float | None:
    """The seconds, or the time until a date; None if the answer does not tell, or in no form that HTTP knows. `now_s`
    is the time of the client's clock, in seconds since 1970.
    """
    told = answer.headers.get("retry-after", "").strip()
    if told.isascii() and told.isdigit():
        return float(told[:9])
    try:
        at = parsedate_to_datetime(told).timestamp()
    except (TypeError, ValueError, OverflowError, OSError):
        return None
    return max(0.0, math.ceil(at - (time.time() if now_s is None else now_s)))


def lengthen_pause(pause_s: float, answer: Answer) -> float:
    """The pause before a request is asked again: as long as its answer told, if that is not too long."""
    told_s = read_retry_after(answer)
    if told_s is None or told_s > TOLD_MAX_S or pause_s < SHORT_S:
        return pause_s
    return max(pause_s, told_s)
