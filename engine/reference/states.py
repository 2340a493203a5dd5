"""The reference workflow: nine steps, 35 states, 73 legal edges. Pure."""

from dataclasses import dataclass
from enum import StrEnum

from engine.target.graph import TransitionGraph

CREATED = "CREATED"
COMPLETED = "COMPLETED"
CANCELLED = "CANCELLED"


class Kind(StrEnum):
    """The kind of a step. Work has PENDING, PROCESSING, COMPLETED, FAILED; review has PENDING, COMPLETED."""

    WORK = "work"
    REVIEW = "review"


@dataclass(frozen=True)
class Step:
    """One step: its name in routes, the prefix of its states, and its kind."""

    number: int
    name: str
    prefix: str
    kind: Kind

    @property
    def pending(self) -> str:
        return f"{self.prefix}_PENDING"

    @property
    def processing(self) -> str:
        return f"{self.prefix}_PROCESSING"

    @property
    def completed(self) -> str:
        return f"{self.prefix}_COMPLETED"

    @property
    def failed(self) -> str:
        return f"{self.prefix}_FAILED"

    @property
    def states(self) -> tuple[str, ...]:
        if self.kind is Kind.REVIEW:
            return (self.pending, self.completed)
        return (self.pending, self.processing, self.completed, self.failed)


STEPS = (
    Step(1, "icp-generate", "ICP", Kind.WORK),
    Step(2, "competitor-analyze", "COMPETITOR", Kind.WORK),
    Step(3, "seed-extract", "SEED_REVIEW", Kind.REVIEW),
    Step(4, "cluster-topics", "CLUSTERING", Kind.WORK),
    Step(5, "validate-clusters", "VALIDATION", Kind.WORK),
    Step(6, "approve-subtopics", "SUBTOPIC_REVIEW", Kind.REVIEW),
    Step(7, "generate-articles", "ARTICLE", Kind.WORK),
    Step(8, "link-articles", "LINKING", Kind.WORK),
    Step(9, "publish", "PUBLISH", Kind.WORK),
)
STEP_BY_NAME = {step.name: step for step in STEPS}


def make_graph() -> TransitionGraph:
    """The legal edges of the reference workflow, derived from its steps."""
    transitions: dict[str, list[str]] = {CREATED: [STEPS[0].pending, CANCELLED]}
    entrances = [step.pending for step in STEPS[1:]] + [COMPLETED]
    for step, onward in zip(STEPS, entrances, strict=True):
        if step.kind is Kind.REVIEW:
            transitions[step.pending] = [step.completed, CANCELLED]
        else:
            transitions[step.pending] = [step.processing, CANCELLED]
            transitions[step.processing] = [step.completed, step.failed, CANCELLED]
            transitions[step.failed] = [step.processing, CANCELLED]
        transitions[step.completed] = [onward, CANCELLED]
    return TransitionGraph.of(CREATED, transitions)


GRAPH = make_graph()
