"""Fills the variables of a target file, ${NAME}, from the environment. Pure."""

import re
from collections.abc import Mapping
from typing import Any

from msgspec import structs

from engine.target.file_tables import RequestTable, Table, VariantTable, pair_names
from engine.target.value_checks import Mistake

VARIABLE = re.compile(r"\$\{([A-Za-z_][A-Za-z0-9_]*)\}")


def fill_variables(text: str, environment: Mapping[str, str], *, may_be_empty: bool = False) -> str:
    """The text with every ${NAME} taken from the environment. Raises LookupError for one that is missing, or empty."""
    for name in VARIABLE.findall(text):
        if name not in environment:
            raise LookupError(f"the environment variable {name} is not set; export it and run again")
        if not environment[name] and not may_be_empty:
            raise LookupError(
                f"the environment variable {name} is set, but empty (a CI secret that is missing gives that); "
                "give it a value and run again"
            )
    return VARIABLE.sub(lambda match: environment[match[1]], text)


def resolve(key: str, text: str, environment: Mapping[str, str] | None) -> str:
    """The text with every ${NAME} taken from the environment; as it stands when no environment is given."""
    try:
        return text if environment is None else fill_variables(text, environment)
    except LookupError as error:
        raise Mistake(key, str(error)) from None


def pick_variables(text: str, environment: Mapping[str, str]) -> dict[str, str]:
    """The variables that a text names, as far as the environment has them."""
    return {name: environment[name] for name in VARIABLE.findall(text) if name in environment}


def fill_requests(part: Any, environment: Mapping[str, str], key: str = "", *, is_filled: bool = False) -> Any:
    """The same tables with every ${NAME} of a request, and of headers, taken from the environment. Raises Mistake.

    `is_filled`: the part belongs to one of them.
    """
    if isinstance(part, str):
        return resolve(key, part, environment) if is_filled else part
    if isinstance(part, Table):
        filled, is_request = {}, isinstance(part, RequestTable | VariantTable)
        for written, name in pair_names(part):
            at, value = f"{key}.{written}" if key else written, getattr(part, name)
            filled[name] = fill_requests(value, environment, at, is_filled=is_request or written == "headers")
        return structs.replace(part, **filled)
    if isinstance(part, dict):
        return {
            name: fill_requests(each, environment, f"{key}.{name}", is_filled=is_filled) for name, each in part.items()
        }
    if isinstance(part, list):
        return [fill_requests(each, environment, f"{key}[{at}]", is_filled=is_filled) for at, each in enumerate(part)]
    return part
