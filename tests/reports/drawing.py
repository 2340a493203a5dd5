"""Drawing: small histories for Hypothesis, half of them truthful but for a lie or two, half of them anything."""

from typing import Any

from hypothesis import strategies as st

from engine.target.graph import TransitionGraph
from reports.judge.models.workflow import IMPOSSIBLE, NEVER, Operation, step

Record = dict[str, Any]
STATES = ("A", "B", "C")
GRAPHS = (
    None,
    TransitionGraph.of("A", {"A": ["B"], "B": ["C"]}),
    TransitionGraph.of("A", {"A": ["B"], "B": ["C", "A"], "C": ["B"]}),
    TransitionGraph.of("A", {"A": ["A", "B", "C"], "B": ["A"]}),
)
graphs = st.sampled_from(GRAPHS)
initials = st.sampled_from((None, None, "A", "B"))
states = st.sampled_from(STATES)
maybe_states = st.sampled_from((None, *STATES))
lists = st.one_of(states.map(lambda state: [state]), st.lists(states, min_size=2, max_size=3, unique=True))
OUTCOMES = {
    "create": ("ok", "ok", "ok", "unknown", "unknown", "refused", "busy", "conflict"),
    "read": ("ok", "ok", "ok", "conflict", "unknown", "busy"),
    "advance": ("won", "won", "won", "conflict", "conflict", "unknown", "refused", "busy", "stale"),
    "set": ("won", "won", "unknown", "conflict", "busy", "stale"),
    "write": ("ok", "ok", "ok", "conflict", "unknown", "refused", "busy", "stale"),
}


@st.composite
def draw_request(
    draw: st.DrawFn, kinds: tuple[str, ...] = ("read", "read", "advance", "advance", "advance", "set", "write")
) -> Record:
    """What one operation asks, and when."""
    kind = draw(st.sampled_from(kinds))
    guard = kind == "read" and draw(st.integers(0, 3)) == 0
    invoked = draw(st.integers(0, 9))
    return {
        "kind": kind,
        "expected": draw(lists) if kind == "advance" or guard else None,
        "next": draw(states) if kind in ("advance", "set") else None,
        "invoked_ns": invoked,
        "returned_ns": invoked + draw(st.integers(0, 5)),
    }


@st.composite
def draw_anything(draw: st.DrawFn, size_max: int) -> list[Record]:
    """Requests with any answer."""
    records = draw(st.lists(draw_request(), min_size=1, max_size=size_max))
    if draw(st.booleans()):
        records.insert(0, draw(draw_request(("create",))))
    if draw(st.integers(0, 7)) == 0:
        records.append(draw(draw_request(("create",))))
    for record in records:
        record["outcome"] = draw(st.sampled_from(OUTCOMES[record["kind"]]))
        told = record["outcome"] == "conflict" or record["kind"] in ("create", "read") or draw(st.integers(0, 3)) == 0
        record["observed"] = draw(maybe_states) if told else None
    return records


@st.composite
def draw_nearly_true(draw: st.DrawFn, size_max: int, graph: TransitionGraph | None) -> list[Record]:
    """Requests answered as one order of them would have it, some answers lost; at most two of them changed."""
    records = draw(st.lists(draw_request(), min_size=1, max_size=size_max))
    create = draw(st.booleans())
    state: str | None = "A"
    moment = 0
    if create:
        records.insert(0, draw(draw_request(("create",))))
    for record in records:
        moment += draw(st.integers(0, 3))
        record["invoked_ns"] = moment - draw(st.integers(0, 3))
        record["returned_ns"] = moment + draw(st.integers(0, 3))
        state = answer(draw, record, state, graph)
    for _ in range(draw(st.integers(0, 2))):
        record = draw(st.sampled_from(records))
        field = draw(st.sampled_from(("observed", "outcome", "next", "invoked_ns", "both")))
        if field == "outcome":
            record["outcome"] = draw(st.sampled_from(OUTCOMES[record["kind"]]))
        elif field == "both":
            shift = draw(st.integers(-9, 9))
            record["invoked_ns"] += shift
            record["returned_ns"] = None if record["returned_ns"] is None else record["returned_ns"] + shift
        elif field == "invoked_ns":
            record["invoked_ns"] = draw(st.integers(-12, 9 if record["returned_ns"] is None else record["returned_ns"]))
        elif record[field] is not None:
            record[field] = draw(states)
    return records


def answer(draw: st.DrawFn, record: Record, state: str | None, graph: TransitionGraph | None) -> str | None:
    """Fills in the true answer of a request in `state`; returns the state after it."""
    kind, expected = record["kind"], tuple(record["expected"] or ())
    record["observed"] = None
    if kind == "create":
        record.update(outcome="ok", observed=draw(st.sampled_from(("A", None))))
        return "A"
    if kind == "read" and not expected:
        record.update(outcome="ok", observed=state)
        return state
    if draw(st.integers(0, 7)) == 0:
        record.update(outcome=draw(st.sampled_from(("busy", "stale" if kind != "read" else "busy"))))
        return state
    if kind == "write":
        record.update(outcome=draw(st.sampled_from(OUTCOMES["write"])))
        return state
    won = "ok" if kind == "read" else "won"
    tried = Operation(0, kind, won, expected, record["next"], None, 0, NEVER)
    after = step(state, tried, graph)
    if after is IMPOSSIBLE:
        told = draw(st.booleans()) and (state not in expected)
        record.update(outcome="conflict", observed=state if told else None)
        return state
    assert not isinstance(after, type(IMPOSSIBLE))
    record.update(outcome=won, observed=record["next"] if kind != "read" and draw(st.booleans()) else None)
    if kind != "read" and draw(st.integers(0, 4)) == 0:
        took_effect = draw(st.booleans())
        record.update(outcome="unknown", returned_ns=draw(st.sampled_from((None, record["returned_ns"]))))
        return after if took_effect else state
    return after


@st.composite
def draw_case(
    draw: st.DrawFn, size_max: int = 5, workflows_min: int = 1, workflows_max: int = 10
) -> tuple[list[list[Record]], TransitionGraph | None, str | None]:
    """Several workflows, a graph or none, an initial state or none."""
    graph, initial = draw(graphs), draw(initials)
    workflow = st.one_of(draw_anything(size_max), draw_nearly_true(size_max, graph))
    return draw(st.lists(workflow, min_size=workflows_min, max_size=workflows_max)), graph, initial
