"""Strength: how much of the workflow a run put to the test, and how rare a violation may still be. Pure.

A green run says only as much as it asked. What is counted here was surely covered: an operation that never returned,
or that was asked in an unknown state, covers nothing.
"""

from collections import Counter
from collections.abc import Collection, Iterable, Iterator
from itertools import combinations_with_replacement

import polars as pl

from engine.target.graph import TransitionGraph
from reports.comparison.facts import BusyAnswers, Covered, Facts, RacedPair, RacedPairs, StatePairs, Strength
from reports.documents.bounds import bound_violations, describe_bounds
from reports.history.encoding import escape, split_list
from reports.history.history import History
from reports.judge.text.short_forms import count

# Of each action in a round only so many are compared. That can miss an overlap, and never invents one.
STAND_INS = 2
NEVER_SHOWN_MAX = 5
NEVER_READ = (
    "nothing was read: whether a move that was answered as won is stored, and whether one that was refused changed "
    "nothing, only later answers, a trail or effects can show"
)
FIXED_PROCESSES = (
    "the service ran as its command starts it: with one process, a lock in its memory looks like one in the database; "
    "write {workers} into [service] where it takes the number of its processes"
)
SHARED_SESSION = (
    "all contenders share one session, by its cookies: a service that serves the requests of a session one after the "
    "other looks as if it had a lock; name several users, [tenants.NAME.users], who log in each"
)
ACTION = ("states", "next")
STATES_MAX = 120  # beyond, a matrix is no picture any more

Pair = tuple[str, str, str]
# The state in which a request was made, its next state, and the states in which it is due.
Asked = tuple[str, str, tuple[str, ...]]


def measure_strength(history: History, graph: TransitionGraph, illegal: Collection[Asked]) -> Strength:
    """`illegal` are the requests that can be asked and must not move a workflow, each with a state."""
    answered = find_moves(history, graph)
    moves = answered.filter(pl.col("outcome") != "refused")
    taken = set(walk_taken(moves)) | set(history.audit.select("from", "to").drop_nulls().unique().iter_rows())
    asked = set(walk_asked(answered))
    raced, pairs = count_pairs(moves), list_pairs(graph)
    wanted = set(illegal)
    is_read = (pl.col("kind") == "read") & pl.col("observed").is_not_null()
    rounds = tuple(RacedPair(*pair, raced[pair]) for pair in pairs)
    return Strength(
        transitions=Covered(len(taken & graph.edges), len(graph.edges)),
        illegal_pairs=Covered(len(asked & wanted), len(wanted)),
        raced_pairs=RacedPairs(sum(raced[pair] > 0 for pair in pairs), len(pairs), rounds),
        bounds=bound_violations(history),
        is_read=history.encoded.select(is_read.any()).item(),
        busy=count_busy(history),
    )


def count_busy(history: History) -> BusyAnswers | None:
    """None without any. A request that was not answered lasts to the end."""
    busy = history.encoded.filter(pl.col("outcome") == "busy")["workflow"].unique()
    if busy.is_empty():
        return None
    ops = history.encoded.filter(pl.col("workflow").is_in(busy.implode())).sort("workflow", "invoked", "row")
    end = pl.col("returned").fill_null(pl.col("invoked").max())
    before, after = end.cum_max().shift(1).over("workflow"), pl.col("invoked").shift(-1).over("workflow")
    alone = (pl.col("invoked") > before).fill_null(value=True) & (end < after).fill_null(value=True)
    is_busy = pl.col("outcome") == "busy"
    return BusyAnswers(*ops.select(is_busy.sum().alias("answers"), (is_busy & alone).sum().alias("alone")).row(0))


def find_moves(history: History, graph: TransitionGraph) -> pl.DataFrame:
    """Every advance of the owner's that was answered: workflow, states, next, outcome, invoked, end, round, start.

    Operations of one workflow whose times overlap, directly or through others, are one round. `start` is the state
    before it, by the earlier wins.
    """
    owners = history.encoded.filter(pl.col("kind") == "create").group_by("workflow").agg(owner=pl.col("tenant").first())
    ops = history.encoded.filter(pl.col("kind") == "advance").join(owners, on="workflow", how="left")
    # A request of another tenant is refused.
    ops = ops.filter((pl.col("outcome") != "refused") | (pl.col("tenant") == pl.col("owner")))
    ops = ops.select(
        pl.col("workflow", "next").cast(pl.String),
        pl.coalesce(pl.col("set").cast(pl.String), escape(pl.col("want").cast(pl.String))).alias("states"),
        pl.col("outcome").cast(pl.String),
        "invoked",
        pl.col("returned").fill_null(pl.col("invoked")).alias("end"),
    ).sort("workflow", "invoked")
    quiet = (pl.col("invoked") > pl.col("end").cum_max().shift(1)).fill_null(value=True).over("workflow")
    ops = ops.with_columns(quiet.cum_sum().over("workflow").alias("round"))
    wins = (
        ops.filter(pl.col("outcome") == "won").group_by("workflow", "round").agg(pl.col("next").last().alias("after"))
    )
    rounds = ops.select("workflow", "round").unique().join(wins, on=["workflow", "round"], how="left")
    before = pl.col("after").forward_fill().shift(1).over("workflow").fill_null(graph.initial)
    rounds = rounds.sort("workflow", "round").with_columns(before.alias("start"))
    return ops.join(rounds.drop("after"), on=["workflow", "round"])


