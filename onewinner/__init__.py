"""The command. It composes the rooms, starts and ends processes; nobody imports it."""

import sys
from pathlib import Path

__version__ = "0.1.0"

# In the wheel the rooms live in a folder of their own, so that no generic name (load, reports) lands in a user's
# environment; in a clone they are beside this package. Either way they come before whatever else has such a name.
ROOMS = Path(__file__).parent / "rooms"
if not ROOMS.is_dir():
    ROOMS = Path(__file__).parent.parent
sys.path.insert(0, str(ROOMS))
