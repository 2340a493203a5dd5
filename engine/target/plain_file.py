"""Reads a small file that a user named. What is no such file is an OSError; it neither blocks nor fills the memory."""

import errno
import os
import stat
from pathlib import Path

import msgspec

BYTES_MAX = 64 << 20
# What the decoders of JSON and TOML raise: for a mistake; for text that is not UTF-8, or a number of too many digits
# (both are a ValueError); for nesting that is too deep.
MALFORMED = (msgspec.DecodeError, ValueError, RecursionError)


def read_plain(path: Path) -> bytes:
    """The content of a regular file. Raises OSError, the strerror of which tells what is wrong."""
    try:
        # Not to wait for the writer of a named pipe.
        number = os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC)
    except ValueError:
        raise OSError(errno.EINVAL, "no file can have such a name") from None
    with os.fdopen(number, "rb") as file:
        if stat.S_ISDIR(os.fstat(number).st_mode):
            raise OSError(errno.EISDIR, os.strerror(errno.EISDIR))
        if not stat.S_ISREG(os.fstat(number).st_mode):
            raise OSError(errno.EINVAL, "it is no regular file")
        content = file.read(BYTES_MAX + 1)
    if len(content) > BYTES_MAX:
        raise OSError(errno.EFBIG, f"it is larger than {BYTES_MAX >> 20} MiB")
    return content
