"""SQL: what a statement reads or writes, as far as its text shows, and how a long one is shortened. Pure."""

import re

SHOWN_MAX = 160
CONDITION_MAX = 400
GAP = " ... "
# A quoted text or name, or the word behind which a write tells what it returns.
RETURNING = re.compile(r"""'[^']*'|"[^"]*"|(?P<word>\breturning\b)""", re.IGNORECASE)
SELECT = re.compile(r"\bselect\b", re.IGNORECASE)
WHERE = re.compile(r"\bwhere\b", re.IGNORECASE)
NAME = r'((?:"[^"]+"|\w+)(?:\.(?:"[^"]+"|\w+))*)'
WRITE = re.compile(rf"\s*(?:insert\s+into|update(?:\s+only)?|delete\s+from(?:\s+only)?)\s+{NAME}", re.IGNORECASE)
READ = re.compile(rf"\b(?:from|join)\s+{NAME}", re.IGNORECASE)
COMMIT = re.compile(r"\s*(commit|end)\b", re.IGNORECASE)


def clip(sql: str) -> str:
    """The statement on one line. A long one is cut in the middle, before its WHERE."""
    text = " ".join(sql.split())
    if len(text) <= SHOWN_MAX:
        return text
    found = WHERE.search(text)
    tail = text[found.start() :] if found else text[-SHOWN_MAX // 2 :]
    head = text[: max(SHOWN_MAX - len(tail) - len(GAP), SHOWN_MAX // 3)].rstrip()
    if len(head) + len(tail) >= len(text):
        head = text[: len(text) - len(tail)].rstrip()
        return f"{head} {cut(tail)}"
    return f"{head}{GAP}{cut(tail)}"


def cut(condition: str) -> str:
    """A condition; without its middle if it is very long."""
    half = CONDITION_MAX // 2
    return condition if len(condition) <= CONDITION_MAX else f"{condition[:half]}{GAP}{condition[-half:]}"


def find_written(sql: str) -> str | None:
    """The table that a statement writes, where it begins by saying so."""
    found = WRITE.match(sql)
    return spell(found[1]) if found else None


def find_read_tables(sql: str) -> set[str]:
    """The tables that a SELECT reads."""
    return {spell(name) for name in READ.findall(sql)} if sql.lstrip().lower().startswith("select") else set()


def selects(sql: str) -> bool:
    """Whether there is a SELECT in it, of its own or of a part."""
    return bool(SELECT.search(sql))


def find_condition(sql: str) -> str:
    """Its WHERE, as it is shown, up to RETURNING; empty where it has none."""
    text = " ".join(sql.split())
    found = WHERE.search(text)
    if found is None:
        return ""
    condition = text[found.start() :]
    end = next((each.start() for each in RETURNING.finditer(condition) if each["word"]), None)
    return cut(condition[:end].rstrip())


def is_commit(sql: str) -> bool:
    return bool(COMMIT.match(sql))


def spell(name: str) -> str:
    return name.replace('"', "").lower()
