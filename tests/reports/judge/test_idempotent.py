"""The check `idempotent`, and keys in the model: all requests with one key are one operation."""

from typing import Any

import pytest

from engine.target.graph import TransitionGraph
from reports.judge.judge import judge
from reports.judge.levels.run_plan import RunPlan
from reports.judge.verdict import CheckResult, Verdict
from tests.reports.building import Record, advance, build_history, create, read, trail

FIRST: dict[str, Any] = {"key": "k", "payload": "p", "answer": "200 x"}


def judge_all(*records: Record, events: tuple[Record, ...] = ()) -> dict[str, CheckResult]:
    return {each.check: each for each in judge(build_history(records, *events)).checks}


def test_one_key_is_one_win_with_one_answer() -> None:
    found = judge_all(
        create("c", 0, 1),
        *(advance(name, "A-B", 2, 9, **FIRST) for name in ("a", "b", "d")),
        advance("busy", "A-B", 2, 9, "busy", **{**FIRST, "answer": "409"}),
        read("r", 10, 11, "B"),
        events=(trail(12, "A-B"),),
    )
    assert found["idempotent"].verdict is Verdict.PASS
    assert (found["idempotent"].judged, found["idempotent"].unit) == (1, "keys")
    assert {found[name].verdict for name in ("linearizable", "final-state", "audit")} == {Verdict.PASS}


def test_creates_with_one_key_create_one_workflow() -> None:
    """One of them got no answer; the last one came after the answer."""
    keyed: dict[str, Any] = {"key": "k", "payload": "create", "answer": "201 1"}
    lost = create("a", 0, None, None, outcome="unknown", **keyed)
    created = (lost, create("b", 1, 5, **keyed), create("d", 6, 7, **keyed))
    found = judge_all(*created, advance("e", "A-B", 8, 9), read("r", 10, 11, "B"))
    assert {found[name].verdict for name in ("idempotent", "linearizable", "final-state")} == {Verdict.PASS}
    first = create("b", 1, 5, **keyed, detail='{"server_id": "7"}')
    other = create("d", 6, 7, **{**keyed, "answer": "201 2"}, detail='{"server_id": "8"}')
    found = judge_all(lost, first, other)
    assert found["idempotent"].verdict is Verdict.FAIL
    assert "carried key k again and created 8, though b had created 7" in found["idempotent"].findings[0].title
    found = judge_all(create("b", 1, 5, **keyed), create("d", 6, 7, **{**keyed, "payload": "create, other"}))
    assert found["idempotent"].verdict is Verdict.FAIL


def test_creates_with_two_keys_are_two_creates() -> None:
    found = judge_all(create("a", 0, 1, key="k"), create("b", 2, 3, key="l"))
    assert found["linearizable"].verdict is Verdict.FAIL


def test_two_keys_are_two_wins() -> None:
    found = judge_all(create("c", 0, 1), advance("a", "A-B", 2, 9, key="k"), advance("b", "A-B", 2, 9, key="l"))
    assert found["linearizable"].verdict is Verdict.FAIL
    assert found["idempotent"].verdict is None


def test_the_key_of_another_tenant_is_another_key() -> None:
    foreign = advance("b", "A-B", 2, 9, "refused", **FIRST, tenant="other")
    found = judge_all(create("c", 0, 1), advance("a", "A-B", 2, 9, **FIRST), foreign)
    assert found["idempotent"].verdict is None


def test_the_effect_comes_before_the_first_answer() -> None:
    keyed = (create("c", 0, 1), advance("a", "A-B", 2, 5, **FIRST), advance("b", "A-B", 6, 9, **FIRST))
    assert judge_all(*keyed, read("r", 10, 11, "B"))["linearizable"].verdict is Verdict.PASS
    assert judge_all(*keyed, read("r", 6, 7, "A"))["linearizable"].verdict is Verdict.FAIL


def test_an_unknown_request_may_have_been_the_one_that_was_carried_out() -> None:
    records = (create("c", 0, 1), advance("a", "A-B", 2, None, "unknown", **FIRST), read("r", 3, 4, "B"))
    assert judge_all(*records, advance("b", "A-B", 6, 9, **FIRST))["linearizable"].verdict is Verdict.PASS
    again = advance("b", "A-B", 6, 9, **{**FIRST, "key": "l"})
    assert judge_all(*records, again)["linearizable"].verdict is Verdict.FAIL


def test_a_repeated_request_that_loses_to_itself_is_found() -> None:
    """The first one is unknown; a read shows that it was carried out. If another client made the move, all is well."""
    lost = advance("a", "A-B", 2, None, "unknown", **FIRST)
    again = advance("b", "A-B", 6, 9, "conflict", observed="B", **{**FIRST, "answer": "409"})
    found = judge_all(create("c", 0, 1), lost, again, read("r", 10, 11, "B"))["idempotent"]
    assert found.verdict is Verdict.FAIL
    assert "carried key k and lost, though a with the same key was carried out" in found.findings[0].title
    assert found.findings[0].operations == ("b", "a")
    other = advance("d", "A-B", 2, 5)
    assert judge_all(create("c", 0, 1), lost, other, again)["idempotent"].verdict is Verdict.PASS
    assert judge_all(create("c", 0, 1), lost, read("r", 3, 4, "A"), again)["idempotent"].verdict is Verdict.FAIL


