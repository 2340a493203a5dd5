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
    from engine.reference.part_types import Parts
    from engine.reference.units.parts import UnitParts

# The engine of a variant that does not name another one; its target file has the same name.
WORKFLOWS = "target"


def list_variants(kind: str, engine: str | None = None) -> tuple[str, ...]:
    """The names of all variants of a kind, "defect" or "control", sorted; or only those of one engine."""
    folder = Path(__file__).with_name(f"{kind}s")
    names = sorted(module.name.replace("_", "-") for module in pkgutil.iter_modules([str(folder)]))
    return tuple(name for name in names if engine is None or find_engine_of(kind, name) == engine)


def find_variant(kind: str, name: str) -> ModuleType:
    """The variant's module. Raises UnknownVariant, which names all."""
    if name not in list_variants(kind):
        raise UnknownVariant(kind, name, list_variants(kind))
    return importlib.import_module(f"engine.reference.{kind}s.{name.replace('-', '_')}")


def choose_parts(defect: str | None, control: str | None = None, *, sends: bool = False) -> "Parts":
    """The parts of a variant; without a name those of the reference, which has an outbox if it `sends`.

    Raises UnknownVariant.
    """
    # The names of the variants are read without the engine.
    from engine.reference.outbox import WITH_OUTBOX
    from engine.reference.reference_parts import REFERENCE

    kind, name = ("defect", defect) if defect is not None else ("control", control)
    if name is None:
        return WITH_OUTBOX if sends else REFERENCE
    parts: Parts = find_variant(kind, name).PARTS
    return parts


def find_engine(defect: str | None, control: str | None = None) -> str | None:
    """The bundled target file of a variant, by its name; None without a variant. Raises UnknownVariant."""
    if defect is None and control is None:
        return None
    return find_engine_of("defect", defect) if defect is not None else find_engine_of("control", control or "")


def find_engine_of(kind: str, name: str) -> str:
    engine: str = getattr(find_variant(kind, name), "ENGINE", WORKFLOWS)
    return engine


def choose_unit_parts(defect: str | None, control: str | None = None) -> "UnitParts":
    """The parts of a variant of the engine of units; without a name those of the reference. Raises UnknownVariant."""
    from engine.reference.units.reference import REFERENCE

    kind, name = ("defect", defect) if defect is not None else ("control", control)
    parts: UnitParts = REFERENCE if name is None else find_variant(kind, name).PARTS
    return parts
