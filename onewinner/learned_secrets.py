"""What a run learned: the secrets that logins gave. A service may have logged one before any client knew it."""

import os
from pathlib import Path

from engine.target.secrets import LEARNED, read_learned


def hide_learned(folder: Path) -> None:
    """Hides what logins gave in the logs of a run that no process writes any more."""
    if LEARNED not in os.environ:
        return
    learned = read_learned(Path(os.environ[LEARNED]))
    for log in sorted((folder / "logs").glob("*.log")) if learned.texts else ():
        content = log.read_bytes()
        hidden = learned.hide(content)
        if hidden != content:
            log.write_bytes(hidden)