def test_a_repeated_request_that_loses_to_another_tenant_did_not_lose_to_itself() -> None:
    """The move of the other tenant is wrong, but it is not the key's fault."""
    lost = advance("a", "A-B", 2, None, "unknown", **FIRST)
    again = advance("b", "A-B", 6, 9, "conflict", observed="B", **{**FIRST, "answer": "409"})
    foreign = advance("d", "A-B", 3, 5, tenant="other")
    found = judge_all(create("c", 0, 1), lost, foreign, again, events=(trail(12, "A-B"),))
    assert found["tenant-isolation"].verdict is Verdict.FAIL
    assert found["idempotent"].verdict is Verdict.PASS


def test_a_stored_server_error_is_that_of_the_fault() -> None:
    """A service may keep the first answer with a key, also an error; not so under another key."""
    fault = {"event": "fault", "at_ns": 3, "until_ns": 4, "what": "answer lost"}
    lost = advance("a", "A-B", 2, 5, "unknown", status=500, **FIRST)
    for key, verdict in (("k", Verdict.PASS), ("l", Verdict.FAIL)):
        again = advance("b", "A-B", 6, 9, "unknown", status=500, **{**FIRST, "key": key})
        assert judge_all(create("c", 0, 1), lost, again, events=(fault,))["no-5xx"].verdict is verdict
        assert judge_all(create("c", 0, 1), lost, again)["no-5xx"].verdict is Verdict.FAIL


def test_two_rows_for_one_key_are_one_too_many() -> None:
    records = (create("c", 0, 1), *(advance(name, "A-B", 2, 9, **FIRST) for name in ("a", "b")))
    assert judge_all(*records, events=(trail(12, "A-B", "A-B"),))["audit"].verdict is Verdict.FAIL


@pytest.mark.parametrize(
    ("outcome", "fields", "title"),
    [
        ("won", {"answer": "200 y"}, "got another answer than a"),
        ("conflict", {"answer": "409"}, "got another answer than a"),
        ("won", {"payload": "q"}, "which a had used for another request"),
        ("refused", {"answer": "401"}, "and was refused"),
    ],
)
def test_another_answer_fails(outcome: str, fields: dict[str, Any], title: str) -> None:
    again = advance("b", "A-B", 6, 9, outcome, **{**FIRST, **fields})
    found = judge_all(create("c", 0, 1), advance("a", "A-B", 2, 5, **FIRST), again)["idempotent"]
    assert found.verdict is Verdict.FAIL
    assert title in found.findings[0].title
    assert found.findings[0].operations == ("a", "b")


SECOND = 1_000_000_000


def test_a_key_that_stays_in_progress_after_its_answer_is_found() -> None:
    """Shortly after the answer it may be in progress still; and once it is not, all is well."""
    first = (create("c", 0, 1), advance("a", "A-B", 2, 5, **FIRST))
    busy: dict[str, Any] = {"status": 425, **FIRST, "answer": "425"}
    late = [advance(f"b{n}", "A-B", n * SECOND, n * SECOND + 1, "busy", **busy) for n in (1, 2, 3)]
    found = judge_all(*first, *late)["idempotent"]
    assert (found.verdict, found.judged) == (Verdict.FAIL, 1)
    assert found.findings[0].title == "Key k stays in progress, though a got its answer."
    assert found.findings[0].operations == ("a", "b3")
    assert judge_all(*first, late[0])["idempotent"].verdict is None
    again = advance("d", "A-B", 4 * SECOND, 4 * SECOND + 1, **FIRST)
    assert judge_all(*first, *late, again)["idempotent"].verdict is Verdict.PASS
    limited = advance("b", "A-B", 3 * SECOND, 3 * SECOND + 1, "busy", **{**busy, "status": 429})
    assert judge_all(*first, limited)["idempotent"].verdict is None
    fault = {"event": "fault", "at_ns": 3 * SECOND, "until_ns": 4 * SECOND, "what": "answer lost"}
    assert judge_all(*first, late[2], events=(fault,))["idempotent"].verdict is None
    struck = {**fault, "at_ns": 6, "until_ns": 7, "workflow": "w"}
    assert judge_all(*first, *late, events=(struck,))["idempotent"].verdict is None
    assert judge_all(*first, *late, events=({**struck, "workflow": "v"},))["idempotent"].verdict is Verdict.FAIL
    lost = advance("a", "A-B", 2, None, "unknown", **FIRST)
    assert judge_all(create("c", 0, 1), lost, *late)["idempotent"].verdict is None


