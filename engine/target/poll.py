"""Poll: where the outcome of a request that was accepted is told later, as [advance] poll says. Pure."""

from dataclasses import dataclass

from engine.target.answer_rules import Meanings, Statuses, make_busy, read_statuses, refuse_second_meaning
from engine.target.file_tables import PollTable
from engine.target.same_request import identify
from engine.target.savings import Saving, read_savings
from engine.target.template import Template
from engine.target.value_checks import Mistake, check_seconds
from engine.target.value_places import Place, read_optional_place

# What tells one accepted request from another, beside the values that its answer gave.
OWN = ("marker", "request_id", "key")


@dataclass(frozen=True)
class Poll:
    """The request that is sent again and again, and what its answers mean.

    An answer tells the outcome if it fits `done`, or one of the meanings where the file has no `done`. `timeout_s`: how
    long after the release (None: the target's timeout).
    """

    template: Template
    done: Statuses
    meanings: Meanings
    savings: tuple[Saving, ...] = ()
    won_state: Place | None = None
    current_state: Place | None = None
    every_s: float = 0.02
    timeout_s: float | None = None

    @property
    def identity(self) -> object:
        """Equal for two that ask and understand the same."""
        request = self.template.fill({name: f"{{{name}}}" for name in sorted(self.template.placeholders)}, {})
        return (
            identify(request),
            *(self.done, self.meanings, self.savings),
            *(self.won_state, self.current_state, self.every_s, self.timeout_s),
        )


def read_poll(key: str, table: PollTable, template: Template, savings: tuple[Saving, ...]) -> Poll:
    """`savings` are those of the answer that accepts. Raises Mistake."""
    if template.placeholders.isdisjoint((*OWN, *(saving.name for saving in savings))):
        raise Mistake(
            f"{key}.request",
            "carries nothing that tells one accepted request from another; save a value of its answer (advance.save) "
            "and put it here, or {request_id}",
        )
    check_seconds(f"{key}.every_s", table.every_s)
    if table.timeout_s is not None:
        check_seconds(f"{key}.timeout_s", table.timeout_s)
    return Poll(
        template,
        read_statuses(f"{key}.done", table.done, may_be_empty=True),
        read_poll_meanings(key, table),
        read_savings(f"{key}.save", table.save),
        read_optional_place(f"{key}.won_state", table.won_state),
        read_optional_place(f"{key}.current_state", table.current_state),
        table.every_s,
        table.timeout_s,
    )


def read_poll_meanings(key: str, table: PollTable) -> Meanings:
    won = read_statuses(f"{key}.won", table.won)
    lost = ("conflict", "refused", "stale", "busy")
    read = {name: read_statuses(f"{key}.{name}", getattr(table, name), may_be_empty=True) for name in lost}
    read["busy"] = make_busy(read["busy"])
    every = [won, *read.values()]
    for number, second in enumerate(every):
        for first in every[:number]:
            refuse_second_meaning(second, first)
    return Meanings(won=won, **read)
