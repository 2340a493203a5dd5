"""Goal: doctor names the key of [capacity] that an answer contradicts, and says nothing of a right file.

Method: the examination of units, in this process, on an engine in memory; each time with one mistake in the file or in
the engine.
"""

from pathlib import Path

import pytest

from engine.target.http_answer import Answer
from engine.target.template import Request
from load.client.release import Exchange, now_ns
from onewinner.doctor.questions import Questions
from onewinner.doctor.unit_questions import TAKES_MAX, examine_units
from tests.load.stub import StubRelease, load_text
from tests.load.unit_stub import TOLD, VOUCHERS, UnitEngine


class Release(StubRelease):
    """Sends one request, as doctor does. `statuses` replace the status of some answers, by method."""

    def __init__(self, engine: UnitEngine, statuses: dict[str, int]) -> None:
        super().__init__(engine)  # type: ignore[arg-type]
        self.statuses = statuses

    def send(self, request: Request) -> Exchange:
        answer = self.engine.answer(request)
        status = self.statuses.get(f"{request.method} {answer.status}", answer.status)
        return Exchange(now_ns(), now_ns(), Answer(status, answer.headers, answer.body))


def examine(
    folder: Path, text: str, engine: UnitEngine | None = None, statuses: dict[str, int] | None = None
) -> tuple[list[str], list[str], list[str]]:
    """The questions that were asked, the advice, and what was not asked."""
    target = load_text(folder / "target", text)
    release = Release(engine or UnitEngine(), statuses or {})
    questions = Questions(target, release, folder)  # type: ignore[arg-type]
    skipped = examine_units(questions)
    asked = [each.probe.what for each in questions.done]
    return asked, [each.remedy for each in questions.done if each.remedy is not None], skipped


def test_a_right_file_is_asked_about_each_key(tmp_path: Path) -> None:
    asked, advice, skipped = examine(tmp_path, VOUCHERS)
    assert advice == skipped == []
    reads = ["read of a new resource", "read after a take", "read after a give-back"]
    assert [what for what in asked if what.startswith("read")] == reads
    assert {"take", "give back", "take after a give-back", "take by globex", "take when none is left"} <= set(asked)


def test_without_a_read_or_a_give_back_the_takes_are_asked(tmp_path: Path) -> None:
    asked, advice, _ = examine(tmp_path, TOLD)
    assert advice == []
    assert not any("read" in what or "give" in what for what in asked)
    assert asked[-1] == "take when none is left"


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        (
            VOUCHERS.replace('left = "left"', 'left = "rest"'),
            "capacity.left: 'rest' finds no number in the answer; it holds 'left'",
        ),
        (
            VOUCHERS.replace('save = { use = "use" }', 'save = { use = "usage" }'),
            "capacity.save.use: 'usage' finds nothing in the answer to a take; it holds 'use'",
        ),
        (VOUCHERS + "conflict = [410]\n", "capacity.conflict: after 2 units a take was answered 409"),
        (VOUCHERS + "won = [200]\n", "capacity.won: "),
        (VOUCHERS + "given_back = [200]\n", "capacity.given_back: "),
        (TOLD.replace('units = "uses"', "units = 2"), "capacity.units: after 2 units a take was still answered 201"),
        (TOLD.replace('units = "uses"', "units = 4"), "capacity.units: a take was answered 409, a conflict"),
    ],
    ids=["left", "save", "conflict", "won", "given_back", "too few units", "too many units"],
)
def test_a_mistake_in_the_file_is_named(text: str, sentence: str, tmp_path: Path) -> None:
    _, advice, _ = examine(tmp_path, text)
    assert any(each.startswith(sentence) for each in advice), advice


@pytest.mark.parametrize(
    ("mistake", "sentence"),
    [
        ("serves all", "tenants.globex.headers: globex was answered 201 to a take of acme's resource"),
        ("oversells", "capacity.units: after 2 units a take was still answered 201"),
        ("loses a give-back", "capacity.left: a read tells 1, and 2 must be left"),
    ],
)
def test_a_service_that_is_wrong_is_told(mistake: str, sentence: str, tmp_path: Path) -> None:
    _, advice, _ = examine(tmp_path, VOUCHERS, UnitEngine(mistake))
    assert any(each.startswith(sentence) for each in advice), advice


def test_a_conflict_while_units_are_left_is_told(tmp_path: Path) -> None:
    asked, [advice], _ = examine(tmp_path, TOLD, UnitEngine("hides one", uses=1))
    assert asked[-1] == "take"
    assert advice.startswith("capacity.units: a take was answered 409, a conflict, though the resource had 1 unit;")


def test_a_read_that_is_refused_is_told(tmp_path: Path) -> None:
    asked, advice, _ = examine(tmp_path, VOUCHERS, statuses={"GET 200": 404})
    assert asked[-1] == "read of a new resource"
    assert len(advice) == 1
    assert advice[0].startswith("read.")


def test_of_many_units_not_all_are_taken(tmp_path: Path) -> None:
    text = TOLD.replace('units = "uses"', "units = 5000")
    asked, advice, skipped = examine(tmp_path, text, UnitEngine(uses=5000))
    assert advice == []
    assert asked.count("take") == 1
    assert skipped == [f"a take when none is left: after {TAKES_MAX} takes there was still one"]
