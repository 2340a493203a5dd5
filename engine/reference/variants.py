"""Variants: engines that differ from the reference in one thing, each a file in the folder of its kind.

A file `some_mistake.py` in engine/reference/defects/ is the defect `some-mistake`; one in engine/reference/controls/ is
a control. A variant replaces parts of the reference and leaves the others alone, so that what a check says of it is
said of that one thing.
"""

import importlib
import pkgutil
from dataclasses import dataclass
from pathlib import Path
from types import ModuleType
from typing import TYPE_CHECKING

from engine.reference.errors import UnknownVariant

if TYPE_CHECKING:
    from engine.reference.parts import Parts


@dataclass(frozen=True)
class Registry:
    """The variants of one kind: the files of `engine.<kind>s`, by their names."""

    kind: str

    def list(self) -> tuple[str, ...]:
        """Every name, sorted."""
        folder = Path(__file__).with_name(f"{self.kind}s")
        return tuple(sorted(module.name.replace("_", "-") for module in pkgutil.iter_modules([str(folder)])))

    def find(self, name: str) -> ModuleType:
        """The variant's module. Raises UnknownVariant, which names all."""
        if name not in self.list():
            raise UnknownVariant(self.kind, name, self.list())
        return importlib.import_module(f"engine.reference.{self.kind}s.{name.replace('-', '_')}")

    def describe(self, name: str) -> str:
        """What it does otherwise, in its own words. Raises UnknownVariant."""
        return (self.find(name).__doc__ or "").strip()


DEFECTS = Registry("defect")
CONTROLS = Registry("control")


def choose_parts(defect: str | None, control: str | None = None) -> "Parts":
    """The parts of the engine that was asked for, by default the reference. Raises UnknownVariant."""
    from engine.reference.workflows import REFERENCE  # the names of the variants are read without the engine

    parts = REFERENCE
    if defect is not None:
        parts = DEFECTS.find(defect).break_parts(parts)
    if control is not None:
        parts = CONTROLS.find(control).change_parts(parts)
    return parts
