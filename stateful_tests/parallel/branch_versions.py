"""The version of a workflow that each branch of a plan knows: what its own answers told it, or else what all were told
before the branches began. Pure.
"""

from dataclasses import dataclass, field, replace

from engine.target.target import Target
from load.client.ask import Ask, Reply, carries_version, read_version


@dataclass
class BranchVersions:
    """`begun` has the version of each workflow from before the branches; `told`, by branch and workflow, later ones."""

    target: Target
    begun: dict[str, str | None]
    told: dict[tuple[int, str], str] = field(default_factory=dict)

    def carry(self, branch: int, ask: Ask) -> Ask:
        """The Ask with the version that this branch knows."""
        if ask.call.version or not carries_version(self.target, ask):
            return ask
        return replace(ask, version=self.told.get((branch, ask.workflow), self.begun.get(ask.workflow)))

    def note(self, branch: int, reply: Reply) -> None:
        version = read_version(self.target, reply)
        if version is not None:
            self.told[branch, reply.ask.workflow] = version
