"""Secrets: the credentials of requests. None of them stays in a run directory or is shown in the terminal.

Nothing of ours writes a token down. But an engine may log the headers that it was sent, or answer with them, and a
target file may name a token itself.
"""

import contextlib
import mmap
import re
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path

from engine.target.target import Target

LENGTH_MIN = 8  # what is shorter stands in every file by chance
HIDDEN = "[secret]"
CREDENTIAL = re.compile("auth|token|key|secret|cookie|session|password|signature", re.IGNORECASE)


def find_secrets(target: Target, minted: Iterable[str] = ()) -> frozenset[str]:
    """The credentials of a loaded target's tenants, and those that were minted for it; longest words only.

    Nothing that stands in a name of a state or of a tenant is among them: to hide it would change the history, or the
    run's own target file.
    """
    words = {word for headers in target.tenants.values() for word in split_credentials(headers)}
    names = [*target.graph.states, *target.tenants]
    long = [word for word in {*words, *minted} if len(word) >= LENGTH_MIN]
    return frozenset(word for word in long if not any(word in name for name in names))


def split_credentials(headers: Mapping[str, str]) -> list[str]:
    """The words of the headers that carry credentials: of `Bearer x.y` the latter."""
    values = [value for name, value in headers.items() if CREDENTIAL.search(name)]
    return [word for value in values for word in re.split(r"[\s;,]+|(?<=\w)=(?=\S)", value)]


@contextlib.contextmanager
def keep_secret(folder: Path, secrets: Iterable[str]) -> Iterator[None]:
    """Hides every secret in the files of a folder, however the block was left."""
    try:
        yield
    finally:
        hide_secrets(folder, secrets)


def hide_text(text: str, secrets: Iterable[str]) -> str:
    """The text without the secrets."""
    for secret in sorted(secrets, key=len, reverse=True):
        text = text.replace(secret, HIDDEN)
    return text


def hide_secrets(folder: Path, secrets: Iterable[str]) -> list[Path]:
    """Replaces every secret in every file of a folder; the files in which it was. No process may write meanwhile."""
    wanted = sorted((secret.encode() for secret in secrets), key=len, reverse=True)
    return [path for path in sorted(folder.rglob("*")) if wanted and path.is_file() and hide_in_file(path, wanted)]


def hide_in_file(path: Path, secrets: Iterable[bytes]) -> bool:
    found = [secret for secret in secrets if holds(path, secret)]
    if found:
        content = path.read_bytes()
        for secret in found:
            content = content.replace(secret, HIDDEN.encode())
        path.write_bytes(content)
    return bool(found)


def holds(path: Path, secret: bytes) -> bool:
    """Whether a file of any size holds the bytes, without reading all of it into memory."""
    if not path.stat().st_size:
        return False
    with path.open("rb") as file, mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as content:
        return content.find(secret) >= 0
