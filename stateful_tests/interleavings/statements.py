"""What a statement does, as far as its order matters: taken from its text, and only where that is certain. Pure."""

import re
from functools import lru_cache

# Quoted text and comments do not change what a statement does. The order matters: a quote may contain a comment's sign.
SILENT = re.compile(
    r"\$(\w*)\$.*?\$\1\$|'(?:[^']|'')*'|\"(?:[^\"]|\"\")*\"|--[^\n]*|/\*.*?\*/",
    re.DOTALL,
)
NUMBER = re.compile(r"(?<![\w$])\d+(\.\d+)?\b")
CALL = re.compile(r"([a-z_][a-z0-9_.]*)\s*\(")
BEGIN = re.compile(r"(begin|start\s+transaction)\b[\sa-z,]*;?$")
END = re.compile(r"(commit|end|rollback|abort|savepoint|release|prepare\s+transaction)\b")
COMMIT = re.compile(r"(commit|end)\b")
# These change only their own session, or tell its settings.
SET_UP = re.compile(
    r"(set|reset|show|discard|deallocate|unlisten|close)\b[^;]*;?$"
    # What the pools of known drivers send when a connection returns to them.
    r"|select pg_advisory_unlock_all\(\);(close all;unlisten \*;reset all;|reset all;)?$"
    r"|select \d+;?$|;?$"
    r"|select (pg_catalog\.)?(version|current_schema|current_database)\(\);?$"
)
# How asyncpg learns the types of its parameters: it reads catalogs only.
TYPES = re.compile(r"(with recursive typeinfo_tree|select t\.oid,.*pg_catalog\.pg_type)", re.DOTALL)
WORDS = (
    "all|and|any|as|by|case|coalesce|distinct|else|exists|filter|from|having|in|is|join|lateral|like|limit|not|nullif"
    "|on|or|order|over|partition|row|select|some|then|union|using|values|when|where|within|array|cast"
)
READERS = (
    "abs|array_agg|avg|bool_and|bool_or|char_length|concat|count|date_trunc|extract|greatest|json_agg"
    "|json_build_object|jsonb_agg|jsonb_build_object|least|length|lower|max|min|now|row_to_json|string_agg|sum|to_char"
    "|to_json|to_jsonb|trim|upper|numeric|varchar|char|decimal|bpchar|timestamp|timestamptz|time"
)
HARMLESS = re.compile(f"({WORDS}|{READERS})$")


@lru_cache(maxsize=4096)
def normalise(sql: str) -> str:
    """The text on one line, in lower case, without comments and quoted text."""
    return " ".join(SILENT.sub(lambda found: "''" if found[0][0] in "'$" else " ", sql).lower().split())


@lru_cache(maxsize=4096)
def shape(sql: str) -> str:
    """The text without its values: the same for a statement about another workflow."""
    return NUMBER.sub("0", normalise(sql))


@lru_cache(maxsize=4096)
def is_set_up(sql: str) -> bool:
    """Whether it concerns its own session only: it always passes."""
    text = normalise(sql)
    return bool(SET_UP.match(text.replace("; ", ";")) or TYPES.match(text))


@lru_cache(maxsize=4096)
def is_begin(sql: str) -> bool:
    """Whether it begins a transaction and does nothing else: it takes no snapshot and no lock."""
    return bool(BEGIN.match(normalise(sql)))


@lru_cache(maxsize=4096)
def is_end(sql: str) -> bool:
    """Whether it ends a transaction or a part of one."""
    return bool(END.match(normalise(sql)))


@lru_cache(maxsize=4096)
def is_plain_select(sql: str) -> bool:
    """Whether it certainly only reads: one SELECT, without FOR or INTO, and with no functions except those of a list. A
    text that is not recognised is not plain.
    """
    # A quoted name may call anything.
    text = normalise(re.sub(r'"([^"]|"")*"', " quoted ", sql)).rstrip("; ")
    if not text.startswith("select ") or ";" in text or re.search(r"\b(for|into)\b", text):
        return False
    return all(HARMLESS.match(name) for name in CALL.findall(text))


@lru_cache(maxsize=4096)
def commits(sql: str, *, in_transaction: bool) -> bool:
    """Whether it makes changes durable: a COMMIT, or a statement outside of a transaction that may write."""
    text = normalise(sql)
    if in_transaction:
        return bool(COMMIT.match(text))
    return not (is_begin(sql) or is_set_up(sql) or is_plain_select(sql) or END.match(text))


def commute(first: str, second: str) -> bool:
    """Whether the order of two successive statements certainly makes no difference."""
    return is_begin(first) or is_begin(second) or (is_plain_select(first) and is_plain_select(second))
