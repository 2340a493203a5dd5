"""Answer rules: which answers have one meaning, by status and, where the body decides, by a condition (`when`). Pure.

Meanings has those of an advance. An answer that two meanings fit has none: the file must tell them apart. What reads
the rules of a target file raises Mistake where one status has two meanings.
"""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field, fields, replace
from itertools import combinations

from engine.target.file_tables import REFUSED, AdvanceTable, Answers, EdgeTable, SaveTable, WhenTable
from engine.target.http_answer import Answer
from engine.target.value_checks import Mistake
from engine.target.value_places import Place, read_place

SERVER_ERROR = 500
UNAVAILABLE = 503
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
        other = next(each for each in own if each[0] != own[0][0])
        first, second = (f"{statuses.key} ({rule})" for _, statuses, rule in (own[0], other))
        return Meaning(ambiguous=f"the answer fits {first} and {second}; let one condition exclude the other")
    return Meaning(own[0][0]) if own else Meaning()


def is_true(when: Place, answer: Answer) -> bool:
    """Whether the answer has it: of a JMESPath, something in a JSON answer that is neither null, false nor empty."""
    if when.path is None or when.match is not None:
        return when.find(answer) is not None
    document = answer.json()
    is_json = document is not None or answer.body.strip() == b"null"
    path = when.path.fill(answer.carried) if when.path.placeholders else when.path
    found = path.find(document) if is_json else None
    return found is not None and found is not False and found not in ("", [], {})


# Where a condition may compare the answer with its request.
FILLED_AT = ("advance", "capacity")
# The meanings that [advance] lists.
MEANINGS = tuple(each.name for each in fields(Meanings) if each.name in AdvanceTable.__struct_fields__)
# The meanings that no answer need have.
MAY_BE_EMPTY = ("refused", "busy", "stale", "precondition_required", "accepted")


def read_meanings(table: AdvanceTable, edge: EdgeTable | None = None, index: int = 0) -> Meanings:
    """What the answers to an advance mean: the edge's own statuses, else those of [advance]."""
    read = {name: read_meaning(name, table, edge, index) for name in MEANINGS}
    for first, second in combinations(read.values(), 2):
        refuse_second_meaning(second, first)
    read["refused"] = leave_out(read["refused"], read.values())
    return Meanings(**read)


def read_meaning(name: str, table: AdvanceTable, edge: EdgeTable | None, index: int) -> Statuses:
    key, entries = f"advance.{name}", getattr(table, name)
    if edge is not None and getattr(edge, name) is not None:
        key, entries = f"advance.edges[{index}].{name}", getattr(edge, name)
    if entries is None:
        return Statuses(tuple(map(Rule, REFUSED)), key, is_default=True)
    statuses = read_statuses(key, entries, may_be_empty=name in MAY_BE_EMPTY)
    return make_busy(statuses) if name == "busy" else statuses


def leave_out(statuses: Statuses, others: Iterable[Statuses]) -> Statuses:
    """A default without the statuses that always mean something else; what is no default stays as it is."""
    if not statuses.is_default:
        return statuses
    taken = {rule for each in others if not each.is_default for rule in each.rules}
    return replace(statuses, rules=tuple(rule for rule in statuses.rules if rule not in taken))


def read_statuses(key: str, entries: Answers, *, may_be_empty: bool = False) -> Statuses:
    if not entries and not may_be_empty:
        raise Mistake(key, "must name at least one status")
    return Statuses(tuple(read_rule(key, place, entry) for place, entry in enumerate(entries)), key)


def read_optional_statuses(key: str, entries: Answers | None, default: Statuses) -> Statuses:
    return default if entries is None else read_statuses(key, entries)


def read_rule(key: str, place: int, entry: int | WhenTable) -> Rule:
    status = entry if isinstance(entry, int) else entry.status
    if not 100 <= status <= 599:
        raise Mistake(key, f"{status} is no HTTP status; write one from 100 to 599")
    return Rule(status, None if isinstance(entry, int) else read_condition(f"{key}[{place}].when", entry.when))


def read_condition(key: str, source: str | SaveTable) -> Place:
    """What must be in an answer. Raises Mistake."""
    place = read_place(key, source)
    is_filled = key.startswith(FILLED_AT) and ".poll." not in key
    if place.path is not None and place.path.placeholders and not is_filled:
        name = min(place.path.placeholders)
        raise Mistake(key, f"{{{name}}} is not filled in here; it is in the conditions of {' and '.join(FILLED_AT)}")
    return place


def make_busy(statuses: Statuses) -> Statuses:
    """Of server errors only an unavailable service says that nothing happened, and only with Retry-After."""
    for rule in statuses.rules:
        if rule.status >= SERVER_ERROR and rule.status != UNAVAILABLE:
            raise Mistake(
                statuses.key,
                f"{rule.status} does not say that nothing happened; of the server errors only {UNAVAILABLE} does",
            )
    return replace(statuses, rules=tuple(replace(rule, asks_again=True) for rule in statuses.rules))


def refuse_second_meaning(second: Statuses, first: Statuses) -> None:
    """No answer may mean both, as far as the file alone shows it. A default is no meaning beside another one."""
    refuse_same(second, first)
    for a, b in pair(first, second):
        if a.when is None or b.when is None:
            plain, other = (first, second) if a.when is None else (second, first)
            raise Mistake(
                plain.key,
                f"{a.status} stands here for every answer with that status, and in {other.key} with a condition; "
                "give it a condition here too",
            )


def refuse_same(second: Statuses, first: Statuses) -> None:
    for a, b in pair(first, second):
        if a.when == b.when:
            raise Mistake(second.key, f"{b} is also in {first.key}; a status can mean one thing only")


def pair(first: Statuses, second: Statuses) -> list[tuple[Rule, Rule]]:
    """The rules of both that have the same status."""
    if first.is_default or second.is_default:
        return []
    return [(a, b) for a in first.rules for b in second.rules if a.status == b.status]
