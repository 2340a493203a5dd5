"""one-winner: who won each race, and how many races prove nothing."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import polars as pl

from reports.history.history import Record
from reports.judge.context import CheckContext, conclude, doubt, fail, make_finding, not_applicable
from reports.judge.evidence.races import Race, contends
from reports.judge.limits import INCONCLUSIVE_SHARE_MAX
from reports.judge.movers import UNTOLD, count_movers
from reports.judge.race_resolution import ResolvedRace, find_contenders, resolve_races
from reports.judge.text.finding_text import (
    describe_movers,
    describe_no_winner,
    describe_open_race,
    describe_outside,
    describe_repeats,
    describe_two_winners,
)
from reports.judge.verdict import CheckResult, Finding, Verdict


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


def check_one_winner(context: CheckContext) -> CheckResult:
    """Every race has exactly one winner. Unknown when too many races prove nothing."""
    every, repeated = context.races, count_movers(context)
    if every.is_empty():
        return not_applicable("one-winner", "no requests raced for a move", "races")
    untold = [race for race, movers in repeated if movers is None]
    races = leave_out(every, untold)
    if races.is_empty():
        return not_applicable("one-winner", UNTOLD, "races")
    suspicions = [fail(report_movers, context, race) for race, movers in repeated if (movers or 0) > 1]
    open_races: list[Race] = []
    resolved_count = 0
    for race, resolved in resolve_races(context, races):
        resolved_count += resolved.by != "" and resolved.winners == 1
        if resolved.winners is None:
            open_races.append(race)
        elif resolved.winners > 1:
            suspicions.append(fail(report_winners, context, race, resolved))
        elif resolved.winners == 0:
            suspicions.append(fail(report_no_winner, context, race, resolved))
    touched = find_touched(context)
    still_open = [race for race in open_races if (race.w, race.race) not in touched]
    shares = count_shares(races, touched, len(open_races), len(still_open))
    reason = describe_shares(shares, resolved_count)
    if untold:
        reason = "; ".join(filter(None, [reason, f"{len(untold)} of {every.height} races are left out: {UNTOLD}"]))
    if shares.prove_too_little(context.evidence.find_share(INCONCLUSIVE_SHARE_MAX)):
        doubts = [doubt(report_open, context, race) for race in still_open]
        too_few = f"Too many races prove nothing: {reason}."
        suspicions += doubts or [doubt(Finding, "one-winner", Verdict.UNKNOWN, too_few)]
    return conclude(context, "one-winner", judged=races.height, unit="races", suspicions=suspicions, reason=reason)


def leave_out(races: pl.DataFrame, left: Sequence[Race]) -> pl.DataFrame:
    """The races without these."""
    if not left:
        return races
    gone = pl.DataFrame(
        [(race.w, race.race) for race in left],
        schema={name: races.schema[name] for name in ("w", "race")},
        orient="row",
    )
    return races.join(gone, on=["w", "race"], how="anti", maintain_order="left")


def report_movers(context: CheckContext, race: Race) -> Finding:
    records = take_records(context, find_contenders(context, race).filter(pl.col("outcome") == "won")["row"])
    return make_finding("one-winner", records, describe_movers(records))


def take_records(context: CheckContext, rows: Iterable[int]) -> list[Record]:
    """Contenders in full. Those that contend for a request with their key come last: they name no race."""
    return sorted(context.records(rows), key=lambda record: record.race is None)


def find_touched(context: CheckContext) -> set[tuple[int, int]]:
    """The races, by workflow number and race, of which a fault touched a contender."""
    if not context.faults.all:
        return set()
    return set(context.ops.filter(contends() & context.touched_by_fault).select("w", "race").unique().iter_rows())


def count_shares(races: pl.DataFrame, touched: set[tuple[int, int]], unsettled: int, still_open: int) -> Shares:
    """`unsettled` races are open; `still_open` are those of them that no fault touched."""
    alone = races.filter((pl.col("won") == 1) & ~pl.col("overlapped")).select("w", "race")
    still_alone = sum(race not in touched for race in alone.iter_rows()) if touched else alone.height
    aside = alone.height - still_alone + unsettled - still_open
    return Shares(races.height - aside, still_alone, still_open, aside)


def describe_shares(shares: Shares, resolved: int) -> str:
    """What is to be known of the races beyond their count; empty when nothing is."""
    parts = []
    if shares.alone:
        parts.append(f"in {shares.alone} of {shares.races} races no contender overlapped the winner")
    if shares.unsettled:
        parts.append(f"in {shares.unsettled} of {shares.races} it is not known who won")
    if shares.aside:
        left = "" if shares.races else ", and there were no others"
        parts.append(f"{shares.aside} that prove nothing were set aside, because a fault touched them{left}")
    if resolved:
        parts.append(f"{resolved} were settled by a trail or a later answer")
    return "; ".join(parts)


def report_winners(context: CheckContext, race: Race, resolved: ResolvedRace) -> Finding:
    contenders = find_contenders(context, race)
    rows = contenders.filter(pl.col("outcome") == "won")["row"].to_list() + list(resolved.rows)
    records = take_records(context, rows)
    title, words = describe_two_winners(records)
    repeats = describe_repeats(count_rows(context, race.w, records), len(records))
    notes = [resolved.by, repeats, describe_outside(records)]
    return make_finding("one-winner", records, (title, "\n\n".join(filter(None, [words, *notes]))))


def count_rows(context: CheckContext, w: int, records: Sequence[Record]) -> int:
    """How many rows the fullest reading of the workflow's trail has for the move that these requests won, if they asked
    for the same.
    """
    [to, *others] = {record.next for record in records}
    trails = context.evidence.trails.filter(pl.col("w") == w, pl.col("to").cast(pl.String) == to)
    return 0 if others or trails.is_empty() else int(trails.group_by("trail").len()["len"].max() or 0)  # type: ignore[arg-type]


def report_no_winner(context: CheckContext, race: Race, resolved: ResolvedRace) -> Finding:
    records = take_records(context, find_contenders(context, race)["row"])
    return make_finding("one-winner", records, describe_no_winner(records, resolved.by))


def report_open(context: CheckContext, race: Race) -> Finding:
    records = take_records(context, find_contenders(context, race)["row"])
    return make_finding("one-winner", records, describe_open_race(records), Verdict.UNKNOWN)
