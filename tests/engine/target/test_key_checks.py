"""Goal: a key of the wrong shape is named with its whole path, and the loader takes exactly what the tables describe.

Method: files with one such key; and documents in which one value is replaced, compared with what msgspec makes of them.
"""

import copy
import tomllib
from collections.abc import Iterator
from datetime import date
from pathlib import Path
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.target.file_tables import File
from engine.target.key_checks import check_shape, describe_file
from engine.target.target_file import TargetError, load_target
from engine.target.value_checks import Mistake
from tests.engine.target.test_target_file import ORDERS

DOCUMENT = tomllib.loads(ORDERS)
TABLES = {
    "tenants.acme": "[tenants.acme]",
    "workflow": "[workflow]",
    "create": "[create]",
    "read": "[read]",
    "advance": "[advance]",
    "advance.edges[0]": "[[advance.edges]]",
    "guards[0]": "[[guards]]",
    "audit": "[audit]",
}
WRONG = {
    "advance.won[1]: must be a whole number or a table of keys and values, not true or false": (
        "won = [200]",
        "won = [200, true]",
    ),
    "create.ids: must be a list in [ ] or a table of keys and values, not a whole number": (
        'id = "order.ref"',
        "ids = 1",
    ),
    "create.ids.acme[0]: must be text in quotes or a whole number, not a number": (
        'id = "order.ref"',
        "ids = { acme = [1.5] }",
    ),
    "read.state: must be text in quotes or a table of keys and values, not a time": (
        'state = "order.status"',
        "state = 2026-01-01",
    ),
    "advance.edges[0].to: is missing; add to = ... to advance.edges[0]": ('to = "PICKING"\n', ""),
    "audit.entries: is missing; add entries = ... to [audit]": ('entries = "events"\n', ""),
}
VALUES = st.sampled_from(
    [1, 1.5, True, "text", "", date(2026, 1, 1), [], [1], ["text"], [[]], [{}], {}, {"text": 1}, {"text": "text"}]
)


def load_changed(folder: Path, before: str, after: str) -> None:
    assert before in ORDERS
    file = folder / "target.toml"
    file.write_text(ORDERS.replace(before, after, 1))
    load_target(file, None)


@pytest.mark.parametrize("key", TABLES)
def test_an_unknown_key_is_named_in_each_table(key: str, tmp_path: Path) -> None:
    with pytest.raises(TargetError) as caught:
        load_changed(tmp_path, TABLES[key], f"{TABLES[key]}\nnonsense = 1")
    assert f"target.toml: {key}.nonsense: is no key of a target file" in str(caught.value)


@pytest.mark.parametrize("sentence", WRONG)
def test_a_value_of_another_type_and_a_missing_one_are_named(sentence: str, tmp_path: Path) -> None:
    with pytest.raises(TargetError) as caught:
        load_changed(tmp_path, *WRONG[sentence])
    assert str(caught.value).endswith(f"target.toml: {sentence}")


def walk_places(document: Any) -> Iterator[tuple[Any, Any]]:
    """Every (container, key) of a document."""
    keys = list(document) if isinstance(document, dict) else range(len(document)) if isinstance(document, list) else ()
    for key in keys:
        yield document, key
        yield from walk_places(document[key])


@given(place=st.integers(0, len(list(walk_places(DOCUMENT))) - 1), value=VALUES, name=st.none() | st.just("nonsense"))
def test_the_shape_is_right_exactly_where_msgspec_takes_the_document(place: int, value: Any, name: str | None) -> None:
    document = copy.deepcopy(DOCUMENT)
    container, key = list(walk_places(document))[place]
    if name is not None and isinstance(container, dict):
        container[name] = container.pop(key)
    else:
        container[key] = value
    try:
        msgspec.convert(document, File)
    except msgspec.ValidationError:
        with pytest.raises(Mistake):
            check_shape(document, describe_file())
    else:
        check_shape(document, describe_file())
