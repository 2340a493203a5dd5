"""Goal: each word of the target file has a file in which it is wrong, with its sentence.

Method: the words are those of the schema. tests/engine/targets/wrong_words.txt has changes of a file that has every
table (every_word.toml beside it), each with the sentence that the loader says; null takes a key away. Each file of
tests/engine/targets/broken is wrong in a word, too (tests/onewinner/test_broken_targets.py).
"""

import json
import re
import tomllib
from pathlib import Path
from typing import Any

import msgspec
import pytest

from engine.target.file_tables import File
from engine.target.key_checks import check_shape, describe_file
from engine.target.target_file import read_target
from engine.target.value_checks import Mistake
from tools.json_schemas import make_target_schema

FOLDER = Path(__file__).parents[1] / "targets"
EVERY_WORD = (FOLDER / "every_word.toml").read_text()
LINES = (FOLDER / "wrong_words.txt").read_text().splitlines()
WRONG = dict(zip(LINES[::2], map(str.strip, LINES[1::2]), strict=True))
# Each JSON value is one that a sink may answer.
NEVER_WRONG = {("SinkAnswer", "json")}
Word = tuple[str, str]


def load(document: dict[str, Any]) -> None:
    check_shape(document, describe_file())
    read_target(msgspec.convert(document, File), FOLDER, {})


def change(document: Any, place: str, value: Any) -> None:
    *parts, last = [int(part) if part.isdigit() else part for part in re.findall(r"\w+", place)]
    for part in parts:
        document = document[part]
    if value is None:
        del document[last]
    else:
        document[last] = value


def list_words(schema: dict[str, Any]) -> set[Word]:
    """Every (table, key); the whole file is ""."""
    tables = {"": schema, **schema["$defs"]}
    return {(name, key) for name, table in tables.items() for key in table["properties"]}


def find_tables(schema: dict[str, Any]) -> list[str]:
    """The names of the tables that may stand here, in a list or under names of the user's too."""
    if "$ref" in schema:
        return [schema["$ref"].rpartition("/")[2]]
    inner = [*schema.get("anyOf", ()), schema.get("items"), schema.get("additionalProperties")]
    return [name for each in inner if isinstance(each, dict) for name in find_tables(each)]


def find_words(schema: dict[str, Any], place: str) -> set[Word]:
    """The word at a place, and the words of the tables that it stands in."""
    known, tables, words = {"": schema, **schema["$defs"]}, [""], set[Word]()
    for part in re.sub(r"\[\d+\]", "", place).split("."):
        here = [name for name in tables if part in known[name]["properties"]]
        words |= {(name, part) for name in here}
        inner = [table for name in here for table in find_tables(known[name]["properties"][part])]
        tables = inner if here else tables
    return words


def test_the_file_that_is_changed_is_right() -> None:
    load(tomllib.loads(EVERY_WORD))


@pytest.mark.parametrize("changes", WRONG)
def test_a_wrong_word_is_one_sentence(changes: str) -> None:
    document = tomllib.loads(EVERY_WORD)
    for each in changes.split("; "):
        place, _, value = each.partition(" = ")
        change(document, place, json.loads(value))
    with pytest.raises(Mistake) as raised:
        load(document)
    assert str(raised.value).replace(f"{FOLDER}/", "") == WRONG[changes]


def test_each_word_is_wrong_in_a_file() -> None:
    schema = make_target_schema()
    wrong = set().union(*(find_words(schema, changes.partition(" = ")[0]) for changes in WRONG))
    for file in (FOLDER / "broken").glob("*.txt"):
        place = re.match(r"onewinner gate: \S+\.toml: ([^:\s]+): ", file.read_text())
        wrong |= find_words(schema, place[1]) if place else set()
    assert list_words(schema) - wrong == NEVER_WRONG
