"""The environment of the user's own programs: the caller's, without what we set for processes of our own."""

import os
import sys
from collections.abc import Mapping
from pathlib import Path

ROOMS = Path(__file__).parents[2]
OWN_COMMAND = "onewinner"


def clean_environment(environment: Mapping[str, str]) -> dict[str, str]:
    """The caller's PATH, and at its end the folder of this Python, for a caller who has activated nothing.

    PYTHONPATH is without the folder of our rooms.
    """
    folders = environment.get("PYTHONPATH", "").split(os.pathsep)
    kept = os.pathsep.join(folder for folder in folders if folder and Path(folder) != ROOMS)
    path = os.pathsep.join([environment.get("PATH") or os.defpath, str(Path(sys.executable).parent)])
    cleaned = {name: value for name, value in environment.items() if name != "PYTHONPATH"}
    return {**cleaned, "PATH": path, **({"PYTHONPATH": kept} if kept else {})}


def find_own(word: str) -> str:
    """The program that a command's first word means: our own command is this one, wherever the PATH has others."""
    own = Path(sys.executable).with_name(OWN_COMMAND)
    return str(own) if word == OWN_COMMAND and own.exists() else word
