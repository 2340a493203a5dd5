"""Lists and finds the variants of the reference engine: defects and controls, one file each.

The file defects/some_mistake.py is the defect `some-mistake`. A variant replaces as few parts of the reference as it
can, so that the result of a check concerns that one change.
"""

import importlib
import pkgutil
from pathlib import Path
from types import ModuleType
from typing import TYPE_CHECKING

from engine.reference.errors import UnknownVariant

if TYPE_CHECKING:
    from engine.reference.parts import Parts


def list_variants(kind: str) -> tuple[str, ...]:
    """The names of all variants of a kind, "defect" or "control", sorted."""
    folder = Path(__file__).with_name(f"{kind}s")
    return tuple(sorted(module.name.replace("_", "-") for module in pkgutil.iter_modules([str(folder)])))


def find_variant(kind: str, name: str) -> ModuleType:
    """The variant's module. Raises UnknownVariant, which names all."""
    if name not in list_variants(kind):
        raise UnknownVariant(kind, name, list_variants(kind))
    return importlib.import_module(f"engine.reference.{kind}s.{name.replace('-', '_')}")


def choose_parts(defect: str | None, control: str | None = None) -> "Parts":
    """The parts of a variant; without a name those of the reference. Raises UnknownVariant."""
    from engine.reference.workflows import REFERENCE  # the names of the variants are read without the engine

    kind, name = ("defect", defect) if defect is not None else ("control", control)
    parts: Parts = REFERENCE if name is None else find_variant(kind, name).PARTS
    return parts
