"""Goal: no service is accused of a leak because it numbers the workflows of each tenant by themselves, and each that
leaks still is.

Method: literal histories of an owner (acme) and strangers (globex, initech) who ask about the owner's workflow.
"""

import json
from typing import Any

import pytest

from engine.target.graph import TransitionGraph
from reports.judge.judge import judge
from reports.judge.verdict import CheckResult, Verdict
from tests.reports.building import Record, advance, build, build_history, create, fault, read

GRAPH = TransitionGraph.of("A", {"A": ["B", "D"], "B": ["C", "A"], "C": ["E"]})
FOREIGN: dict[str, Any] = {"tenant": "globex", "status": 200}
BORN = create("c", 0, 1, status=201)
MOVED = advance("m", "A-B", 2, 5, status=200)
TOLD_OLD = read("f", 6, 7, "A", **FOREIGN)


def check(name: str, *records: Record, events: tuple[Record, ...] = ()) -> CheckResult:
    (result,) = judge(build_history(records, *events), GRAPH, only=[name]).checks
    return result


def isolation(*records: Record, events: tuple[Record, ...] = ()) -> Verdict | None:
    return check("tenant-isolation", BORN, *records, events=events).verdict


def win(identity: str, begin: int, end: int, edge: str = "A-B", **more: Any) -> Record:
    return advance(identity, edge, begin, end, **(FOREIGN | more))


def lose(identity: str, begin: int, end: int, told: str | None, edge: str = "A-B", **more: Any) -> Record:
    return advance(identity, edge, begin, end, "conflict", observed=told, **(FOREIGN | more))


def show(*markers: str, workflow: str = "w") -> Record:
    return {"event": "effects", "source": "s", "workflow": workflow, "read_ns": 90, "markers": list(markers)}


def test_a_state_that_the_workflow_had_left_is_of_another_object() -> None:
    found = check("tenant-isolation", BORN, MOVED, TOLD_OLD, lose("g", 8, 9, "A", "B-C"))
    assert found.verdict is Verdict.UNKNOWN
    [finding] = found.findings
    assert finding.operations == ("f", "m")
    assert finding.title == (
        "It is not known whether globex could see or move what belongs to acme: acme's ids seem to be other objects "
        "for globex."
    )
    assert (
        "Request f (client p) of globex, read, was told the state A on workflow w of acme. No order explains this "
        "beside what acme was answered, such as to request m (client p), advance A -> B." in finding.words
    )
    assert "name one tenant only in the target file" in finding.words
    assert "create.save" in finding.words


@pytest.mark.parametrize(
    "foreign",
    [
        read("f", 6, 7, "B", **FOREIGN),
        read("f", 4, 7, "A", **FOREIGN),
        read("f", 6, 7, "elsewhere", **FOREIGN),
        read("f", 6, 7, None, **FOREIGN),
        lose("f", 6, 7, "B", "B-C"),
        lose("f", 6, 7, None, "B-C"),
        win("f", 6, 7, "B-C"),
    ],
)
def test_answers_that_may_be_about_the_owners_workflow_are_a_leak(foreign: Record) -> None:
    """The state that it was in, or may have been in during the call; no state; a conflict that nothing justifies."""
    assert isolation(MOVED, foreign) is Verdict.FAIL


def test_a_state_to_which_a_stranger_may_have_led_is_no_evidence() -> None:
    """Another stranger moved the workflow, or an unknown request did."""
    back = advance("g", "B-A", 5, 6, tenant="initech")
    assert isolation(MOVED, TOLD_OLD) is Verdict.UNKNOWN
    assert isolation(MOVED, back, TOLD_OLD) is Verdict.FAIL
    assert isolation(MOVED, back | {"outcome": "unknown", "returned_ns": None}, TOLD_OLD) is Verdict.FAIL
    assert isolation(MOVED, win("g", 5, 6, "B-A"), TOLD_OLD) is Verdict.FAIL


def test_one_stranger_moved_an_object_of_its_own_beside_the_owner() -> None:
    """Each of them won the same move once, and lost the next time: of one workflow only one can have won."""
    met = [MOVED, win("f", 2, 5), lose("g", 3, 6, "B"), read("r", 7, 8, "B")]
    found = check("tenant-isolation", BORN, *met)
    assert found.verdict is Verdict.UNKNOWN
    assert "Request f (client p) of globex, advance A -> B, was answered won (200)" in found.findings[0].words


