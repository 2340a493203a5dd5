"""What is said of a command that gives no verdict: one sentence. A file keeps the traceback of an unexpected error."""

import errno
import os
import tempfile
import traceback

from engine.target.secrets import TOLD, Secrets
from onewinner.exits import UNKNOWN, USAGE, FailedError, UsageError
from onewinner.signals import Interrupted
from onewinner.standard_streams import say

DEBUG = "ONEWINNER_DEBUG"
FULL = (errno.ENOSPC, errno.EDQUOT)


def explain_failure(error: BaseException, command: str) -> int:
    """Says why the command failed; its exit code."""
    if os.environ.get(DEBUG) and not isinstance(error, UsageError | FailedError):
        say("".join(traceback.format_exception(error)))
    say(f"{command}: {describe_failure(error)}")
    return USAGE if isinstance(error, UsageError) else UNKNOWN


def describe_failure(error: BaseException) -> str:
    if isinstance(error, UsageError | FailedError):
        return str(error)
    if isinstance(error, Interrupted):
        met = f"; while all was ended: {name_error(error.__cause__)}" if error.__cause__ is not None else ""
        return f"interrupted; nothing was judged{met}{error.recorded}"
    if isinstance(error, KeyboardInterrupt):
        return "interrupted; nothing was judged"
    if isinstance(error, OSError) and error.errno in FULL:
        place = f"{error.filename}: " if error.filename else ""
        return f"{place}no space is left on the disk; nothing was judged"
    return f"the harness itself failed ({name_error(error)}); nothing was judged; {keep_traceback(error)}"


def name_error(error: BaseException) -> str:
    return " ".join(f"{type(error).__name__}: {error}".split())


def keep_traceback(error: BaseException) -> str:
    """Writes the traceback to a file, and says where it is."""
    if os.environ.get(DEBUG):
        return "the traceback stands above"
    try:
        number, name = tempfile.mkstemp(prefix="onewinner-", suffix=".traceback")
        with os.fdopen(number, "w", errors="backslashreplace") as file:
            file.write(Secrets(frozenset(TOLD)).hide_text("".join(traceback.format_exception(error))))
    except OSError:
        return f"{DEBUG}=1 shows the traceback"
    return f"the traceback is in {name}"
