"""The command. It composes the rooms, and starts and ends processes; no room imports it.

Importing it changes nothing, so that `onewinner.pytest_plugin` can be loaded into a user's process.
"""

import sys
from pathlib import Path

__version__ = "0.1.0"

# In the wheel the rooms live in a folder of their own, so that no generic name (load, reports) lands in a user's
# environment; in a clone they are beside this package.
ROOMS = Path(__file__).parent / "rooms"
if not ROOMS.is_dir():
    ROOMS = Path(__file__).parent.parent


def open_rooms() -> None:
    """Puts the rooms on this process's path, before other folders with such names. Only for processes of our own."""
    if str(ROOMS) not in sys.path[:1]:
        sys.path.insert(0, str(ROOMS))
