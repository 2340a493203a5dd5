"""one-winner and conflict-count: who won each race, and what everyone else was told."""

from dataclasses import dataclass
from functools import partial
from typing import Any

import polars as pl

from reports.judge.context import Case, Suspicion, conclude, doubt, fail, not_applicable
from reports.judge.race_resolution import Settled, find_contenders, settle_races
from reports.judge.verdict import CheckResult, Finding, Verdict
from reports.judge.words import say_no_conflict, say_no_winner, say_open_race, say_try_again, say_two_winners

Race = dict[str, Any]


@dataclass(frozen=True)
class Shares:
    """How many races there are, and how many prove nothing: `alone`, no contender overlapped the winner; `unsettled`,
    it is not known who won. Those of either sort that a fault touched are `aside`, and in no other number.
    """

    races: int
    alone: int
    unsettled: int
    aside: int

    def prove_too_little(self, share: float | None) -> bool:
        """Whether more than this share of them prove nothing; without a share, whether it is known of none who won."""
        if share is None:
            return self.unsettled == self.races
        return self.alone + self.unsettled > share * self.races or not self.races


def check_one_winner(case: Case) -> CheckResult:
    """Every race has exactly one winner. Unknown when too many races prove nothing."""
    races = case.races
    if races.is_empty():
        return not_applicable("one-winner", "the history has no races", "races")
    suspicions: list[Suspicion] = []
    open_races: list[Race] = []
    settled_count = 0
    for race, settled in settle_races(case):
        settled_count += settled.by != "" and settled.winners == 1
        if settled.winners is None:
            open_races.append(race)
        elif settled.winners > 1:
            suspicions.append(fail(partial(word_winners, case, race, settled)))
        elif settled.winners == 0:
            suspicions.append(fail(partial(word_no_winner, case, race, settled)))
    touched = find_touched(case)
    still_open = [race for race in open_races if (race["w"], race["race"]) not in touched]
    shares = count_shares(races, touched, len(open_races), len(still_open))
    reason = say_shares(shares, settled_count)
    if shares.prove_too_little(case.evidence.inconclusive_max):
        doubts = [doubt(partial(word_open, case, race)) for race in still_open]
        suspicions += doubts or [doubt(partial(word_alone, reason))]
    return conclude(case, "one-winner", judged=races.height, unit="races", suspicions=suspicions, reason=reason)


def find_touched(case: Case) -> set[tuple[int, int]]:
    """The races, by workflow number and race, of which a fault touched a contender."""
    if not case.faults.all:
        return set()
    contends = pl.col("race").is_not_null() & pl.col("mine")
    return set(case.ops.filter(contends & case.touched_by_fault).select("w", "race").unique().iter_rows())


def count_shares(races: pl.DataFrame, touched: set[tuple[int, int]], unsettled: int, still_open: int) -> Shares:
    """`unsettled` races are open; `still_open` are those of them that no fault touched."""
    alone = races.filter((pl.col("won") == 1) & ~pl.col("overlapped")).select("w", "race")
    still_alone = sum(race not in touched for race in alone.iter_rows()) if touched else alone.height
    aside = alone.height - still_alone + unsettled - still_open
    return Shares(races.height - aside, still_alone, still_open, aside)


def say_shares(shares: Shares, settled: int) -> str:
    """What is to be known of the races beyond their count; empty when nothing is."""
    parts = []
    if shares.alone:
        parts.append(f"in {shares.alone} of {shares.races} races no contender overlapped the winner")
    if shares.unsettled:
        parts.append(f"in {shares.unsettled} of {shares.races} it is not known who won")
    if shares.aside:
        left = "" if shares.races else ", and there were no others"
        parts.append(f"{shares.aside} that prove nothing were set aside, because a fault touched them{left}")
    if settled:
        parts.append(f"{settled} were settled by a trail or a later answer")
    return "; ".join(parts)


def word_winners(case: Case, race: Race, settled: Settled) -> Finding:
    contenders = find_contenders(case, race)
    rows = contenders.filter(pl.col("outcome") == "won")["row"].to_list() + list(settled.rows)
    records = case.records(rows)
    title, words = say_two_winners(records)
    words += f"\n\n{settled.by}" if settled.by else ""
    return make_finding("one-winner", records, title, words)


def word_no_winner(case: Case, race: Race, settled: Settled) -> Finding:
    records = case.records(find_contenders(case, race)["row"])
    title, words = say_no_winner(records, settled.by)
    return make_finding("one-winner", records, title, words)


def word_open(case: Case, race: Race) -> Finding:
    contenders = find_contenders(case, race)
    records = case.records(contenders["row"])
    title, words = say_open_race(records)
    return make_finding("one-winner", records, title, words, Verdict.UNKNOWN)


def word_alone(reason: str) -> Finding:
    return Finding("one-winner", Verdict.UNKNOWN, f"Too many races prove nothing: {reason}.")


def make_finding(check: str, records: list[Race], title: str, words: str, verdict: Verdict = Verdict.FAIL) -> Finding:
    first = records[0]
    return Finding(
        check, verdict, title, words, tuple(each["id"] for each in records), first["workflow"], first["race"]
    )


def check_conflict_count(case: Case) -> CheckResult:
    """In every race, contenders = winners + conflicts + unknowns: whoever else was answered, got a conflict."""
    races = case.races
    if races.is_empty():
        return not_applicable("conflict-count", "the history has no races", "races")
    odd = races.filter(pl.col("refused") + pl.col("ok") > 0)
    suspicions = []
    for race in odd.iter_rows(named=True):
        exists = find_odd(case, race).filter((pl.col("outcome") == "ok") | exists_before(case, race["w"])).height > 0
        verdict = Verdict.FAIL if exists else Verdict.UNKNOWN
        suspicions.append(Suspicion(verdict, partial(word_odd, case, race, verdict)))
    return conclude(case, "conflict-count", judged=races.height, unit="races", suspicions=suspicions)


def find_odd(case: Case, race: Race) -> pl.DataFrame:
    """The contenders that were answered, and neither won nor lost."""
    return find_contenders(case, race).filter(pl.col("outcome").is_in(["refused", "ok"]))


def exists_before(case: Case, w: int) -> pl.Expr:
    """Whether the workflow is known to have existed when an operation began: its create is not in doubt, or somebody
    had been answered about it.
    """
    ops = case.evidence.slice(w).filter("mine")
    creates = ops.filter(pl.col("kind") == "create")["outcome"]
    if "ok" in creates or "unknown" not in creates:
        return pl.lit(value=True)
    since = ops.filter(pl.col("outcome").is_in(["won", "ok", "conflict"]))["ends"].min()
    return pl.lit(value=False) if since is None else pl.col("begins") > since


def word_odd(case: Case, race: Race, verdict: Verdict) -> Finding:
    records = case.records(find_odd(case, race)["row"])
    title, words = say_no_conflict(records[0], records[0]["race"])
    if again := say_try_again(each["status"] for each in records):
        words += f"\n\n{again.strip()}"
    if verdict is Verdict.UNKNOWN:
        words += "\n\nWhether the workflow existed is not known: its create was not answered."
    return make_finding("conflict-count", records, title, words, verdict)
