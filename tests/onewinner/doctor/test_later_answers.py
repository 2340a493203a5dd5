"""Goal: doctor follows a request that is carried out later, and says what to write where a file does not know of it.

Method: answers made by hand, and an engine in memory that accepts moves as jobs.
"""

from pathlib import Path

from engine.target.classified_answer import ClassifiedAnswer
from engine.target.http_answer import Answer
from engine.target.template import Request
from onewinner.doctor.questions import Questions
from onewinner.doctor.remedies import Probe, advise_advance
from onewinner.doctor.tour_plan import Step
from tests.load.stub import StubRelease, load_text
from tests.load.test_later_answers import TEXT, Forgetful, Later

POST = Request("POST", "/w/1/advance")


def advise(table: str, answer: Answer) -> str:
    probe = Probe("advance", table, "acme", POST, answer, ClassifiedAnswer("unknown", answer.status), ("won",))
    return advise_advance(probe, "A", "B") or ""


def test_a_202_that_the_file_does_not_know_may_be_told_later() -> None:
    assert advise("advance", Answer(202)).startswith("advance.accepted: POST /w/1/advance was answered 202; ")


def test_a_poll_that_tells_nothing_is_named() -> None:
    error = "it was accepted (202), and no poll told the outcome within 5 s"
    assert advise("advance.poll", Answer(None, error=error)) == (
        f"advance.poll: POST /w/1/advance: {error}; correct its request, won, conflict or done"
    )


def ask(folder: Path, kind: type[Later], text: str) -> Probe:
    target = load_text(folder, text)
    questions = Questions(target, StubRelease(kind(target.graph)), folder)  # type: ignore[arg-type]
    workflow = questions.create()
    assert workflow is not None
    step = Step(target.routes_for("A", "B")[-1], "A", "B")
    return questions.send_advance("advance A -> B", workflow, step, ("won",))[0]


def test_the_outcome_is_that_of_the_poll(tmp_path: Path) -> None:
    probe = ask(tmp_path, Later, TEXT)
    assert (probe.classified.outcome, probe.classified.observed, probe.table) == ("won", "B", "advance.poll")


def test_a_service_that_forgets_has_no_outcome(tmp_path: Path) -> None:
    probe = ask(tmp_path, Forgetful, TEXT.replace("every_s", "timeout_s = 0.01, every_s"))
    assert (advise_advance(probe, "A", "B") or "").startswith("advance.poll: POST /w/0/advance: it was accepted (202)")
