"""Race resolution: races that counting does not decide, by the trail, by later answers, or by the search."""

import time
from dataclasses import dataclass

import polars as pl

from reports.judge.context import CheckContext
from reports.judge.evidence.races import Race, contends, is_race, list_races
from reports.judge.evidence.trail_readings import is_older, list_ids
from reports.judge.models.workflow import Operation
from reports.judge.searches.linearizability_search import search
from reports.judge.searches.timeline import list_unasked
from reports.judge.verdict import Verdict

NEEDED_S = 0.25


@dataclass(frozen=True)
class ResolvedRace:
    """How many winners a race had; `winners` is None if that is not known. `by`: what resolved it, in words; empty
    where nothing had to; `rows` are unknown contenders that won.
    """

    winners: int | None
    by: str = ""
    rows: tuple[int, ...] = ()


def resolve_races(context: CheckContext, races: pl.DataFrame | None = None) -> list[tuple[Race, ResolvedRace]]:
    """Of these races (or of all) every one that does not have exactly one winner by its answers, and what it comes down
    to; and those that have, but for an unknown contender that the trail names as a second one.
    """
    races = context.races if races is None else races
    named = find_named(context)
    # Of requests that repeat a win, `count_movers` tells those that made the move.
    second = races.filter((pl.col("won") == 1) & (pl.col("unknown") > 0) & ~pl.col("repeats")).join(
        named, on=["w", "race"], how="semi"
    )
    unclear = pl.concat([races.filter(pl.col("won") != 1), second])
    if unclear.is_empty():
        return []
    found = []
    for race in list_races(unclear):
        if not is_race(context.evidence, find_contenders(context, race)):
            found.append((race, ResolvedRace(None)))
            continue
        if race.won > 1 and race.w in context.decision.failed:
            found.append((race, ResolvedRace(race.won)))
            continue
        rows = named.filter((pl.col("w") == race.w) & (pl.col("race") == race.race))["row"].to_list()
        found.append((race, resolve_race(context, race, rows)))
    return found


def resolve_race(context: CheckContext, race: Race, named: list[int]) -> ResolvedRace:
    """The winners of one race. `named`: its unknown contenders whose request id stands in the trail."""
    contenders = find_contenders(context, race)
    alone = find_alone(context, race, contenders)
    if alone is not None:
        return ResolvedRace(1, alone)
    resolved = count_winners(context, race, contenders, named)
    is_plain = resolved.winners == 1 or has_rows_of(context, race.w, contenders, resolved)
    if not is_plain and may_be_disturbed(context, race, contenders):
        return ResolvedRace(None)
    if resolved.winners == 0 and race.stale and not is_contradicted(context, race.w):
        return ResolvedRace(None)
    if resolved.winners == 0 and race.busy and may_leave_alone(context, contenders):
        return ResolvedRace(None)
    if resolved.winners == 0 and race.refused and not contenders.select(exists_before(context, race.w).all()).item():
        return ResolvedRace(None)
    return resolved


def find_alone(context: CheckContext, race: Race, contenders: pl.DataFrame) -> str | None:
    """The move without a request that came before all contenders, in words: all of them lost, some order explains that,
    and the workflow may have left the state by itself.
    """
    if race.conflict < race.contenders or race.w in context.decision.suspects:
        return None
    names = context.evidence.names
    wanted = {names[code] for code in list_wanted(context, contenders)}
    moves = [each for each in list_moves_alone(context, race.w, contenders) if wanted & {*each.expected}]
    edges = " or ".join(f"{move.expected[0]} -> {move.next}" for move in moves)
    return f"Every contender lost; {edges} needs no request, and may have come first." if moves else None


def may_leave_alone(context: CheckContext, contenders: pl.DataFrame) -> bool:
    """Whether the workflow may leave a state that was raced for without a request, before a client can ask again."""
    graph, names = context.evidence.graph, context.evidence.names
    wanted = {names[code] for code in list_wanted(context, contenders)}
    return graph is not None and any(move.origin in wanted for move in graph.timed)


def may_enter_alone(context: CheckContext, contenders: pl.DataFrame) -> bool:
    """Whether the workflow may enter a state that was raced for without a request."""
    graph, names = context.evidence.graph, context.evidence.names
    wanted = {names[code] for code in list_wanted(context, contenders)}
    return graph is not None and any(move.to in wanted for move in graph.timed)