def walk_taken(moves: pl.DataFrame) -> Iterator[tuple[str, str]]:
    """The transitions that were acknowledged, from the state in which they must have been."""
    won = moves.filter(pl.col("outcome") == "won").select(*ACTION, "start").unique()
    for states, to, start in won.iter_rows():
        origin = find_state(states, states, start)
        if origin is not None:
            yield origin, to


def walk_asked(answered: pl.DataFrame) -> Iterator[Asked]:
    """The requests that moved nothing: in the state that they name, or while nothing else moved the workflow."""
    is_calm = pl.col("outcome").is_in(["won", "unknown"]).any().over("workflow", "round").not_()
    lost = pl.col("outcome").is_in(["conflict", "refused"])
    known = answered.filter(lost & ((pl.col("states") == pl.col("start")) | is_calm))
    for states, to, start in known.select(*ACTION, "start").unique().iter_rows():
        yield start, to, split_list(states)


def count_pairs(moves: pl.DataFrame) -> Counter[Pair]:
    """In how many rounds two moves out of one state were in flight together."""
    round_ = ["workflow", "round"]
    contested = moves.filter(pl.len().over(round_) > 1).with_row_index("number")
    some = contested.filter(pl.int_range(pl.len()).over(*round_, *ACTION) < STAND_INS)
    both = some.join(some, on=round_, suffix="_other").filter(
        (pl.col("number") < pl.col("number_other"))
        & (pl.col("invoked") <= pl.col("end_other"))
        & (pl.col("invoked_other") <= pl.col("end"))
    )
    where = ["states", "states_other", "start"]
    known = both.select(where).unique()
    known = known.with_columns(pl.Series("state", [find_state(*row) for row in known.iter_rows()], dtype=pl.String))
    pair = [
        pl.min_horizontal("next", "next_other").alias("first"),
        pl.max_horizontal("next", "next_other").alias("second"),
    ]
    met = both.join(known, on=where).filter(pl.col("state").is_not_null()).select(*round_, "state", *pair).unique()
    counted = met.group_by("state", "first", "second").len()
    return Counter({(state, first, second): count for state, first, second, count in counted.iter_rows()})


def find_state(states: str, others: str, start: str) -> str | None:
    """The state in which both requests must win: the one that both name, else the state before the round."""
    common = set(split_list(states)) & set(split_list(others))
    if len(common) == 1:
        return common.pop()
    return start if start in common else None


def list_pairs(graph: TransitionGraph) -> list[Pair]:
    """Every two moves, or one twice, that lead out of one state; the two in the order of their names."""
    return [
        (state, *pair)
        for state, nexts in graph.successors.items()
        for pair in combinations_with_replacement(sorted(nexts), 2)
    ]


def find_state_pairs(history: History, graph: TransitionGraph) -> StatePairs | None:
    """Which pairs of states a run asked for, and which it saw taken. Counted, never judged.

    `asked` were requested in that state, over any route, and not done; `taken` were won, or are in a trail. Null
    for a graph of more than STATES_MAX states.
    """
    if len(graph.states) > STATES_MAX:
        return None
    place = {state: index for index, state in enumerate(graph.states)}
    answered = find_moves(history, graph)
    moves = answered.filter(pl.col("outcome") != "refused")
    trail = history.audit.select("from", "to").unique().drop_nulls().iter_rows()
    return StatePairs(
        tuple(graph.states),
        number_pairs(graph.edges, place),
        number_pairs(((state, to) for state, to, _ in walk_asked(answered)), place),
        number_pairs([*walk_taken(moves), *trail], place),
    )


def number_pairs(pairs: Iterable[tuple[str, str]], place: dict[str, int]) -> tuple[tuple[int, int], ...]:
    """Pairs of states that the graph knows, as their numbers, each once."""
    found = {(place[origin], place[to]) for origin, to in pairs if origin in place and to in place}
    return tuple(sorted(found))


def list_unproven(fixed_processes: bool, shared_session: bool) -> list[str]:
    """What may have kept requests from racing, though the clients sent them together."""
    return [FIXED_PROCESSES] * fixed_processes + [SHARED_SESSION] * shared_session


def describe_strength(facts: Facts) -> list[str]:
    """In words, a line each: what was covered, what a violation's rate may still be, what never raced."""
    lines = describe_covered(facts.strength) if facts.strength is not None else []
    return lines + list_unproven(facts.fixed_processes, facts.shared_session)


def describe_covered(strength: Strength) -> list[str]:
    parts: dict[str, Covered] = {
        "transitions": strength.transitions,
        "illegal pairs": strength.illegal_pairs,
        "pairs of moves raced": strength.raced_pairs,
    }
    covered = (f"{part.covered:,} of {part.total:,} {name}" for name, part in parts.items())
    lines = [f"strength: {', '.join(covered)}", *describe_bounds(strength.bounds)]
    calibration = strength.calibration
    if calibration is not None:
        caught = f"{calibration.caught:,} of {calibration.races:,} such races show two winners"
        lines.append(f"calibrated on this machine: with the defect {calibration.defect}, {caught}")
    if strength.busy is not None:
        alone = f"{strength.busy.alone:,} of them to requests that were alone on their workflow"
        lines.append(f"busy: {count(strength.busy.answers, 'answer')}, {alone}")
    if strength.is_read is False:
        lines.append(NEVER_READ)
    never = [pair for pair in strength.raced_pairs.rounds if not pair.rounds]
    if never:
        named = ", ".join(f"{one.first} with {one.second} out of {one.state}" for one in never[:NEVER_SHOWN_MAX])
        more = f" and {len(never) - NEVER_SHOWN_MAX} more" if len(never) > NEVER_SHOWN_MAX else ""
        lines.append(f"never raced: {named}{more}")
    return lines
