"""Goal: what doctor advises for one answer is about that answer. Method: answers by hand; no service."""

import pytest

from engine.target.classified_answer import ClassifiedAnswer
from engine.target.http_answer import Answer
from engine.target.template import Request
from onewinner.doctor.remedies import Probe, advise_advance, advise_status


@pytest.mark.parametrize("outcome", ["busy", "unknown", "refused"])
def test_a_lone_request_that_is_one_too_many_meets_a_limit_of_the_service(outcome: str) -> None:
    """However the file lists it: it is no mistake in what was sent."""
    classified = ClassifiedAnswer(outcome, 429)
    create = Probe("create", "create", "acme", Request("POST", "/orders"), Answer(429), classified, ("ok",))
    advance = Probe("advance", "advance", "acme", Request("POST", "/orders/1/pay"), Answer(429), classified, ("won",))
    for advice, sent in (
        (advise_status(create, "create.won"), "create: POST /orders "),
        (advise_advance(advance, "A", "B"), "advance: POST /orders/1/pay "),
    ):
        assert advice is not None
        assert advice.startswith(f"{sent}was answered 429, though it was sent alone")
        assert "lift that limit" in advice


@pytest.mark.parametrize("status", [409, 423])
def test_a_lone_move_that_is_busy_meets_a_lock(status: int) -> None:
    """The file lists the status already. One that it does not list may be listed."""
    request = Request("POST", "/orders/1/pay")
    busy = Probe("advance", "advance", "acme", request, Answer(status), ClassifiedAnswer("busy", status), ("won",))
    assert advise_advance(busy, "A", "B") == (
        f"advance: POST /orders/1/pay was answered {status}, which means busy, though it was sent alone; see "
        "whether an earlier request left a lock behind, else the gate may call it a failure"
    )
    unknown = Probe("advance", "advance", "acme", request, Answer(423), ClassifiedAnswer("unknown", 423), ("won",))
    advice = advise_advance(unknown, "A", "B")
    assert advice is not None
    assert advice.startswith("advance.busy: a request that was sent alone was answered 423; write busy = [423] if that")