def list_moves_alone(context: CheckContext, w: int, contenders: pl.DataFrame) -> list[Operation]:
    """The moves without a request that may have happened before the last answer of the contenders."""
    graph = context.evidence.graph
    if graph is None or not graph.timed:
        return []
    operations, starts = context.lay_out(w)
    last = contenders.filter(pl.col("outcome") != "unknown")["returned"].max()
    asked = [each for each in operations if not each.is_pure]
    return [each for each in list_unasked(graph, asked, starts) if each.invoked <= int(str(last or 0))]


def has_rows_of(context: CheckContext, w: int, contenders: pl.DataFrame, resolved: ResolvedRace) -> bool:
    """Whether the trail resolved it, and has a row for each of the winners."""
    if not resolved.rows:
        return False
    left = pl.col("from").is_in(find_wanted(context, contenders)) & pl.col("to").is_in(contenders["next"].implode())
    return find_longest(context, w).filter(left).height >= (resolved.winners or 0)


def is_contradicted(context: CheckContext, w: int) -> bool:
    """Whether the answers of a workflow, or the versions that its requests carried, have no explanation. If they have
    one, a write may have changed the version before all of the contenders.
    """
    return w in context.decision.failed or w in context.version_decision.failed


def exists_before(context: CheckContext, w: int) -> pl.Expr:
    """Whether the workflow is known to have existed when an operation began: its create is not in doubt, or a client
    had been answered about it.
    """
    ops = context.evidence.slice(w).filter("mine")
    creates = ops.filter(pl.col("kind") == "create")["outcome"]
    if "ok" in creates or "unknown" not in creates:
        return pl.lit(value=True)
    since = ops.filter(pl.col("outcome").is_in(["won", "ok", "conflict"]))["ends"].min()
    return pl.lit(value=False) if since is None else pl.col("begins") > since


def count_winners(context: CheckContext, race: Race, contenders: pl.DataFrame, named: list[int]) -> ResolvedRace:
    """The winners of one race, if nothing outside of it had a hand in it."""
    if race.won > 1:
        return ResolvedRace(race.won)
    if named:
        if race.won + len(named) > 1 and comes_back(context, race.w, contenders):
            return ResolvedRace(1)
        ids = ", ".join(record.id for record in context.records(named))
        by = f"The trail has a row of {ids}: it did win, though its answer is unknown."
        return ResolvedRace(race.won + len(named), by, tuple(named))
    unknown = contenders.filter(pl.col("outcome") == "unknown")
    again = find_asked_again(context, race.w, contenders) if race.busy else None
    if again is not None:
        return again
    if unknown.is_empty():
        alone = ", and no request of the race won when asked again alone" if race.busy else ""
        return ResolvedRace(0, f"Every contender was answered, and none of them won{alone}.")
    seen = find_seen(context, race.w, contenders, unknown)
    if seen is not None:
        return ResolvedRace(1, seen)
    # Without one that lost, an unknown contender may win later: who is busy, or refused, says nothing of a winner.
    has_lost = contenders["outcome"].is_in(["conflict", "stale"]).any()
    stayed = find_stayed(context, race.w, contenders) if has_lost else None
    if stayed is not None:
        return ResolvedRace(0, stayed)
    return ResolvedRace(None)


def find_contenders(context: CheckContext, race: Race) -> pl.DataFrame:
    """A race's operations, by invoke."""
    return context.evidence.slice(race.w).filter((pl.col("race") == race.race) & contends())


def find_asked_again(context: CheckContext, w: int, contenders: pl.DataFrame) -> ResolvedRace | None:
    """What shows that being busy was true: asked again after every contender had been answered, alone and before any
    other win, a request of one of them won. One without an answer may have won.
    """
    answered = contenders.filter(pl.col("outcome") != "unknown")
    over = answered["ends"].max()
    ops = context.evidence.slice(w)
    wins = ops.filter(pl.col("known") & (pl.col("kind") != "create") & (pl.col("ends") > over))
    alone = (pl.col("begins") > over) & pl.col("race").is_null()
    first = wins.sort("begins").head(1).filter(alone)
    if asks_alike(context, first, contenders):
        winner = context.records(first["row"])[0].id
        return ResolvedRace(1, f"Every contender was busy or lost; asked again alone, {winner} won.")
    before = (pl.col("begins") <= wins["ends"].min()) if wins.height else pl.lit(value=True)
    lost = ops.filter(pl.col("maybe") & alone & before)
    lost = lost.filter([asks_alike(context, lost[number], contenders) for number in range(lost.height)])
    if lost.is_empty():
        return None
    needed = find_needed(context, w, contenders, lost)
    return ResolvedRace(None) if needed is None else ResolvedRace(1, needed)


