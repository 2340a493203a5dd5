"""What a new workflow refers to, such as a vendor: the request that creates one. Pure."""

from dataclasses import dataclass
from typing import Any

from engine.target.savings import RESERVED
from engine.target.template import NAME, Template
from onewinner.json_paths import fold
from onewinner.proposals.document import Document, Operation
from onewinner.proposals.requests import build_call, list_inner
from onewinner.proposals.resources import Resource
from onewinner.proposals.words import split_words

TAKEN = (*RESERVED, "token", "version")


@dataclass(frozen=True)
class Setup:
    """A request whose answer has an id at a path. The id gets a name, and stands in the create's body at `place`.

    `is_shown`: the document shows the id at that path.
    """

    name: str
    place: str
    call: Template
    id: str
    is_shown: bool = True


def find_setup(document: Document, create: Operation | None, body: Any) -> tuple[Setup, ...]:
    """A set-up for each id that the create's body carries, if the document has a POST on a collection of its name."""
    found: dict[str, Setup] = {}
    for part in list_inner(create) if create is not None and isinstance(body, dict) else ():
        words = split_words(part.name)
        name = "_".join(words[:-1])
        if words[-1:] != ["id"] or part.name not in body or not NAME.fullmatch(name) or name in TAKEN:
            continue
        operation = find_collection(document, name)
        shown = [each for each in operation.shown if "[]" not in each.path] if operation is not None else []
        told = [each.path for each in shown if each.name.lower() in ("id", "uuid")]
        if operation is not None:
            resource = Resource(operation.path, f"{operation.path}/{{id}}", operation, (operation,))
            found[name] = Setup(name, part.path, build_call(resource, operation), (*told, "id")[0], bool(told))
    return tuple(found.values())


def find_collection(document: Document, word: str) -> Operation | None:
    """The POST on /vendors for VENDOR."""
    names = [fold(word) + ending for ending in ("", "s", "es")]
    names.append(f"{fold(word)[:-1]}ies")
    fitting = (
        each
        for each in document.operations
        if each.method == "POST" and "{" not in each.path and fold(each.path.rstrip("/").rpartition("/")[2]) in names
    )
    return next(fitting, None)
