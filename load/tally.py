"""The live tally: what a run has come to so far, for display alone. The verdict comes from the journals."""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from math import ceil, log
from typing import Any

from load.client.ask import Reply
from load.script_run import RoundResult
from load.scripts import Group

# Spreads are counted in classes, each this much wider than the one before: a few dozen numbers in every run.
SPREAD_STEP = 1.25
SPREAD_FIRST_NS = 1000


@dataclass
class Tally:
    """Counts; `spreads` maps a class of release spread to how many races fell into it."""

    races: int = 0
    rounds: int = 0
    winners: int = 0
    conflicts: int = 0
    stale: int = 0
    unknowns: int = 0
    answers: int = 0
    violations: int = 0
    spreads: Counter[int] = field(default_factory=Counter)

    def count(self, result: RoundResult) -> None:
        """Adds a round. Each source counts the answers that it got; the leader counts the round itself."""
        for reply in result.sent:
            self.answers += 1
            self.winners += reply.outcome == "won"
            self.conflicts += reply.outcome == "conflict"
            self.stale += reply.outcome == "stale"
            self.unknowns += reply.outcome == "unknown"
        self.violations += bool(list_violations(result))
        if result.leads:
            self.rounds += 1
            self.races += result.round.races
            self.spreads[classify(result.spread_ns)] += result.round.races

    def pack(self) -> dict[str, Any]:
        """The tally as plain data, for messages and files."""
        counts: dict[str, Any] = {name: getattr(self, name) for name in COUNTS}
        return {**counts, "spreads": {str(key): count for key, count in sorted(self.spreads.items())}}


COUNTS = ("races", "rounds", "winners", "conflicts", "stale", "unknowns", "answers", "violations")


def merge(packed: list[Mapping[str, Any]]) -> Tally:
    """The tallies of several workers as one."""
    merged = Tally(**{name: sum(each[name] for each in packed) for name in COUNTS})
    for each in packed:
        merged.spreads.update({int(key): count for key, count in each["spreads"].items()})
    return merged


def list_violations(result: RoundResult) -> list[str]:
    """What a round shows, without any search, to be wrong with the engine; a sentence each, without names of workflows.

    Each source tells of the answers that it got; the leader of the groups.
    """
    told = [describe_wrong(reply) for reply in result.replies if is_wrong(reply)]
    groups = zip(result.round.groups, result.outcomes, strict=True) if result.leads else ()
    return told + [words for group, outcomes in groups if (words := describe_group(group, outcomes))]


def describe_group(group: Group, outcomes: Sequence[str]) -> str:
    """That too many won, or none and all answers were conflicts; else empty. A lone move that is due must win, too."""
    won, due = outcomes.count("won"), group.is_race or (len(group.calls) == 1 and group.winners_max == 1)
    moves = " or ".join(sorted({f"{call.origin} -> {call.to}" for call in group.calls if call.to}))
    if won > group.winners_max:
        most = {0: "none", 1: "exactly one"}.get(group.winners_max, f"at most {group.winners_max}")
        return f"{won} of {len(outcomes)} requests for {moves} won: {most} of them can have won"
    if due and not group.may_lose and bool(outcomes) and set(outcomes) <= {"conflict", "stale"}:
        return f"none of {len(outcomes)} requests for {moves} won: all were told that another one had"
    return ""


def describe_wrong(reply: Reply) -> str:
    problem, what = reply.classified.problem, reply.ask.call.to or reply.ask.call.kind
    if problem is not None:
        return f"{what}: {problem}"
    if reply.ask.call.tenant:
        return f"{what}: another tenant's request was answered as {reply.outcome}"
    return f"{what}: a legal request of the owner was refused ({reply.exchange.answer.status})"


def is_wrong(reply: Reply) -> bool:
    """Whether one answer is wrong, independent of the others."""
    if reply.classified.problem is not None:
        return True
    if reply.ask.call.tenant:
        return reply.outcome not in ("refused", "unknown")
    # A request without the current version is refused rightly, and so may be one with a key that another one has used.
    return reply.outcome == "refused" and not reply.ask.call.version and not reply.ask.call.key


def classify(spread_ns: int) -> int:
    """The class of a spread: class n reaches up to SPREAD_FIRST_NS * SPREAD_STEP ** n."""
    return max(0, ceil(log(spread_ns / SPREAD_FIRST_NS, SPREAD_STEP))) if spread_ns else 0


def describe_spread(tally: Tally) -> dict[str, float | None]:
    return {f"spread_p{percent}_ms": find_spread_ms(tally, percent / 100) for percent in (50, 95)}


def find_spread_ms(tally: Tally, share: float) -> float | None:
    """The spread that this share of the races kept within, in milliseconds, rounded up to its class."""
    wanted = share * sum(tally.spreads.values())
    seen = 0
    for number, count in sorted(tally.spreads.items()):
        seen += count
        if seen >= wanted:
            return SPREAD_FIRST_NS * SPREAD_STEP**number / 1e6
    return None
