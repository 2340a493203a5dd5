"""Goal: what is shown in full is what matters. Method: a run with one bad race among fifty, and hostile texts."""

from typing import Any

from reports.documents.samples import EXCHANGE_MAX, EXCHANGES_MAX, OPERATIONS_MAX, TEXT_MAX, take_samples
from reports.documents.strength import measure_strength
from reports.judge.judge import judge
from tests.reports.building import Record, advance, build, build_history, create, pair_all
from tests.reports.pages import GRAPH, make_records


def test_the_failing_race_comes_first_and_the_others_have_one_winner() -> None:
    history = build_history(make_records(failing=True))
    first, *others = take_samples(history, judge(history, GRAPH), GRAPH).pictures
    assert first.purpose == "finding"
    assert first.checks[0] == "one-winner"
    assert first.workflow == "w31"
    assert [each.id for each in first.operations if each.held] == ["r.31.2", "r.31.4"]
    assert len(first.operations) == first.contenders == 5
    assert [each.purpose for each in others] == ["finding", "tightest", "typical"]
    for picture in others[1:]:
        outcomes = [operation.outcome for operation in picture.operations]
        assert outcomes.count("won") == 1
        assert min(operation.invoked_ns for operation in picture.operations) == 0


def test_the_tightest_race_is_the_one_that_arrived_closest() -> None:
    def contend(name: str, gap: int, begin: int) -> list[dict[str, object]]:
        return [create(f"{name}0", begin, begin + 1, "A", workflow=name)] + [
            advance(
                f"{name}{number + 1}",
                "A-B",
                begin + 10,
                begin + 90,
                "won" if not number else "conflict",
                workflow=name,
                race=name,
                detail=f'{{"arrived_ns":{begin + 20 + gap * number}}}',
            )
            for number in range(3)
        ]

    history = build_history([*contend("x", 9, 0), *contend("y", 2, 1_000), *contend("z", 5, 2_000)])
    tightest, typical = take_samples(history, judge(history)).pictures
    assert (tightest.workflow, typical.workflow) == ("y", "z")
    assert take_samples(history, judge(history)).state_pairs is None


def test_the_typical_race_is_of_the_size_that_most_requests_raced_in() -> None:
    """Twenty races of two, and five of ten: two requests that the proxy held back are not what most clients met."""

    def contend(name: str, contenders: int, begin: int) -> list[dict[str, object]]:
        outcomes = ["won", *["conflict"] * (contenders - 1)]
        return [create(f"{name}-0", begin, begin + 1, "A", workflow=name)] + [
            advance(f"{name}-{number + 1}", "A-B", begin + 10, begin + 90, outcome, workflow=name, race=name)
            for number, outcome in enumerate(outcomes)
        ]

    pairs = [record for number in range(20) for record in contend(f"pair{number}", 2, number * 1_000)]
    tens = [record for number in range(5) for record in contend(f"ten{number}", 10, 50_000 + number * 1_000)]
    history = build_history([*pairs, *tens])
    tightest, typical = take_samples(history, judge(history)).pictures
    assert (tightest.contenders, typical.contenders) == (10, 10)


def test_texts_are_cut_and_large_races_too() -> None:
    long = "x" * 10**6
    racing = [
        advance(f"{number}", "A-B", 10, 20, "won" if number in (50, 90) else "conflict", race="r", observed=long)
        for number in range(100)
    ]
    history = build_history([create("c", 0, 5), *racing])
    picture = take_samples(history, judge(history)).pictures[0]
    assert picture.contenders == 100
    assert len(picture.operations) == OPERATIONS_MAX
    assert picture.left_out == 100 - OPERATIONS_MAX
    assert sum(operation.outcome == "won" for operation in picture.operations) == 2
    assert max(len(operation.observed or "") for operation in picture.operations) < TEXT_MAX + 50


