"""Goal: moves without a request, and requests that repeat a win, are what the file says. Method: a small file, and each
word of it wrong once.
"""

from collections.abc import Callable

import pytest

from engine.target.graph import Timed, TransitionGraph
from engine.target.illegal import list_illegal
from engine.target.target import Target
from engine.target.target_file import TargetError
from tests.engine.target.test_target_file import ORDERS, load

__all__ = ["load"]

Load = Callable[[str], Target]
TIMED = '[[workflow.timed]]\nfrom = "DRAFT"\nto = "CANCELLED"\nafter_s = 0.5\n'
NEW = TIMED.replace("CANCELLED", "LAPSED")


def add(text: str) -> str:
    return ORDERS.replace("[create]", f"{text}[create]", 1)


def asks(target: Target, state: str, to: str) -> bool:
    """Whether the illegal request is one of those that are sent."""
    return any(request.origin == state and request.to == to for request in list_illegal(target, state))


def test_a_move_of_its_own_is_added_to_the_graph(load: Load) -> None:
    graph = load(add(NEW)).graph
    assert graph.timed == (Timed("DRAFT", "LAPSED", 0.5),)
    assert graph.timed[0].after_ns == 500_000_000
    assert "LAPSED" in graph.states
    assert "LAPSED" in graph.terminal
    assert graph.can_go("DRAFT", "LAPSED")
    assert not graph.allows("DRAFT", "LAPSED"), "no request makes it"


def test_a_request_for_a_move_that_only_time_makes_is_illegal(load: Load) -> None:
    assert asks(load(add(NEW)), "DRAFT", "LAPSED")
    assert asks(load(add(f"{TIMED}requested = false\n")), "DRAFT", "CANCELLED")


def test_what_may_be_requested_or_not_is_not_asked(load: Load) -> None:
    target = load(add(TIMED))
    assert not target.graph.allows("DRAFT", "CANCELLED")
    assert not asks(target, "DRAFT", "CANCELLED")


def test_a_move_of_both_kinds_is_requested(load: Load) -> None:
    assert load(add(f"{TIMED}requested = true\n")).graph.allows("DRAFT", "CANCELLED")
    pick = TIMED.replace("DRAFT", "SUBMITTED").replace("CANCELLED", "PICKING")
    assert load(add(pick)).graph.allows("SUBMITTED", "PICKING"), "an edge of [advance] serves it"


MISTAKES = {
    "workflow.timed[0].from: 'DRAFTED' is no state of workflow.transitions; did you mean 'DRAFT'?": (
        '"DRAFT"',
        '"DRAFTED"',
    ),
    "workflow.timed[0].to: is 'DRAFT' as `from` is": ('"LAPSED"', '"DRAFT"'),
    "workflow.timed[0].to: must name a state": ('"LAPSED"', '""'),
    "workflow.timed[0].to: is missing": ('to = "LAPSED"\n', ""),
    "workflow.timed[0].after_s: must be from 0 to": ("0.5", "-1"),
    "workflow.timed[0].after_s: must be a number": ("0.5", '"soon"'),
    "workflow.timed[0].after_s: is missing": ("after_s = 0.5\n", ""),
    "workflow.timed[0].requested: must be true or false": ("0.5\n", '0.5\nrequested = "no"\n'),
    "workflow.timed[0].afters: is no key": ("0.5\n", "0.5\nafters = 1\n"),
    "workflow.timed[1]: DRAFT -> LAPSED stands there twice": (NEW, NEW + NEW),
    "advance.repeats: must be true or false": ("", ""),
    "advance.edges[0].repeats: must be true or false": ("", ""),
    "workflow.timed[0].requested: is false, and an [[advance.edges]] serves SUBMITTED -> PICKING": ("", ""),
}
OTHERS = {
    "advance.repeats: must be true or false": ORDERS.replace(
        "conflict = [409]", 'conflict = [409]\nrepeats = "yes"', 1
    ),
    "advance.edges[0].repeats: must be true or false": ORDERS.replace(
        "[[advance.edges]]", '[[advance.edges]]\nrepeats = "yes"', 1
    ),
    "workflow.timed[0].requested: is false, and an [[advance.edges]] serves SUBMITTED -> PICKING": add(
        '[[workflow.timed]]\nfrom = "SUBMITTED"\nto = "PICKING"\nafter_s = 1\nrequested = false\n'
    ),
}


@pytest.mark.parametrize("sentence", MISTAKES)
def test_a_mistake_is_one_sentence(sentence: str, load: Load) -> None:
    with pytest.raises(TargetError) as caught:
        load(OTHERS.get(sentence) or add(NEW.replace(*MISTAKES[sentence])))
    assert sentence in str(caught.value)
    assert "\n" not in str(caught.value)


def test_a_route_says_whether_it_repeats(load: Load) -> None:
    text = ORDERS.replace("conflict = [409]", "conflict = [409]\nrepeats = true", 1)
    target = load(text)
    assert target.general is not None
    assert (target.general.repeats, target.routes[0].repeats) == (True, True)
    own = load(text.replace("[[advance.edges]]", "[[advance.edges]]\nrepeats = false", 1))
    assert [route.repeats for route in own.routes[:1]] == [False]
    assert load(ORDERS).routes[0].repeats is False


def test_states_that_only_time_reaches_are_reached() -> None:
    graph = TransitionGraph.of("A", {"A": ["B"]}, [Timed("B", "C", 1), Timed("C", "D", 0)])
    assert graph.reach("A") == {"A", "B", "C", "D"}
    assert graph.reach_alone("B") == {"B", "C", "D"}
    assert graph.path("A", "C") is None, "no requests lead there"
    assert graph.terminal == {"D"}
