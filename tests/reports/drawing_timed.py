"""Drawing for moves without a request: small histories as some run would have them, but for a lie or two."""

from typing import Any

from hypothesis import strategies as st

from engine.target.graph import Timed, TransitionGraph

Record = dict[str, Any]
NS = 1e-9
GRAPHS = (
    TransitionGraph.of("H", {"H": ["B", "R"], "B": ["U"]}, [Timed("H", "E", 4 * NS)]),
    TransitionGraph.of("H", {"H": ["B"], "B": ["H"]}, [Timed("H", "E", 3 * NS)]),
    TransitionGraph.of("H", {"H": ["B", "E"], "E": ["H"]}, [Timed("H", "E", 2 * NS), Timed("E", "B", 3 * NS)]),
    TransitionGraph.of("H", {"H": ["B"], "B": ["H", "E"]}, [Timed("B", "H", 5 * NS), Timed("H", "E", 0.0)]),
    TransitionGraph.of("H", {"H": ["B"], "F": ["B"], "B": ["H"]}, [Timed("H", "E", 1 * NS), Timed("E", "F", 0.0)]),
    TransitionGraph.of("H", {"H": ["B", "R"], "B": ["U", "H"], "R": ["B"]}),
)


@st.composite
def draw_workflow(
    draw: st.DrawFn, graph: TransitionGraph, size_max: int, *, dated: bool
) -> tuple[list[Record], list[Record]]:
    """The operations of one workflow, and the readings of its trail. `dated`: its create has a status."""
    state, entered, moment = graph.initial, 0, 0
    create = make("create", -draw(st.integers(0, 2)), draw(st.integers(0, 2)), outcome="ok")
    create.update(status=201 if dated else None, observed=draw(st.sampled_from((graph.initial, None))))
    if dated and draw(st.integers(0, 4)) == 0:
        create.update(outcome="unknown", status=None, observed=None)
    records, readings, rows, late = [create], list[Record](), list[tuple[str, str]](), list[tuple[str, str]]()
    for _ in range(draw(st.integers(1, size_max))):
        moment += draw(st.integers(0, 4))
        for move in graph.timed_from.get(state, ()):
            if moment - entered >= move.after_ns and draw(st.booleans()):
                if draw(st.integers(0, 3)):
                    late.append((move.origin, move.to))
                state, entered = move.to, moment
                break
        if draw(st.integers(0, 2)) == 0:
            rows, late = [*rows, *late], []
        begin, end = moment - draw(st.integers(0, 3)), moment + draw(st.integers(0, 3))
        if draw(st.integers(0, 3)) == 0:
            readings.append({"read_ns": begin, "returned_ns": end, "entries": list(rows)})
            continue
        record = draw(draw_request(graph, begin, end))
        after = answer(draw, record, state, graph)
        if after != state:
            rows, late = [*rows, *late, (state, after)], []
            state, entered = after, draw(st.sampled_from((begin, moment)))
        records.append(record)
    is_read_twice = draw(st.booleans())
    if late and is_read_twice:
        for place, entries in enumerate((rows, [*rows, *late])):
            readings.append({"read_ns": moment + 9 + place, "returned_ns": moment + 9 + place, "entries": entries})
    for _ in range(draw(st.integers(0, 3))):
        spoil(draw, draw(st.sampled_from([*records, *readings])), graph)
    return records, readings


def make(kind: str, invoked: int, returned: int | None, **more: Any) -> Record:
    blank = dict.fromkeys(("expected", "next", "observed", "status", "outcome")) | {"repeats": False}
    return blank | {"kind": kind, "invoked_ns": invoked, "returned_ns": returned} | more


@st.composite
def draw_request(draw: st.DrawFn, graph: TransitionGraph, begin: int, end: int) -> Record:
    if draw(st.booleans()):
        return make("read", begin, end)
    to = draw(st.sampled_from(graph.states))
    expected = list(graph.sources(to)) or [draw(st.sampled_from(graph.states))]
    if draw(st.integers(0, 3)) == 0:
        expected = [draw(st.sampled_from(graph.states))]
    return make("advance", begin, end, expected=expected, next=to, repeats=draw(st.booleans()))


def answer(draw: st.DrawFn, record: Record, state: str, graph: TransitionGraph) -> str:
    """Fills in the true answer in `state`; returns the state after it."""
    if record["kind"] == "read":
        record.update(outcome="ok", observed=state)
        return state
    if draw(st.integers(0, 9)) == 0:
        record["outcome"] = "busy"
        return state
    to, after = record["next"], state
    if state in record["expected"] and graph.allows(state, to):
        after = to
    if after != state or (record["repeats"] and state == to):
        record.update(outcome="won", observed=to if draw(st.booleans()) else None)
    else:
        record.update(outcome="conflict", observed=state if draw(st.booleans()) else None)
    if after != state and draw(st.integers(0, 4)) == 0:
        took_effect = draw(st.booleans())
        record.update(
            outcome="unknown", observed=None, returned_ns=draw(st.sampled_from((None, record["returned_ns"])))
        )
        return after if took_effect else state
    return after


def spoil(draw: st.DrawFn, record: Record, graph: TransitionGraph) -> None:
    """One lie, or a shift of the clock."""
    if "entries" in record:
        edge = (draw(st.sampled_from(graph.states)), draw(st.sampled_from(graph.states)))
        record["entries"] = record["entries"][:-1] if draw(st.booleans()) else [*record["entries"], edge]
        return
    what = draw(st.sampled_from(("shift", "observed", "outcome")))
    if what == "shift":
        shift = draw(st.integers(-4, 4))
        record["invoked_ns"] += shift
        record["returned_ns"] = None if record["returned_ns"] is None else record["returned_ns"] + shift
    elif what == "observed" and record["kind"] == "read":
        record["observed"] = draw(st.sampled_from(graph.states))
    elif what == "outcome" and record["kind"] == "advance":
        record.update(outcome=draw(st.sampled_from(("won", "conflict", "unknown", "refused"))), observed=None)
