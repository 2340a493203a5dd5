"""Engines that are right in another way, one file per control: every check must pass on each of them.

A file `another_way.py` is the control `another-way`; it has `change_parts(parts) -> parts`, and its docstring says what
it does otherwise and why that is right.
"""

from engine.reference.variants import list_variants


def list_controls() -> tuple[str, ...]:
    """The names of all controls, sorted."""
    return list_variants("control")
