"""Checks the shape of a target file: that no key is unknown or missing, and that each value has its type. Pure."""

from collections.abc import Mapping
from functools import cache
from typing import Any

from msgspec import inspect

from engine.target.file_tables import File
from engine.target.suggestion import suggest
from engine.target.value_checks import Mistake

# For each type in the tables, the Python types that its values may have.
TYPES: dict[type[inspect.Type], tuple[type, ...]] = {
    inspect.StrType: (str,),
    inspect.IntType: (int,),
    inspect.FloatType: (float, int),
    inspect.BoolType: (bool,),
    inspect.ListType: (list,),
    inspect.VarTupleType: (list,),
    inspect.DictType: (dict,),
    inspect.StructType: (dict,),
}
WORDS = {
    str: "text in quotes",
    int: "a whole number",
    float: "a number",
    bool: "true or false",
    list: "a list in [ ]",
    dict: "a table of keys and values",
}


@cache
def describe_file() -> inspect.Type:
    return inspect.type_info(File)


def check_shape(value: Any, kind: inspect.Type, key: str = "") -> None:
    """Raises Mistake for the first key that does not fit."""
    kinds = list_alternatives(kind)
    fitting = next((each for each in kinds if type(value) in TYPES.get(type(each), (type(value),))), None)
    if fitting is None:
        wanted = dict.fromkeys(WORDS[TYPES[type(each)][0]] for each in kinds)
        raise Mistake(key or "the file", f"must be {' or '.join(wanted)}, not {WORDS.get(type(value), 'a time')}")
    if isinstance(fitting, inspect.StructType):
        check_table(value, fitting, key)
    elif isinstance(fitting, inspect.DictType):
        for name, part in value.items():
            check_shape(part, fitting.value_type, join(key, name))
    elif isinstance(fitting, inspect.ListType | inspect.VarTupleType):
        for number, part in enumerate(value):
            check_shape(part, fitting.item_type, f"{key}[{number}]")


def check_table(table: Mapping[str, Any], kind: inspect.StructType, key: str) -> None:
    fields = {field.encode_name: field for field in kind.fields}
    for name in table:
        if name not in fields:
            raise Mistake(join(key, name), f"is no key of a target file{suggest(name, fields)}")
    for name, field in fields.items():
        if field.required and name not in table:
            raise Mistake(join(key, name), f"is missing; {describe_addition(key, field)}")
    for name, part in table.items():
        check_shape(part, fields[name].type, join(key, name))


def list_alternatives(kind: inspect.Type) -> list[inspect.Type]:
    """The types that a value may have, without null, which TOML does not have."""
    if isinstance(kind, inspect.Metadata):
        return list_alternatives(kind.type)
    if isinstance(kind, inspect.UnionType):
        return [one for each in kind.types for one in list_alternatives(each)]
    return [] if isinstance(kind, inspect.NoneType) else [kind]


def describe_addition(key: str, field: inspect.Field) -> str:
    """Tells what to add, and where."""
    name = field.encode_name
    if not key:
        is_table = isinstance(field.type, inspect.StructType)
        return f"add the table [{name}]" if is_table else f"add {name} = ... at the top of the file"
    return f"add {name} = ... to {key}" if key.endswith("]") else f"add {name} = ... to [{key}]"


def join(key: str, name: str) -> str:
    return f"{key}.{name}" if key else name
