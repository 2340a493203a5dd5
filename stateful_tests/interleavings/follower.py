"""Follows a race file: the statements that it recorded, by their text, each with the fault that it met. No I/O."""

from collections.abc import Sequence
from dataclasses import dataclass

from reports.judge.schedules import Line, Race
from stateful_tests.interleavings.schedule import NAMES, Choice, Option
from stateful_tests.interleavings.statements import shape


@dataclass
class Follower:
    """Chooses as the race did. `left` are the recorded statements that are still to come; `strayed` says that others
    came than were recorded, or that one of those did not come.
    """

    left: list[Line]
    strayed: bool = False

    @classmethod
    def of(cls, race: Race) -> "Follower":
        """Of a file without statements, which was written by hand, the letters and the faults of the steps are kept."""
        letters = [Line(name, "", fault=race.faults.get(step)) for step, name in enumerate(race.order, start=1)]
        return cls(list(race.steps) or letters)

    @property
    def has_left(self) -> bool:
        """Whether what was run is another order than the recorded one."""
        return self.strayed or bool(self.left)

    def __call__(self, options: Sequence[Option]) -> Choice | None:
        held = {NAMES[option.task]: option for option in options}
        while self.left:
            line = self.left[0]
            option = held.get(line.session)
            if option is not None and (not line.sql or shape(option.sql) == shape(line.sql)):
                self.left.pop(0)
                return Choice(option.task, line.fault)
            self.strayed = True
            if option is None or any(self.is_later(other, option) for other in self.left[1:]):
                # It is not there to go, or further on already: what was recorded does not come.
                self.left.pop(0)
                continue
            return Choice(option.task)
        self.strayed = True
        return Choice(options[0].task)

    def is_later(self, line: Line, option: Option) -> bool:
        return NAMES[option.task] == line.session and shape(option.sql) == shape(line.sql)
