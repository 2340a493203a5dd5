"""How Hypothesis generates: as much as a level asks for, from its seed alone."""

from collections.abc import Callable, Sequence
from typing import TypeVar

from hypothesis import HealthCheck, Phase, given, seed, settings
from hypothesis.strategies import SearchStrategy

T = TypeVar("T")


def configure(examples: int, phases: Sequence[Phase], steps: int = 1) -> settings:
    """That many examples, of at most so many steps: without deadlines, health checks and examples of earlier runs."""
    return settings(
        max_examples=examples,
        phases=phases,
        stateful_step_count=steps,
        deadline=None,
        database=None,
        report_multiple_bugs=False,
        suppress_health_check=list(HealthCheck),
    )


def use_examples(
    strategy: SearchStrategy[T], use: Callable[[T], None], first_seed: int, examples: int, *phases: Phase
) -> None:
    """Calls `use` with each example. Raises what `use` raises for the smallest failing one."""

    @seed(first_seed)
    @configure(examples, phases)
    @given(strategy)
    def use_one(example: T) -> None:
        use(example)

    use_one()
