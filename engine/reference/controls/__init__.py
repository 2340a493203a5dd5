"""Controls: correct engines that work in another way, one per file. Every check must pass on each of them.

The file `another_way.py` is the control `another-way`. It has its `PARTS`, and a docstring that explains the difference
and why it is correct.
"""

from engine.reference.variants import list_variants


def list_controls(engine: str | None = None) -> tuple[str, ...]:
    """The names of all controls, sorted; or only those of one engine (see variants.find_engine)."""
    return list_variants("control", engine)
