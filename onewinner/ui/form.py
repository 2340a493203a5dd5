"""The form that starts a gate: what may be chosen, and the arguments of `onewinner gate` that follow."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from urllib.parse import parse_qs

from onewinner.exits import UsageError
from onewinner.profiles import LEVEL_MEANINGS, PROFILES
from onewinner.ui.targets import Engine
from reports.documents.run_folder import name_folder

BODY_BYTES_MAX = 64 << 10
FIELDS_MAX = 100


def read_form(body: bytes) -> Mapping[str, Sequence[str]]:
    """The fields of a form. Raises UsageError."""
    try:
        return parse_qs(body.decode("ascii"), max_num_fields=FIELDS_MAX)
    except ValueError:
        raise UsageError("The form cannot be read.") from None


def choose_arguments(form: Mapping[str, Sequence[str]], engines: Sequence[Engine]) -> tuple[Engine, list[str]]:
    """The engine, and the arguments of the gate. Only what the form offers is taken. Raises UsageError."""
    (key,) = form.get("engine", [""])[:1]
    engine = next((each for each in engines if each.key == key), None)
    if engine is None:
        raise UsageError("Choose one of the engines that the form offers.")
    (profile,) = form.get("profile", ["quick"])[:1]
    levels = form.get("level", [])
    if profile not in PROFILES or not set(levels) <= LEVEL_MEANINGS.keys():
        raise UsageError("Choose a profile and levels that the form offers.")
    chosen = [part for level in LEVEL_MEANINGS if level in levels for part in ("--level", level)]
    return engine, [*engine.options, "--profile", profile, *chosen]


def choose_run_folder(root: Path, engine: Engine) -> Path:
    """The run directory, named as a gate names it: the moment, and the engine."""
    return root / name_folder(Path(engine.name).stem).name