def test_keys_without_a_second_answer_that_says_something_are_not_judged() -> None:
    """Refused at the same time, busy, unknown: none of them says how the service keeps its keys."""
    records = (
        create("c", 0, 1),
        advance("a", "A-B", 2, 9, **FIRST),
        advance("b", "A-B", 2, 8, "refused", **{**FIRST, "answer": "401"}),
        advance("d", "A-B", 2, 8, "busy", **{**FIRST, "answer": "409"}),
    )
    found = judge_all(*records)["idempotent"]
    assert (found.verdict, found.judged) == (None, 0)
    assert found.reason == "no key got a second answer that says how keys are kept (1 busy, 1 refused, 1 won)"
    planned = judge(build_history(records), plan=RunPlan())
    assert planned.verdict is Verdict.UNKNOWN
    assert found.reason in planned.reason
    other = advance("e", "A-B", 10, 11, "refused", **{**FIRST, "payload": "q", "answer": "422"})
    assert judge_all(*records, other)["idempotent"].judged == 1


def test_another_request_under_the_key_may_be_refused_and_the_same_one_while_the_first_runs() -> None:
    records = (
        create("c", 0, 1),
        advance("a", "A-B", 2, 5, **FIRST),
        advance("b", "A-B", 6, 9, "refused", **{**FIRST, "payload": "q", "answer": "422"}),
        advance("d", "A-B", 3, 4, "refused", **{**FIRST, "answer": "401"}),
    )
    assert judge_all(*records)["idempotent"].verdict is Verdict.PASS


def test_the_marker_of_a_key_is_left_once() -> None:
    shown = {"event": "effects", "workflow": "w", "read_ns": 12}
    busy = advance("busy", "A-B", 2, 9, "busy", **{**FIRST, "answer": "409"}, marker="m")
    records = (create("c", 0, 1), *(advance(name, "A-B", 2, 9, **FIRST, marker="m") for name in ("a", "b")), busy)
    once, twice = ({**shown, "markers": ["m"] * number} for number in (1, 2))
    assert judge_all(*records, events=(once,))["effects"].verdict is Verdict.PASS
    assert judge_all(*records, events=(twice,))["effects"].verdict is Verdict.FAIL
    assert judge_all(records[0], busy, events=(once,))["effects"].verdict is Verdict.FAIL


def test_requests_with_one_key_do_not_each_leave_a_marker() -> None:
    def judge_shown(*markers: str, **more: Any) -> Verdict | None:
        fields = [FIRST | {"marker": "m1"}, FIRST | {"marker": "m2"} | more]
        records = [advance(name, "A-B", 2, 9, **each) for name, each in zip("ab", fields, strict=True)]
        shown = {"event": "effects", "workflow": "w", "read_ns": 12, "markers": list(markers)}
        return judge_all(create("c", 0, 1), *records, events=(shown,))["effects"].verdict

    assert judge_shown("m1") is Verdict.PASS
    assert judge_shown("m2") is Verdict.PASS
    assert judge_shown("m1", "m2") is Verdict.FAIL
    assert judge_shown("m1", "m2", outcome="unknown", answer=None) is Verdict.FAIL
    # With another body it is an operation of its own, which `idempotent` reports.
    assert judge_shown("m1", "m2", payload="another") is Verdict.PASS


def test_an_unknown_request_with_another_body_that_must_have_been_carried_out_is_found() -> None:
    first = (create("c", 0, 1), advance("a", "A-B", 2, 3, **FIRST))
    lost = advance("b", "B-C", 4, 5, "unknown", **FIRST | {"payload": "q", "answer": None})
    found = judge_all(*first, lost, read("r", 8, 9, "C"))["idempotent"]
    assert found.verdict is Verdict.FAIL
    assert "Request b (client p) was carried out under key k" in found.findings[0].title
    assert judge_all(*first, lost, read("r", 8, 9, "B"))["idempotent"].verdict is Verdict.PASS
    other = advance("d", "B-C", 6, 7)
    assert judge_all(*first, lost, other, read("r", 8, 9, "C"))["idempotent"].verdict is Verdict.PASS
    stranger = advance("d", "B-C", 6, None, "unknown", tenant="globex")
    assert judge_all(*first, lost, stranger, read("r", 8, 9, "C"))["idempotent"].verdict is Verdict.PASS


@pytest.mark.parametrize("payload", ["A-C", "A-B"])
def test_a_trace_may_be_that_of_another_request_under_its_key(payload: str) -> None:
    """The second request was not answered. It carried the key and the marker of the first, for another move or not."""
    first = advance("1", "A-B", 2, 5, key="k", payload="A-B", marker="m")
    second = advance("2", payload, 3, 6, "unknown", key="k", payload=payload, marker="m")
    shown = {"event": "effects", "workflow": "w", "read_ns": 12, "markers": ["m"]}
    history = build_history([create("c", 0, 1), first, second, read("r", 8, 9, "B")], shown)
    graph = TransitionGraph.of("A", {"A": ["B", "C"]})
    assert judge(history, graph, only=["effects"]).verdict is Verdict.PASS