def test_state_pairs_tell_asked_from_taken() -> None:
    records = [
        create("c", 0, 5),
        advance("a", "A-B", 10, 20),
        advance("b", "B-A", 30, 40, "conflict"),
        advance("x", "A|B-X", 50, 60),
    ]
    history = build_history(records)
    pairs = take_samples(history, judge(history, GRAPH), GRAPH).state_pairs
    assert pairs is not None
    states = pairs.states
    named = {
        name: {(states[origin], states[to]) for origin, to in getattr(pairs, name)}
        for name in ("legal", "asked", "taken")
    }
    assert named["asked"] == {("B", "A")}
    assert named["taken"] == {("A", "B"), ("B", "X")}
    assert named["legal"] == GRAPH.edges
    strength = measure_strength(history, GRAPH, pair_all(GRAPH))
    assert strength.transitions.covered == len(named["taken"])
    assert strength.illegal_pairs.covered == len(named["asked"])


def test_what_cannot_be_shown_says_so() -> None:
    history = build_history([create("c", 0, 5)])
    broken = judge(history)
    assert take_samples(history, broken).pictures == ()
    assert "pictures" in take_samples(None, broken).errors  # type: ignore[arg-type]


def test_calls_to_a_sink_are_shown_with_their_request() -> None:
    rule = {"event": "sink", "name": "pay", "per": ["B"], "times": "exactly once", "by": "marker"}
    calls = [{"event": "call", "sink": "pay", "subject": "m1", "at_ns": at} for at in (30, 25)]
    strange = {"event": "call", "sink": "pay", "subject": "other", "at_ns": 26}
    racing = [advance("1", "A-B", 10, 20, race="r", marker="m1"), advance("2", "A-B", 10, 20, "conflict", race="r")]
    history = build_history([create("c", 0, 5), *racing], rule, *calls, strange)
    picture = take_samples(history, judge(history)).pictures[0]
    assert picture.checks == ("effects",)
    assert {each.id: each.calls_ns for each in picture.operations} == {"1": (15, 20), "2": ()}


def take(identity: str, invoked: int, outcome: str = "won", **more: Any) -> Record:
    return build(identity, "take", invoked, invoked + 50, {"outcome": outcome, "workflow": "v"} | more)


def test_takes_of_the_same_moment_are_a_race_with_its_resource() -> None:
    """The finding is of two takes; the others that ran with them are shown, and those of another moment are not."""
    records = [
        create("c", 0, 5, None, workflow="v", left=1),
        take("a", 10, left=0),
        take("b", 12, left=0, unit="7", key="k"),
        take("l", 14, "conflict"),
        take("later", 900, "conflict"),
    ]
    history = build_history(records)
    first, *_ = take_samples(history, judge(history)).pictures
    assert (first.purpose, first.checks, first.race, first.units) == ("finding", ("capacity",), "", 1)
    assert [each.id for each in first.operations] == ["a", "b", "l"]
    assert [each.left for each in first.operations] == [0, 0, None]
    assert (first.operations[1].unit, first.operations[1].key) == ("7", "k")


def test_right_takes_have_a_tightest_and_a_typical_race() -> None:
    def rush(name: str, gap: int, begin: int) -> list[Record]:
        about = {"workflow": name}
        return [
            create(f"{name}0", begin, begin + 1, None, **about, left=1),
            *(take(f"{name}{n + 1}", begin + 10 + gap * n, "conflict" if n else "won", **about) for n in range(3)),
        ]

    history = build_history([*rush("x", 9, 0), *rush("y", 2, 1_000), *rush("z", 5, 2_000)])
    shown = [(each.purpose, each.workflow) for each in take_samples(history, judge(history)).pictures]
    assert shown == [("tightest", "y"), ("typical", "z")]


def test_a_finding_shows_its_requests_and_answers_and_not_those_of_the_others() -> None:
    def contend(number: int) -> Record:
        outcome, text = "won" if number < 12 else "conflict", f"{number} " + "x" * 10 * EXCHANGE_MAX
        return advance(f"a{number}", "A-B", 10, 90, outcome, race="r", sent=text, received=text)

    history = build_history([create("c", 0, 5, "A"), *(contend(number) for number in range(20))])
    first = take_samples(history, judge(history)).pictures[0]
    full = [each for each in first.operations if each.sent is not None]
    assert first.checks[0] == "one-winner"
    assert len(full) == EXCHANGES_MAX
    assert all(each.held and each.received == each.sent for each in full)
    assert max(len(each.sent or "") for each in full) < EXCHANGE_MAX + 50
