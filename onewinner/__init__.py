"""The command. It composes the rooms, starts and ends processes; nobody imports it."""

import sys
from pathlib import Path

__version__ = "0.1.0"

ROOMS = Path(__file__).parent / "rooms"
if ROOMS.is_dir():
    # In the wheel the rooms live here, so that no generic name lands in the user's environment.
    sys.path.insert(0, str(ROOMS))
else:
    ROOMS = Path(__file__).parent.parent