def asks_alike(context: CheckContext, asked: pl.DataFrame, contenders: pl.DataFrame) -> bool:
    """Whether a request asks for the move of a contender, from a state that this one expects too."""
    alike = contenders.filter(pl.col("next").is_in(asked["next"].implode()))
    return bool({*list_wanted(context, asked)} & {*list_wanted(context, alike)})


def find_named(context: CheckContext) -> pl.DataFrame:
    """w, race, row of the unknown contenders that their workflow's trail names by a request id that is theirs alone."""
    trails = context.evidence.trails.filter(pl.col("w").is_not_null() & pl.col("request_id").is_not_null())
    unknown = context.ops.filter(contends() & (pl.col("outcome") == "unknown"))
    if trails.is_empty() or unknown.is_empty():
        return unknown.select("w", "race", "row").clear()
    ids = context.read_request_ids(unknown["row"])
    asked = unknown.select("w", "race", "row", request_id=ids)
    named = asked.join(trails.select("w", "request_id").unique(), on=["w", "request_id"])
    moves = context.ops.filter(pl.col("known") | pl.col("maybe")).select("w", "row").join(named, on="w", how="semi")
    known = moves.with_columns(request_id=context.read_request_ids(moves["row"]))
    alone = known.filter(pl.len().over("w", "request_id") == 1)
    return named.join(alone, on="row", how="semi").select("w", "race", "row")


def may_be_disturbed(context: CheckContext, race: Race, contenders: pl.DataFrame) -> bool:
    """Whether a race that several won, or none, may be none after all: some order explains the workflow, and a
    transition from outside of the race may have brought the state back in between, or may have taken it away before.
    """
    if race.w in context.decision.failed:
        return False
    answered = contenders.filter(pl.col("outcome") != "unknown")
    if answered.is_empty():
        return False
    wants, codes = find_wanted(context, contenders), context.evidence.codes
    ops = context.evidence.slice(race.w)
    outside = (pl.col("known") | pl.col("maybe")) & ~pl.col("row").is_in(contenders["row"].implode())
    others = ops.filter(outside & (pl.col("begins") <= answered["ends"].max()) & (pl.col("kind") != "create"))
    back = {codes[each.next] for each in list_moves_alone(context, race.w, contenders) if each.next is not None}
    # A request that repeats a win is answered as one, too, where another one had led to its next state.
    led = {*list_wanted(context, contenders), *(contenders["next"].drop_nulls() if race.repeats else ())}
    if race.won and back & led:
        return True
    if race.won:
        during = pl.col("maybe") | (pl.col("ends") >= contenders["begins"].min())
        return not others.filter(during & pl.col("next").is_in([*led])).is_empty()
    leaves = (pl.col("kind") == "set") | (pl.col("wants") > 1) | pl.col("want").is_in(wants)
    # Where the workflow's start is known, the order that explains every conflict is no guess. Other answers need none.
    is_explained = race.conflict > 0 and context.evidence.starts["state"][race.w] is not None
    return is_explained or not others.filter(leaves).is_empty()


def find_wanted(context: CheckContext, contenders: pl.DataFrame) -> pl.Series:
    """The states that any of the contenders expected, in one list."""
    return pl.Series(list_wanted(context, contenders), dtype=pl.UInt32).implode()


def list_wanted(context: CheckContext, contenders: pl.DataFrame) -> list[int]:
    codes, members = context.evidence.codes, context.evidence.set_members
    wants = set(contenders["want"].drop_nulls())
    for several in contenders["set"].drop_nulls().unique():
        wants.update(codes[state] for state in members[several])
    return sorted(wants)


def comes_back(context: CheckContext, w: int, contenders: pl.DataFrame) -> bool:
    """Whether the trail enters a state that was raced for again, after it was left for the first time as the race
    would have it: then a late contender may have won a later visit. A move without a request need not have a row.
    """
    if may_enter_alone(context, contenders):
        return True
    trail, wants = find_longest(context, w), find_wanted(context, contenders)
    left = trail.filter(pl.col("from").is_in(wants) & pl.col("to").is_in(contenders["next"].implode()))
    told = list_ids(context.evidence, contenders)
    ids = {each for row in contenders["row"] for each in told[row]}
    # A row that tells no id, and where a contender tells none, any row may be a contender's.
    named = pl.col("request_id").is_in([each for each in ids if each is not None]).fill_null(value=True)
    theirs = left.filter(named)
    first = (left if theirs.is_empty() or None in ids else theirs)["position"].min()
    return first is None or not trail.filter((pl.col("position") > first) & pl.col("to").is_in(wants)).is_empty()


