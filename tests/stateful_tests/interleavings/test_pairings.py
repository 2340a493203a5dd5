"""Goal: every two requests that are legal in one state are a pairing of a right kind. Method: the reference target."""

from collections import Counter
from collections.abc import Sequence
from pathlib import Path

import pytest

from engine.provision.service import REFERENCE
from engine.target.target import Target
from engine.target.target_file import load_target
from stateful_tests.interleavings.pairings import (
    PICKED_MIN,
    is_successive,
    list_apart,
    list_calls,
    list_pairings,
    pick_one_of_each,
)
from stateful_tests.interleavings.schedule import Pairing
from tests.load.stub import SMALL, load_text

TARGET = load_target(REFERENCE, None)
PAIRINGS = list_pairings(TARGET)


def test_in_every_state_every_two_requests_are_a_pairing() -> None:
    beside = [pairing for pairing in PAIRINGS if not is_successive(pairing)]
    counted = Counter(pairing.state for pairing in beside if not pairing.calls[0].key)
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


def test_a_move_is_paired_with_each_that_is_due_only_after_it(tmp_path: Path) -> None:
    target = load_text(tmp_path, SMALL)
    pairings = [pairing for pairing in list_pairings(target) if is_successive(pairing)]
    moves = [(pairing.state, *(call.to for call in pairing.calls)) for pairing in pairings]
    assert moves == [("A", "B", "C"), ("A", "B", "D"), ("B", "C", "D")]
    assert {pairing.kind for pairing in pairings} == {"advance / advance, the next move"}
    assert not any(pairing.is_race(target) for pairing in pairings)


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


def load_verbs(folder: Path, verbs: Sequence[str], path: str = "/orders/{{id}}/{}") -> Target:
    """A target with one route for each verb; each leads out of the initial state, to a state of its own."""
    edges = [
        f'[[advance.edges]]\nname = "{verb}"\nfrom = "NEW"\nto = "{verb.upper()}"\n'
        f'request = {{ method = "POST", path = "{path.format(verb)}" }}\n'
        for verb in verbs
    ]
    head, tail = SMALL.partition("[workflow]")[0], "".join(edges)
    states = ", ".join(f'"{verb.upper()}"' for verb in verbs)
    workflow = f'[workflow]\ninitial = "NEW"\n[workflow.transitions]\nNEW = [{states}]\n'
    create = '[create]\nrequest = { method = "POST", path = "/orders" }\nid = "id"\n'
    read = '[read]\nrequest = { method = "GET", path = "/orders/{id}" }\nstate = "state"\n'
    return load_text(folder, f"{head}{workflow}{create}{read}[advance]\nconflict = [409]\n{tail}")


def test_a_few_verbs_are_kinds_of_their_own(tmp_path: Path) -> None:
    """Each has a function of its own in the service, which may look again or not."""
    verbs = ("approve", "cancel", "reject")
    kinds = {each.kind for each in pick_one_of_each(list_pairings(load_verbs(tmp_path, verbs)))}
    alone = {f"{verb} / {verb}, same next state" for verb in verbs}
    assert alone | {"approve / cancel", "approve / reject", "cancel / reject"} <= kinds


def test_a_verb_may_stand_before_the_id(tmp_path: Path) -> None:
    target = load_verbs(tmp_path, ("approve", "reject"), "/{}/{{id}}/?really=yes")
    kinds = {each.kind for each in pick_one_of_each(list_pairings(target)) if len({c.tenant for c in each.calls}) == 1}
    assert kinds == {
        "POST approve / POST approve, same next state",
        "POST reject / POST reject, same next state",
        "POST approve / POST reject",
    }


@pytest.mark.parametrize(("count", "picked"), [(12, 12), (40, PICKED_MIN)])
def test_of_many_verbs_each_is_asked_while_there_are_few_pairings(count: int, picked: int, tmp_path: Path) -> None:
    verbs = [f"verb{number}" for number in range(count)]
    pairings = pick_one_of_each(list_pairings(load_verbs(tmp_path, verbs)))
    assert len(pairings) == picked
    assert len({call.route for pairing in pairings for call in pairing.calls}) == picked
