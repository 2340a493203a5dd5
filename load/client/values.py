"""ValueStore: the values that answers gave one source, by scope. Knows nothing of Locust, sends nothing.

A value of a workflow goes before one of the user, of the tenant, of the run. A later answer overwrites.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

from engine.target.http_answer import Answer
from engine.target.target import Target
from engine.target.template import NO_VALUES, Value, Values
from engine.target.values import Saving, find_values

Scope = dict[str, Value]


@dataclass
class ValueStore:
    """The values of one source. Those of the run and of tenants begin with what the set-up saved (`target.saved`)."""

    target: Target
    workflows: dict[str, Scope] = field(default_factory=dict)

    def list(self, tenant: str, user: str = "", workflow: str = "") -> Values:  # noqa: ARG002 - a user has none yet
        """What may stand in a request of this tenant and user about the workflow."""
        return self.workflows.get(workflow, NO_VALUES)

    def save(self, workflow: str, savings: Iterable[Saving], answer: Answer) -> None:
        """Takes the values of an answer about a workflow."""
        if found := find_values(savings, answer):
            self.workflows.setdefault(workflow, {}).update(found)

    def forget(self, workflow: str) -> None:
        self.workflows.pop(workflow, None)

    def tell(self, workflows: Iterable[str]) -> dict[str, Any]:
        """What is known of these workflows, for another source that asks about them too."""
        return {name: self.workflows[name] for name in workflows if name in self.workflows}

    def adopt(self, told: Mapping[str, Scope]) -> None:
        """What another source told."""
        self.workflows.update({name: dict(values) for name, values in told.items()})
