"""The engines that a gate can be started on: the target files below a folder, and the reference engine."""

import os
import tomllib
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from engine.reference.defects import list_defects
from engine.target.plain_file import MALFORMED, read_plain
from onewinner.engine_choice import BUNDLED_NAMES

DEPTH_MAX = 3
FOLDERS_MAX = 2_000
IGNORED = {"node_modules", "site-packages", "venv", "__pycache__"}
FILES, REFERENCE, BROKEN = "target files", "reference engine", "reference engine, broken on purpose"


@dataclass(frozen=True)
class Engine:
    """An engine to choose: its name, its group, and the options of a gate that choose it."""

    name: str
    group: str
    options: tuple[str, ...]

    @property
    def key(self) -> str:
        """What the form sends."""
        return f"{self.group}: {self.name}"


def list_engines(folder: Path, runs: Path) -> list[Engine]:
    """The target files below a folder first; copies that stand in runs are none."""
    files = [Engine(str(file), FILES, ("--target", str(file))) for file in find_target_files(folder, runs)]
    # By its name: without --target a gate takes the target.toml of the folder.
    bundled = [Engine(name, REFERENCE, ("--target", name)) for name in BUNDLED_NAMES]
    broken = [Engine(name, BROKEN, ("--defect", name)) for name in list_defects()]
    return [*files, *bundled, *broken]


def find_target_files(folder: Path, runs: Path) -> list[Path]:
    found = (file for file in walk_files(folder, runs.resolve()) if is_target_file(folder / file))
    return sorted(found, key=lambda file: (len(file.parts), file))


def walk_files(folder: Path, runs: Path) -> Iterator[Path]:
    """The TOML files near the top of a folder, as paths within it; not those of hidden folders, nor of links."""
    for number, (place, folders, names) in enumerate(os.walk(folder)):
        within = Path(place).relative_to(folder)
        if number >= FOLDERS_MAX:
            return
        deeper = len(within.parts) < DEPTH_MAX
        folders[:] = sorted(each for each in folders if deeper and is_looked_into(Path(place, each), runs))
        yield from (within / name for name in names if name.endswith(".toml"))


def is_looked_into(folder: Path, runs: Path) -> bool:
    """Not the runs, which hold copies of target files, nor what is hidden or installed."""
    is_named_out = folder.name.startswith(".") or folder.name in IGNORED
    return not is_named_out and folder.resolve() != runs and not (folder / "run.json").exists()


def is_target_file(file: Path) -> bool:
    """Whether a TOML file says where a service is, and what it moves or gives out."""
    try:
        told = tomllib.loads(read_plain(file).decode())
    except (OSError, *MALFORMED):
        return False
    return isinstance(told.get("base_url"), str) and bool({"workflow", "capacity"} & told.keys())
