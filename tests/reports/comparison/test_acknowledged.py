"""Goal: what is acknowledged holds until its day, and a mistake in the file is one sentence. Method: small files."""

from datetime import date
from pathlib import Path

import pytest

from reports.comparison.acknowledged import AcknowledgedError, acknowledge, read_acknowledged
from reports.comparison.comparison import Acknowledgement, Change, MeasureChange

GOOD = """
[[acknowledged]]
measure = "latency.won.p95"
reason = "the audit index"
expires = 2026-06-30
"""
KNOWN = Acknowledgement("latency.won.p95", "the audit index", "2026-06-30")


def change(measure: str, verdict: Change) -> MeasureChange:
    return MeasureChange(measure, measure, "ns", "lower", 1, 2, 2.0, verdict, "")


def test_a_file_is_read(tmp_path: Path) -> None:
    (tmp_path / "known.toml").write_text(GOOD)
    assert read_acknowledged(tmp_path / "known.toml") == (KNOWN,)
    (tmp_path / "known.toml").write_text("")
    assert read_acknowledged(tmp_path / "known.toml") == ()


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        (None, "cannot be read"),
        ("a = ", "is not TOML"),
        ("known = 1", "known is not known; write [[acknowledged]] tables"),
        ("acknowledged = 1", "acknowledged is no list of tables"),
        ("acknowledged = [1]", "acknowledged[0] is no table"),
        ("[acknowledged]", "acknowledged is no list of tables"),
        (
            GOOD.replace("reason", "because"),
            "acknowledged[0].because is not known; there are: measure, reason, expires",
        ),
        (GOOD.replace('reason = "the audit index"', ""), "acknowledged[0].reason is missing"),
        (GOOD.replace("the audit index", " "), "acknowledged[0].reason must say in words"),
        (
            GOOD.replace("won.p95", "won.p42"),
            "acknowledged[0].measure: there is no 'latency.won.p42'; there are: races",
        ),
        (GOOD.replace("2026-06-30", '"2026-06-30"'), "acknowledged[0].expires must be a date"),
        (GOOD.replace("2026-06-30", "2026-06-30T12:00:00Z"), "acknowledged[0].expires must be a date"),
        (GOOD.replace("2026-06-30", "2026-06-31"), "is not TOML"),
        (GOOD + GOOD, "acknowledged[1]: latency.won.p95 comes twice"),
    ],
)
def test_a_mistake_is_named(text: str | None, sentence: str, tmp_path: Path) -> None:
    path = tmp_path / "known.toml"
    if text is not None:
        path.write_text(text)
    with pytest.raises(AcknowledgedError) as caught:
        read_acknowledged(path)
    assert sentence in str(caught.value)
    assert str(caught.value).startswith(f"{path}: ")


@pytest.mark.parametrize(("today", "holds"), [(date(2026, 6, 30), True), (date(2026, 7, 1), False)])
def test_it_holds_until_its_day(today: date, holds: bool) -> None:
    regressed = change("latency.won.p95", Change.REGRESSED)
    [marked], notes = acknowledge([regressed], [KNOWN], today)
    assert marked.counts is not holds
    assert marked.verdict is Change.REGRESSED
    expired = "the acknowledgement of latency.won.p95 expired on 2026-06-30: the audit index"
    assert notes == (() if holds else (expired,))


def test_it_excuses_nothing_else() -> None:
    others = [change("latency.won.p50", Change.REGRESSED), change("latency.won.p95", Change.IMPROVED)]
    marked, _ = acknowledge(others, [KNOWN], date(2026, 1, 1))
    assert list(marked) == others
