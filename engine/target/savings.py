"""Savings: values that the file takes out of an answer, for later requests. Pure.

The scopes of a value are the run, a tenant, a user and a workflow; `load.client.value_store` holds the values.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from engine.target.cookies import COOKIES
from engine.target.file_tables import SaveTable
from engine.target.http_answer import Answer
from engine.target.template import NAME, Value
from engine.target.value_checks import Mistake
from engine.target.value_places import Place, read_place

# What onewinner itself fills in.
RESERVED = (
    *("id", "expected", "next", "marker", "key", "request_id", "tenant", "units", "unit"),
    *("port", "workers", "isolation", "pooled", COOKIES),
)


@dataclass(frozen=True)
class Saving:
    """The name of a value, and where an answer has it."""

    name: str
    place: Place


def find_values(savings: Iterable[Saving], answer: Answer) -> dict[str, Value]:
    """What an answer gives, by name."""
    found = {saving.name: saving.place.find(answer) for saving in savings}
    return {name: value for name, value in found.items() if value is not None}


def read_savings(key: str, table: Mapping[str, str | SaveTable]) -> tuple[Saving, ...]:
    """The savings of a `save` table at this key. Raises Mistake."""
    return tuple(read_saving(f"{key}.{name}", name, source) for name, source in table.items())


def read_saving(key: str, name: str, source: str | SaveTable) -> Saving:
    if not NAME.fullmatch(name):
        raise Mistake(key, f"{name!r} is no name of a value; write small letters, digits and _")
    if name in RESERVED or name.startswith("database_"):
        raise Mistake(key, f"{{{name}}} has a meaning of its own already; save the value under another name")
    return Saving(name, read_place(key, source))


def merge_savings(*groups: Iterable[Saving]) -> tuple[Saving, ...]:
    """All of them; of two with one name the later."""
    return tuple({saving.name: saving for group in groups for saving in group}.values())
