"""Statuses: the answers of one meaning, by status and, where the body decides, by a JMESPath. Pure.

Meanings has those of an advance. An answer that two meanings fit has none: the file must tell them apart.
"""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field

from engine.target.http_answer import Answer
from engine.target.places import Place

SERVER_ERROR = 500
# The outcome of an answer after which a poll tells the outcome of the operation. No history has it.
ACCEPTED = "accepted"


@dataclass(frozen=True)
class Rule:
    """Answers with this status, and with something at `when`; what a JMESPath finds must be true by its rules.

    `asks_again`: a server error counts only with Retry-After.
    """

    status: int
    when: Place | None = None
    asks_again: bool = False

    def fits(self, answer: Answer) -> bool:
        if answer.status != self.status:
            return False
        if self.asks_again and self.status >= SERVER_ERROR and "retry-after" not in answer.headers:
            return False
        return self.when is None or is_true(self.when, answer)

    def __str__(self) -> str:
        return str(self.status) if self.when is None else f"{self.status} when {self.when.text!r}"


@dataclass(frozen=True)
class Statuses:
    """The rules that stand at `key` of the target file. `is_default`: they count where no other rule fits."""

    rules: tuple[Rule, ...] = ()
    key: str = field(default="", compare=False)
    is_default: bool = False

    def find(self, answer: Answer) -> Rule | None:
        """The first rule that fits."""
        return next((rule for rule in self.rules if rule.fits(answer)), None)

    def matches(self, answer: Answer) -> bool:
        return self.find(answer) is not None

    def lists(self, status: int | None) -> bool:
        """Whether a rule has this status, with or without a condition."""
        return any(rule.status == status for rule in self.rules)

    def __bool__(self) -> bool:
        return bool(self.rules)

    def __str__(self) -> str:
        return ", ".join(map(str, self.rules)) or "none"


@dataclass(frozen=True)
class Meanings:
    """What the answers to an advance mean. `busy` and `refused` are those of every request."""

    won: Statuses
    conflict: Statuses
    refused: Statuses
    busy: Statuses = Statuses()
    stale: Statuses = Statuses()
    precondition_required: Statuses = Statuses()
    accepted: Statuses = Statuses()
    in_progress: Statuses = Statuses()
    mismatch: Statuses = Statuses()

    def walk(self) -> Iterator[tuple[str, Statuses]]:
        """Each outcome of an advance, and the answers that have it."""
        yield "won", self.won
        yield "conflict", self.conflict
        yield "stale", self.stale
        yield from self.walk_common()
        yield "refused", self.precondition_required
        yield ACCEPTED, self.accepted
        yield "busy", self.in_progress
        yield "refused", self.mismatch

    def walk_common(self) -> Iterator[tuple[str, Statuses]]:
        """The outcomes that the answer to any request may have."""
        yield "busy", self.busy
        yield "refused", self.refused


@dataclass(frozen=True)
class Meaning:
    """The outcome of an answer, or else what is wrong: `ambiguous` names two rules that both fit it."""

    outcome: str | None = None
    ambiguous: str | None = None


def find_meaning(answer: Answer, meanings: Iterable[tuple[str, Statuses]]) -> Meaning:
    """The one outcome that fits; none if no rule fits, or rules of several meanings."""
    fitting = [
        (outcome, statuses, rule) for outcome, statuses in meanings if (rule := statuses.find(answer)) is not None
    ]
    own = [each for each in fitting if not each[1].is_default] or fitting
    if len({outcome for outcome, _, _ in own}) > 1:
        first, second = (f"{statuses.key} ({rule})" for _, statuses, rule in pick_apart(own))
        return Meaning(ambiguous=f"the answer fits {first} and {second}; let one condition exclude the other")
    return Meaning(own[0][0]) if own else Meaning()


def pick_apart(fitting: list[tuple[str, Statuses, Rule]]) -> tuple[tuple[str, Statuses, Rule], ...]:
    """The first of them, and the first with another outcome."""
    return fitting[0], next(each for each in fitting if each[0] != fitting[0][0])


def is_true(when: Place, answer: Answer) -> bool:
    """Whether the answer has it: of a JMESPath, something in a JSON answer that is neither null, false nor empty."""
    if when.path is None or when.match is not None:
        return when.find(answer) is not None
    document = answer.json()
    is_json = document is not None or answer.body.strip() == b"null"
    found = when.path.find(document) if is_json else None
    return found is not None and found is not False and found not in ("", [], {})
