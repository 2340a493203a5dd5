"""Goal: strength counts what was surely covered, and nothing else. Method: rounds written by hand on small graphs."""

from msgspec import structs

from engine.target.graph import TransitionGraph
from reports.comparison.facts import BusyAnswers, Calibration, Covered, Facts, Strength
from reports.documents.strength import FIXED_PROCESSES, SHARED_SESSION, describe_strength, list_pairs, measure_strength
from tests.reports.building import Record, advance, build_history, create, pair_all, read

GRAPH = TransitionGraph.of("A", {"A": ["B", "X"], "B": ["C", "X"]})
CANCEL = "A|B-X"


def measure(*records: Record) -> Strength:
    return measure_strength(build_history([create("c", 0, 5), *records]), GRAPH, pair_all(GRAPH))


def find_rounds(*records: Record) -> dict[tuple[str, str, str], int]:
    found = measure_strength(build_history([create("c", 0, 5), *records]), GRAPH, pair_all(GRAPH)).raced_pairs.rounds
    return {(one.state, one.first, one.second): one.rounds for one in found if one.rounds}


def test_every_two_moves_out_of_a_state_meet() -> None:
    assert list_pairs(GRAPH) == [
        ("A", "B", "B"),
        ("A", "B", "X"),
        ("A", "X", "X"),
        ("B", "C", "C"),
        ("B", "C", "X"),
        ("B", "X", "X"),
    ]


def test_a_win_takes_the_edge_out_of_the_state_before_it() -> None:
    taken = measure(advance("1", "A-B", 10, 20), advance("2", CANCEL, 30, 40)).transitions
    assert taken == Covered(2, 4), "the cancel went out of B, where the first win led"


def test_a_win_out_of_an_unknown_state_takes_none() -> None:
    overlapping = (advance("1", "A-B", 10, 40), advance("2", CANCEL, 20, 30))
    assert measure(*overlapping).transitions.covered == 2, "A-B by its name, A-X by the state before the round"
    lost = (advance("1", "A-B", 10, 20, "unknown"), advance("2", "B|C-X", 30, 40))
    assert measure(*lost).transitions.covered == 0


def test_an_illegal_pair_counts_when_it_was_asked_in_that_state() -> None:
    there = advance("1", "A-C", 10, 20, "conflict")
    elsewhere = advance("2", "B-A", 30, 40, "conflict")
    assert measure(there).illegal_pairs == Covered(1, 12)
    assert measure(there, elsewhere).illegal_pairs.covered == 1
    assert measure(advance("3", "A-C", 10, 20, "refused")).illegal_pairs.covered == 1
    stranger = advance("3", "A-C", 10, 20, "refused", tenant="globex")
    assert measure(stranger).illegal_pairs.covered == 0


def test_an_illegal_request_counts_with_the_states_in_which_it_is_due() -> None:
    """A route out of A or B, asked in X: it names neither, so the state before it is what counts."""
    records = [create("c", 0, 5), advance("1", "A-X", 10, 20), advance("2", "A|B-C", 30, 40, "conflict")]
    illegal = [("X", "C", ("A", "B")), ("X", "B", ("A",))]
    strength = measure_strength(build_history(records), GRAPH, illegal)
    assert strength.illegal_pairs == Covered(1, 2)


def test_an_illegal_request_beside_a_win_was_asked_in_an_unknown_state() -> None:
    records = [create("c", 0, 5), advance("1", "A-X", 10, 30), advance("2", "B-C", 20, 40, "conflict")]
    strength = measure_strength(build_history(records), GRAPH, [("A", "C", ("B",)), ("X", "C", ("B",))])
    assert strength.illegal_pairs == Covered(0, 2)


def test_moves_in_flight_together_raced() -> None:
    together = (advance("1", "A-B", 10, 20), advance("2", "A-B", 12, 18, "conflict"))
    assert find_rounds(*together) == {("A", "B", "B"): 1}


def test_moves_one_after_the_other_did_not_race() -> None:
    assert find_rounds(advance("1", "A-B", 10, 20), advance("2", "A-B", 21, 30, "conflict")) == {}


def test_moves_that_hang_together_only_through_a_third_did_not_race_with_each_other() -> None:
    chain = (
        advance("1", "A-B", 10, 20),
        advance("2", "A-X", 15, 40, "conflict"),
        advance("3", "A-B", 30, 50, "conflict"),
    )
    assert find_rounds(*chain) == {("A", "B", "X"): 1}


def test_one_that_never_returned_covers_nothing() -> None:
    assert find_rounds(advance("1", "A-B", 10, 20), advance("2", "A-B", 5, None, "unknown")) == {}


def test_two_cancels_raced_in_the_state_before_them() -> None:
    cancels = (advance("2", CANCEL, 30, 40), advance("3", CANCEL, 31, 41, "conflict"))
    assert find_rounds(advance("1", "A-B", 10, 20), *cancels) == {("B", "X", "X"): 1}


def test_it_is_told_in_words_and_what_never_raced_is_named() -> None:
    strength = measure_strength(
        build_history(
            [
                create("c", 0, 5),
                advance("1", "A-B", 10, 20),
                advance("2", "A-B", 12, 18, "conflict"),
                read("r", 30, 31, "B"),
            ]
        ),
        GRAPH,
        pair_all(GRAPH),
    )
    strength = structs.replace(strength, calibration=Calibration("some-defect", 10, 9, 2))
    assert describe_strength(Facts(fixed_processes=True)) == [FIXED_PROCESSES]
    assert describe_strength(Facts(shared_session=True)) == [SHARED_SESSION]
    lines = describe_strength(Facts(strength=strength))
    assert lines == [
        "strength: 1 of 4 transitions, 0 of 12 illegal pairs, 1 of 6 pairs of moves raced",
        "calibrated on this machine: with the defect some-defect, 9 of 10 such races show two winners",
        "never raced: B with X out of A, X with X out of A, C with C out of B, C with X out of B, X with X out of B",
    ]


def test_busy_answers_are_counted_and_those_of_lone_requests() -> None:
    def busy(identity: str, invoked: int, returned: int, **more: str) -> Record:
        return advance(identity, "A-B", invoked, returned, "busy", **more)

    assert measure(advance("1", "A-B", 10, 20)).busy is None
    met = [busy("1", 10, 20), advance("2", "A-C", 20, 30, "conflict"), busy("3", 31, 40), busy("4", 50, 60)]
    elsewhere = [create("d", 0, 1, workflow="v"), advance("5", "A-B", 2, None, "unknown", workflow="v")]
    strength = measure(*met, *elsewhere, busy("6", 70, 80, workflow="v"), busy("7", 10, 20, workflow="u"))
    assert strength.busy == BusyAnswers(5, 3), "only 1 and 6 met others"
    line = "busy: 5 answers, 3 of them to requests that were alone on their workflow"
    assert line in describe_strength(Facts(strength=strength))
    assert not any(each.startswith("busy") for each in describe_strength(Facts(strength=measure())))