def find_last(context: CheckContext, w: int) -> pl.DataFrame:
    """The last reading of a workflow's trail, states as codes."""
    trail = context.evidence.trails.filter(pl.col("w") == w).with_columns(pl.col("from", "to").to_physical())
    return trail.filter(pl.col("trail") == pl.col("trail").sort_by("read_ns").last())


def find_longest(context: CheckContext, w: int) -> pl.DataFrame:
    """The reading of a workflow's trail with the most rows: of readings at the same time any may be the longer one."""
    trail = context.evidence.trails.filter(pl.col("w") == w).with_columns(pl.col("from", "to").to_physical())
    return trail.filter(pl.col("trail") == pl.col("trail").sort_by("position", "read_ns").last())


def find_seen(context: CheckContext, w: int, contenders: pl.DataFrame, unknown: pl.DataFrame) -> str | None:
    """What shows that one of the unknown contenders won: a row of the trail, or an answer, invoked no earlier than the
    race, that names a state to which only they lead; in words.
    """
    ops = context.evidence.slice(w)
    others = ops.filter((pl.col("known") | pl.col("maybe")) & ~pl.col("row").is_in(unknown["row"].implode()))
    # An answer may tell of the state that the workflow was in at first, too.
    start = context.evidence.starts["state"][w]
    named = pl.Series([*others["next"].drop_nulls(), *([] if start is None else [start])], dtype=pl.UInt32).implode()
    theirs = unknown.filter(~pl.col("next").is_in(named))["next"].unique().implode()
    wants = find_wanted(context, contenders)
    # A create leaves no row: a row may lead back to where it led.
    moved = others.filter(pl.col("kind") != "create")["next"].drop_nulls()
    led = unknown.filter(~pl.col("next").is_in(moved.implode()))["next"].unique().implode()
    rows = find_longest(context, w).filter(pl.col("from").is_in(wants) & pl.col("to").is_in(led))
    if rows.height and not is_older(context.evidence, w):
        names = context.evidence.names
        return f"The trail has the row {names[rows['from'][0]]} -> {names[rows['to'][0]]}: an unknown request won."
    after = ops.filter((pl.col("begins") >= contenders["begins"].min()) & pl.col("mine"))
    told = pl.col("pure") & pl.col("observed").is_in(theirs)
    expected = (pl.col("outcome") == "won") & (pl.col("wants") == 1) & pl.col("want").is_in(theirs)
    found = after.filter(told | expected)
    if found.height:
        return f"The answer of {context.records(found['row'][:1])[0].id} shows that one of the unknown requests won."
    return find_needed(context, w, contenders, unknown)


def find_needed(context: CheckContext, w: int, contenders: pl.DataFrame, unknown: pl.DataFrame) -> str | None:
    """Whether what was answered outside of the race, and what its losers told of another state than the one that was
    raced for, has no explanation unless one of the unknown contenders won.
    """
    if w in context.decision.suspects:
        return None
    operations, starts = context.evidence.lay_out(w)
    tells = pl.col("observed").is_not_null() & ~pl.col("observed").is_in(find_wanted(context, contenders))
    gone = {*unknown["row"], *contenders.filter(pl.col("pure") & ~tells)["row"]}
    kept = [each for each in operations if each.row not in gone]
    searched = search(kept, starts, context.evidence.graph, time.monotonic() + NEEDED_S)
    if searched.verdict is not Verdict.FAIL:
        return None
    return "No order explains the other answers unless one of the unknown requests won."


def find_stayed(context: CheckContext, w: int, contenders: pl.DataFrame) -> str | None:
    """What shows that no contender won, in words: after every answer, the state is still the one that was raced for,
    and nothing can have led back to it.
    """
    want, ops = contenders["want"][0], context.evidence.slice(w)
    back = (
        (pl.col("known") | pl.col("maybe")) & (pl.col("next") == want) & (pl.col("ends") >= contenders["begins"].min())
    )
    answered = contenders.filter(pl.col("outcome") != "unknown")
    if contenders["wants"].max() != 1 or answered.is_empty() or not ops.filter(back).is_empty():
        return None
    name = context.evidence.names[want]
    read = (pl.col("kind") == "read") & pl.col("pure") & (pl.col("observed") == want)
    reads = ops.filter(read & (pl.col("begins") > answered["ends"].max()))
    if reads.height:
        reader = context.records(reads["row"][:1])[0].id
        return f"{reader} read {name} after every answer had come: no contender had won."
    begun = pl.col("read_ns") - context.evidence.history.clock_uncertainty_ns
    trail = find_last(context, w).filter(begun > answered["returned"].max())
    if trail.height and trail.filter(pl.col("from") == want).is_empty():
        return f"The trail, read after every answer had come, has no row out of {name}: no contender had won."
    return None
