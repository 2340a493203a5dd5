"""Goal: docs/target.md describes every key of a target file, and no other; its examples are true.

Method: the tables of the loader are walked, and each has a section whose table has a row for each of its keys. The
examples are joined and read as a target file, also with each alternative in its place.
"""

import re
import tomllib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import msgspec
import pytest
from msgspec import inspect

from engine.target.file_tables import File
from engine.target.key_checks import check_shape, describe_file
from engine.target.target_file import read_target

PAGE = Path(__file__).parents[3] / "docs" / "target.md"
ROW = re.compile(r"^\| `([^`]+)` \|", re.MULTILINE)
BLOCK = re.compile(r"^```toml(.*?)\n(.*?)^```$", re.MULTILINE | re.DOTALL)
TEXT = PAGE.read_text()
ENVIRONMENT = dict.fromkeys(re.findall(r"\$\{(\w+)\}", TEXT), "secret")


def split_sections(text: str) -> dict[str, str]:
    """The text of each section by its heading; of the heading, what stands in backquotes."""
    parts = re.split(r"^## (.+)$", text, flags=re.MULTILINE)[1:]
    return {heading.strip("`"): body for heading, body in zip(parts[::2], parts[1::2], strict=True)}


def walk_structs(kind: inspect.Type, key: str) -> Iterator[tuple[str, inspect.StructType]]:
    """Every table inside a type with the heading of its place, such as ("[[advance.edges]]", ...)."""
    match kind:
        case inspect.UnionType():
            for each in kind.types:
                yield from walk_structs(each, key)
        case inspect.ListType() | inspect.VarTupleType():
            for place, struct in walk_structs(kind.item_type, key):
                yield (f"[{place}]" if place == f"[{key}]" else place), struct
        case inspect.DictType():
            yield from walk_structs(kind.value_type, f"{key}.NAME")
        case inspect.Metadata():
            yield from walk_structs(kind.type, key)
        case inspect.StructType():
            yield f"[{key}]", kind
            for field in kind.fields:
                yield from walk_structs(field.type, f"{key}.{field.encode_name}".lstrip("."))


def list_tables() -> dict[str, set[str]]:
    """The keys of each table by the heading that it must have: its place, or its name where it stands in several."""
    places: dict[Any, dict[str, inspect.StructType]] = {}
    for place, struct in walk_structs(describe_file(), ""):
        places.setdefault(struct.cls, {})[place] = struct
    tables = {}
    for cls, found in places.items():
        heading, struct = next(iter(found.items()))
        heading = heading if len(found) == 1 else cls.__name__.removesuffix("Table").lower()
        tables[heading if cls is not File else "The file"] = {field.encode_name for field in struct.fields}
    return tables


def list_examples() -> tuple[str, list[str]]:
    """The whole example file, and the alternatives to a table of it."""
    blocks = [(info.strip(), text) for info, text in BLOCK.findall(TEXT)]
    assert {info for info, _ in blocks} <= {"", "instead", "ignored"}
    return "".join(text for info, text in blocks if not info), [text for info, text in blocks if info == "instead"]


def read(document: dict[str, Any]) -> None:
    check_shape(document, describe_file())
    read_target(msgspec.convert(document, File), Path(), ENVIRONMENT)


@pytest.mark.parametrize("heading", list_tables())
def test_a_section_has_a_row_for_each_key(heading: str) -> None:
    sections = split_sections(TEXT)
    assert heading in sections, f"docs/target.md has no section ## `{heading}`"
    first = re.split(r"\n\n(?!\|)", sections[heading][sections[heading].index("\n| key |") :])[0]
    assert set(ROW.findall(first)) == list_tables()[heading]
    assert BLOCK.search(sections[heading]), "the section has no example"


def test_a_missing_row_is_found() -> None:
    """The check can fail: what it finds in a section are rows, not words of the text."""
    body = split_sections("# page\n\n## `[read]`\n\n`ok` is a key.\n\n| key |\n|---|\n| `state` | ... |\n")["[read]"]
    assert ROW.findall(body) == ["state"]


def test_the_examples_are_one_file() -> None:
    whole, _ = list_examples()
    read(tomllib.loads(whole))


@pytest.mark.parametrize("number", range(len(list_examples()[1])))
def test_an_alternative_stands_in_the_place_of_a_table(number: int) -> None:
    whole, instead = list_examples()
    read({**tomllib.loads(whole), **tomllib.loads(instead[number])})


@pytest.mark.parametrize("link", re.findall(r"\]\(#([^)]+)\)", TEXT))
def test_a_link_inside_the_page_leads_to_a_section(link: str) -> None:
    anchors = {re.sub(r"[^\w -]", "", heading.lower()).replace(" ", "-") for heading in split_sections(TEXT)}
    assert link in anchors
