"""Spelling: how a service spells the states of the graph. Pure."""

from collections.abc import Mapping
from dataclasses import dataclass, field


@dataclass(frozen=True)
class Spelling:
    """How the service spells the states that are in `spelled`; it spells the others as the file does."""

    spelled: Mapping[str, str | int] = field(default_factory=dict)

    def spell(self, state: str) -> str | int:
        """The spelling of a state for the service, a text or a number."""
        return self.spelled.get(state, state)

    def read(self, text: str | None) -> str | None:
        """The state of a spelling; an unknown text stays as it is."""
        return next((state for state, spelled in self.spelled.items() if str(spelled) == text), text)