def test_a_service_that_answers_won_to_strangers_and_does_nothing_leaks() -> None:
    seen = read("r", 7, 8, "B")
    assert isolation(MOVED, win("f", 2, 5), seen) is Verdict.FAIL
    assert isolation(MOVED, win("f", 2, 5), win("g", 2, 5), lose("h", 3, 6, "B"), seen) is Verdict.FAIL


def test_a_stranger_that_moved_the_owners_workflow_leaks() -> None:
    """Only the stranger's moves explain the answers to the owner. Evidence of two objects changes nothing."""
    led = [create("c2", 0, 1, workflow="w2", status=201), win("f2", 2, 3, workflow="w2")]
    told = advance("m2", "A-B", 4, 5, "conflict", observed="B", workflow="w2")
    assert isolation(*led, told) is Verdict.FAIL
    assert isolation(*led, MOVED, TOLD_OLD) is Verdict.UNKNOWN
    assert isolation(*led, told, MOVED, TOLD_OLD) is Verdict.FAIL


def test_a_request_that_left_its_trace_in_the_owners_workflow_leaks() -> None:
    met = [MOVED | {"marker": "m"}, win("f", 2, 5, marker="f"), lose("g", 3, 6, "B", marker="g")]
    assert isolation(*met, events=(show("m"),)) is Verdict.UNKNOWN
    assert isolation(*met, events=(show("m", "f"),)) is Verdict.FAIL
    rows = [{"from": "A", "to": "B", "request_id": "f"}]
    trail = {"event": "audit", "workflow": "w", "read_ns": 90, "returned_ns": None, "entries": rows}
    met[1] |= {"detail": json.dumps({"request_id": "f"})}
    assert isolation(*met, events=(trail,)) is Verdict.FAIL


def test_effects_does_not_look_at_requests_about_another_object() -> None:
    met = [BORN, MOVED | {"marker": "m"}, win("f", 2, 5, marker="f"), lose("g", 3, 6, "B", marker="g")]
    assert check("effects", *met, events=(show("m"),)).verdict is Verdict.PASS
    assert check("effects", *met[:3], events=(show("m"),)).verdict is Verdict.FAIL
    assert check("effects", *met, events=(show("m", "f"),)).verdict is Verdict.FAIL
    elsewhere = create("c2", 0, 1, workflow="w2", tenant="globex", status=201)
    assert check("effects", elsewhere, *met, events=(show("m"), show("f", workflow="w2"))).verdict is Verdict.PASS


def born(identity: str, at: int, id_: str, **more: Any) -> Record:
    return create(identity, at, at + 1, status=201, detail=json.dumps({"server_id": id_}), **more)


def test_an_id_that_creates_of_two_tenants_were_told_is_two_objects() -> None:
    own, other = born("c", 0, "17"), born("d", 2, "17", tenant="globex", workflow="w2")
    seen = read("f", 6, 7, "A", **FOREIGN)

    def find(*records: Record, events: tuple[Record, ...] = ()) -> CheckResult:
        return check("tenant-isolation", *records, seen, events=events)

    found = find(own, other)
    assert found.verdict is Verdict.UNKNOWN
    assert (
        "Request c (client p) of acme created workflow w, request d (client p) of globex created workflow w2, and both "
        "were told the id 17." in found.findings[0].words
    )
    assert find(own, born("d", 2, "18", tenant="globex", workflow="w2")).verdict is Verdict.FAIL
    # Both creates carried one key: the second may have been told what the first was. A fault may lose a create.
    assert find(own | {"key": "k"}, other | {"key": "k"}).verdict is Verdict.FAIL
    assert find(own | {"key": "k"}, other | {"key": "l"}).verdict is Verdict.UNKNOWN
    assert find(own, other, events=(fault(2, 2),)).verdict is Verdict.FAIL
    assert find(own | {"status": None}, other).verdict is Verdict.FAIL


def test_units_that_another_tenant_took_of_its_own_are_no_units_of_the_owner() -> None:
    own = born("c", 0, "17", observed=None, left=1)
    other = born("d", 2, "17", tenant="globex", workflow="w2", observed=None, left=1)
    takes = [
        build(name, "take", 4, 5, {"outcome": "won", "tenant": tenant, "units": 1})
        for name, tenant in (("t", "acme"), ("u", "globex"))
    ]
    assert check("capacity", own, *takes).verdict is Verdict.FAIL
    assert check("capacity", own, other, *takes).verdict is Verdict.PASS
