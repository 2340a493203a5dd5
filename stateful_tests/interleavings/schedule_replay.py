"""Follows a race file: the recorded statements, by their text, each with its fault. No I/O."""

from collections.abc import Sequence
from dataclasses import dataclass

from reports.judge.levels.race_file_format import Line, Race
from stateful_tests.interleavings.schedule import NAMES, Choice, Option
from stateful_tests.interleavings.statements import shape


@dataclass
class Follower:
    """Chooses as the race did. `left` are the recorded statements that have not come yet; `strayed`: another statement
    came, or a recorded one did not.
    """

    left: list[Line]
    strayed: bool = False

    @classmethod
    def of(cls, race: Race) -> "Follower":
        """A file without statements was written by hand: then the letters of its order and its faults are followed."""
        letters = [Line(name, "", fault=race.faults.get(step)) for step, name in enumerate(race.order, start=1)]
        return cls(list(race.steps) or letters)

    @property
    def has_left(self) -> bool:
        """Whether another order ran than the recorded one."""
        return self.strayed or bool(self.left)

    def __call__(self, options: Sequence[Option]) -> Choice | None:
        held = {NAMES[option.task]: option for option in options}
        while self.left:
            line = self.left[0]
            option = held.get(line.request)
            if option is not None and (not line.sql or shape(option.sql) == shape(line.sql)):
                self.left.pop(0)
                return Choice(option.task, line.fault)
            self.strayed = True
            if option is None or any(self.is_later(other, option) for other in self.left[1:]):
                # The request has no held statement, or a later one: the recorded statement does not come.
                self.left.pop(0)
                continue
            return Choice(option.task)
        self.strayed = True
        return Choice(options[0].task)

    def is_later(self, line: Line, option: Option) -> bool:
        return NAMES[option.task] == line.request and shape(option.sql) == shape(line.sql)
