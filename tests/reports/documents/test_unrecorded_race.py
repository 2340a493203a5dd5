"""Goal: each way for a race to have no single winner is told in words of its own. Method: records made by hand."""

from pathlib import Path
from typing import Any

import pytest

from reports.documents.unrecorded_race import explain

GOLDEN = Path(__file__).parents[2] / "golden" / "race"


def record(number: int, outcome: str, status: int | None, **more: Any) -> dict[str, Any]:
    times = {"invoked_ns": number * 1000, "returned_ns": None if status is None else 2_000_000 + number * 1000}
    plain = {
        "id": f"#{number}",
        "what": "POST /pay",
        "outcome": outcome,
        "status": status,
        "said": "",
        "location": None,
    }
    return {**plain, **times, **more}


WON, WON_TOO = record(0, "won", 200), record(1, "won", 200)
LOST = record(2, "conflict", 409)
REFUSED = record(1, "refused", 403, said="CSRF   verification\nfailed")
LOST_TRACK = record(1, "unknown", None, said="no answer within 5 s")
REDIRECTED = record(1, "unknown", 302, location="/login")

CASES: dict[str, tuple[str, list[int], list[dict[str, Any]]]] = {
    "two-winners": ("winners", [0, 1], [WON, WON_TOO, LOST]),
    "winners-that-differ": ("winners", [0, 1], [WON, {**WON_TOO, "what": "POST /cancel"}]),
    "all-lost": ("no-winner", [], [LOST, LOST]),
    "all-refused": ("no-winner", [0, 1], [REFUSED, REFUSED]),
    "all-stale": ("no-winner", [], [record(0, "conflict", 412), record(1, "conflict", 412)]),
    "all-without-if-match": ("no-winner", [0, 1], [record(0, "refused", 428), record(1, "refused", 428)]),
    "stale": ("answer", [1], [WON, record(1, "refused", 412), LOST]),
    "another-answer": ("answer", [1], [WON, record(1, "refused", 400), LOST]),
    "not-answered": ("unknown", [1], [WON, LOST_TRACK, LOST]),
    "redirected": ("unknown", [1], [WON, REDIRECTED]),
    "one-at-a-time": ("one-at-a-time", [], [WON, LOST]),
    "apart": ("apart", [], [WON, LOST]),
}


@pytest.mark.parametrize("case", CASES)
def test_it_is_told_in_words_and_lanes(case: str) -> None:
    kind, numbers, records = CASES[case]
    assert explain(kind, numbers, records, [409], None) + "\n" == (GOLDEN / f"{case}.txt").read_text()


def test_the_server_is_named_once() -> None:
    records = [
        {**record(number, "won", 200), "what": f"POST http://127.0.0.1:8000/orders/7/{what}"}
        for number, what in enumerate(("pay", "cancel", "ship"))
    ]
    told = explain("winners", range(3), records, [409], None)
    assert told.count("http://127.0.0.1:8000") == 1
    assert "#1 (POST /orders/7/cancel, answered 200)" in told
    assert "3 at once, released within 0.002 ms, at http://127.0.0.1:8000:" in told


def test_every_golden_text_has_its_case() -> None:
    assert {path.stem for path in GOLDEN.glob("*.txt")} == set(CASES)


def test_many_winners_are_counted_and_not_all_named() -> None:
    winners = [record(number, "won", 200) for number in range(12)]
    told = explain("winners", range(12), winners, [409], None)
    assert told.startswith("Requests #0, #1, #2, #3, #4, #5, #6, #7 and 4 more (POST /pay, answered 200) all 12 won")


def test_where_the_picture_is_stands_below(tmp_path: Path) -> None:
    picture = tmp_path / "x.svg"
    assert explain("apart", [], [WON, LOST], [], str(picture)).endswith(f"\n\nThe picture: {picture}")
    assert "was no race" in picture.read_text()
    nowhere = tmp_path / "none" / "x.svg"
    assert f"(no picture: {nowhere}: No such file" in explain("apart", [], [WON, LOST], [], str(nowhere))
