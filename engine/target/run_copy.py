"""The copy of a target file in a run directory: it lacks the credentials that stand in the file itself.

The levels of the run read the copy. A variable of their environment tells them what to put back.
"""

import json
import os
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

from engine.target.secrets import HIDDEN, Secrets, find_spans, merge_spans, replace_spans

# For each copy, by its absolute path: what was taken out of it, in order.
VARIABLE = "ONEWINNER_TAKEN_OUT"


def take_out(text: bytes, secrets: Secrets) -> tuple[bytes, list[str]]:
    """The text without its secrets, and what stood in the place of each HIDDEN."""
    spans = merge_spans([*secrets.find(text), *find_spans(text, [HIDDEN])])
    return replace_spans(text, spans), [text[start:end].decode(errors="surrogateescape") for start, end in spans]


def put_back(text: bytes, taken: list[str]) -> bytes:
    """The text that take_out was given; as it is if it was changed since."""
    first, *others = text.split(HIDDEN)
    if len(others) != len(taken):
        return text
    originals = [each.encode(errors="surrogateescape") for each in taken]
    return first + b"".join(part for pair in zip(originals, others, strict=True) for part in pair)


def restore(file: Path, text: bytes, environment: Mapping[str, str] = os.environ) -> bytes:
    """The text of a target file, as it was before a run of this process's owner copied it."""
    told: dict[str, list[str]] = json.loads(environment.get(VARIABLE) or "{}")
    return put_back(text, told[str(file.absolute())]) if str(file.absolute()) in told else text


@contextmanager
def remember(file: Path, taken: list[str]) -> Iterator[None]:
    """Until the block is left, this process and its children read the file as it was."""
    before = os.environ.get(VARIABLE)
    os.environ[VARIABLE] = json.dumps({**json.loads(before or "{}"), str(file.absolute()): taken})
    try:
        yield
    finally:
        if before is None:
            os.environ.pop(VARIABLE, None)
        else:
            os.environ[VARIABLE] = before
