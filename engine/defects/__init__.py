"""The same engine broken on purpose, one file per defect, each replacing one part of the reference.

A file `some_mistake.py` is the defect `some-mistake`; it has `break_parts(parts) -> parts`, and its docstring says
what the mistake is and what a user would notice.
"""

import importlib
import pkgutil

from engine.errors import UnknownDefect
from engine.parts import Parts


def list_defects() -> tuple[str, ...]:
    """The names of all defects, sorted."""
    return tuple(sorted(module.name.replace("_", "-") for module in pkgutil.iter_modules(__path__)))


def describe_defect(name: str) -> str:
    """What the mistake is and what a user would notice. Raises UnknownDefect."""
    return (find_module(name).__doc__ or "").strip()


def break_parts(parts: Parts, name: str) -> Parts:
    """The parts with the named mistake in them. Raises UnknownDefect."""
    broken: Parts = find_module(name).break_parts(parts)
    return broken


def find_module(name: str):  # type: ignore[no-untyped-def]
    if name not in list_defects():
        raise UnknownDefect(name, list_defects())
    return importlib.import_module(f"{__name__}.{name.replace('-', '_')}")
