"""Versions: what one source knows of the versions of its workflows, and which may not be current any more. Pure.

A version is a value that a read saves and a later request carries, such as an ETag.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from typing import Any

import msgspec


@dataclass(frozen=True)
class Told:
    """A version that an answer told, with the state that it told; `moves` counts the wins of the workflow before it."""

    version: str
    state: str | None
    moves: int


@dataclass(frozen=True)
class Noted:
    """What an answer says: `moved`, it made a move; `may_change`, the version before it may not be current any more."""

    moved: bool = False
    may_change: bool = False
    version: str | None = None
    state: str | None = None


@dataclass
class Known:
    """Of one workflow."""

    told: list[Told] = field(default_factory=list)
    moves: int = 0
    is_current: bool = False


@dataclass
class Versions:
    """By the harness's name of a workflow."""

    workflows: dict[str, Known] = field(default_factory=dict)

    def is_current(self, workflow: str) -> bool:
        return workflow in self.workflows and self.workflows[workflow].is_current

    def note(self, workflow: str, answers: Sequence[Noted]) -> None:
        """Takes the answers to requests that were in flight together, in the order of their return."""
        known = self.workflows.setdefault(workflow, Known())
        known.moves += sum(answer.moved for answer in answers)
        told = [Told(each.version, each.state, known.moves) for each in answers if each.version is not None]
        known.told += told
        changed = any(answer.may_change for answer in answers)
        # The only answer that may have changed the version tells the new one; of several, any may be the last.
        known.is_current = (
            bool(told) if changed and len(answers) == 1 else not changed and (bool(told) or known.is_current)
        )

    def find_old(self, workflow: str, state: str) -> str | None:
        """A version that was told before the last move, and is not told as current: the first one of this state, else
        the first of all.

        Services may tell a version again: one that hashes what is stored does when the workflow came back to a state.
        """
        known = self.workflows.get(workflow, Known())
        current = known.told[-1].version if known.is_current else None
        old = [each for each in known.told if each.moves < known.moves and each.version != current]
        return next((each.version for each in old if each.state == state), old[0].version if old else None)

    def forget(self, workflow: str) -> None:
        self.workflows.pop(workflow, None)

    def tell(self, workflows: Iterable[str]) -> dict[str, Any]:
        """What is known of these workflows, for another source that asks about them too."""
        return {name: asdict(self.workflows[name]) for name in workflows if name in self.workflows}

    def adopt(self, told: Mapping[str, Mapping[str, Any]]) -> None:
        """What another source told."""
        self.workflows.update(msgspec.convert(told, dict[str, Known]))
