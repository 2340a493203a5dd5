"""Goal: every two requests that are legal in one state are a pairing of a right kind. Method: the reference target."""

from collections import Counter

from engine.provision.service import REFERENCE
from engine.target.file import load_target
from stateful_tests.interleavings.pairings import list_apart, list_calls, list_pairings, pick_one_of_each
from stateful_tests.interleavings.schedule import Pairing

TARGET = load_target(REFERENCE, None)
PAIRINGS = list_pairings(TARGET)


def test_in_every_state_every_two_requests_are_a_pairing() -> None:
    counted = Counter(pairing.state for pairing in PAIRINGS if not pairing.calls[0].key)
    for state in TARGET.graph.states:
        count = len(list_calls(TARGET, state, TARGET.owner))
        assert counted[state] == count * (count + 1) // 2 + count
    assert counted["COMPLETED"] == 0


def test_one_of_each_kind_is_one_of_each_kind() -> None:
    picked = pick_one_of_each(PAIRINGS)
    kinds = [pairing.kind for pairing in picked]
    assert len(kinds) == len(set(kinds)) == len({pairing.kind for pairing in PAIRINGS})
    assert {"advance / advance, same next state", "steps/*/complete / steps/*/fail", "advance / cancel"} <= set(kinds)
    assert "cancel / another tenant's cancel" in kinds


def test_what_is_a_race() -> None:
    def find(kind: str) -> Pairing:
        return next(pairing for pairing in PAIRINGS if pairing.kind == kind and pairing.state == "ICP_PENDING")

    assert find("advance / advance, same next state").is_race(TARGET)
    assert find("advance / advance").is_race(TARGET)
    # Both may win, one after the other.
    assert not find("cancel / steps/*").is_race(TARGET)
    assert not find("advance / another tenant's advance").is_race(TARGET)


def test_three_contenders_request_the_same_transition() -> None:
    assert all(len(pairing.calls) == 3 and len(set(pairing.calls)) == 1 for pairing in list_pairings(TARGET, 3))


def test_on_two_workflows_each_is_alone_and_no_race() -> None:
    pairings = list_apart(TARGET, 8)
    assert len(pairings) == 8 == len({(pairing.state, pairing.calls) for pairing in pairings})
    assert all(pairing.apart and len(pairing.calls) == 2 and not pairing.is_race(TARGET) for pairing in pairings)
    tenants = [{call.tenant for call in pairing.calls} for pairing in pairings]
    assert {TARGET.owner} in tenants
    assert {TARGET.owner, TARGET.strangers[0]} in tenants
    assert {"advance / advance, on two workflows", "advance / advance, on two tenants' workflows"} <= {
        pairing.kind for pairing in pairings
    }
