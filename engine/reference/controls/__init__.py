"""Engines that are right in another way, one file per control: every check must pass on each of them.

A file `another_way.py` is the control `another-way`; it has `change_parts(parts) -> parts`, and its docstring says what
it does otherwise and why that is right.
"""

from engine.reference.variants import CONTROLS


def list_controls() -> tuple[str, ...]:
    """The names of all controls, sorted."""
    return CONTROLS.list()


def describe_control(name: str) -> str:
    """What it does otherwise. Raises UnknownVariant."""
    return CONTROLS.describe(name)
