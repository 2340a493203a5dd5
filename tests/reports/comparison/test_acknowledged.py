"""Goal: what is acknowledged holds until its day, and a mistake in the file is one sentence. Method: small files."""

from datetime import date
from pathlib import Path

import pytest

from reports.comparison.acknowledged import AcknowledgedError, acknowledge, read_acknowledged
from reports.comparison.comparison_result import Acknowledgement, Change, MeasureChange

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
        ("a = ", "is no list of [[acknowledged]] tables: Invalid value"),
        ("known = 1", "unknown field `known`"),
        ("acknowledged = 1", "Expected `array`, got `int` - at `$.acknowledged`"),
        ("acknowledged = [1]", "got `int` - at `$.acknowledged[0]`"),
        ("[acknowledged]", "Expected `array`, got `object` - at `$.acknowledged`"),
        (GOOD.replace("reason", "because"), "unknown field `because` - at `$.acknowledged[0]`"),
        (GOOD.replace('reason = "the audit index"', ""), "missing required field `reason` - at `$.acknowledged[0]`"),
        (GOOD.replace("the audit index", " "), "acknowledged[0].reason must say in words"),
        (
            GOOD.replace("won.p95", "won.p42"),
            "acknowledged[0].measure: there is no 'latency.won.p42'; there are: races",
        ),
        (GOOD.replace("2026-06-30", '"2026-06-30"'), "Expected `date`, got `str` - at `$.acknowledged[0].expires`"),
        (GOOD.replace("2026-06-30", "2026-06-30T12:00:00Z"), "Expected `date`, got `datetime`"),
        (GOOD.replace("2026-06-30", "2026-06-31"), "Invalid date or datetime"),
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
