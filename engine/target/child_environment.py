"""Makes the environment of the user's programs: ours without our own settings."""

import os
import sys
from collections.abc import Mapping
from pathlib import Path

from engine.target import run_copy, secrets

# The folder of our packages: in the wheel `rooms`, in a clone the clone.
ROOMS = Path(__file__).parents[2]
OWN_COMMAND = "onewinner"
OWN_VARIABLES = ("PYTHONPATH", secrets.VARIABLE, secrets.LEARNED, run_copy.VARIABLE)


def clean_environment(environment: Mapping[str, str]) -> dict[str, str]:
    """The environment without our packages on PYTHONPATH and our secrets, with this Python's folder on PATH.

    The folder stands at the end of PATH, so a target finds `onewinner` and `python` without an activated environment.
    """
    folders = environment.get("PYTHONPATH", "").split(os.pathsep)
    kept = os.pathsep.join(folder for folder in folders if folder and Path(folder) != ROOMS)
    path = os.pathsep.join([environment.get("PATH") or os.defpath, str(Path(sys.executable).parent)])
    cleaned = {name: value for name, value in environment.items() if name not in OWN_VARIABLES}
    return {**cleaned, "PATH": path, **({"PYTHONPATH": kept} if kept else {})}


def find_own(word: str) -> str:
    """The program of a command's first word: `onewinner` is this installation, also if PATH has another one."""
    own = Path(sys.executable).with_name(OWN_COMMAND)
    return str(own) if word == OWN_COMMAND and own.exists() else word
