"""The credentials of a target: which of its values are secrets."""

import re
import tomllib
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from engine.target.environment_variables import VARIABLE
from engine.target.plain_file import read_plain
from engine.target.run_copy import restore
from engine.target.secrets import Secrets
from engine.target.target import Target
from engine.target.template import find_placeholders
from engine.target.workflow_source import CreateCommand

CREDENTIAL = re.compile("auth|token|key|secret|cookie|session|password|signature", re.IGNORECASE)
# In a body the other words name what is no credential, such as the key of an object.
PASSWORD = re.compile("password|secret", re.IGNORECASE)
# The tables of a target file whose keys name what a value is, and the names of credentials in them.
CARRIERS = {"headers": CREDENTIAL, "cookies": CREDENTIAL, "env": CREDENTIAL, "form": PASSWORD, "json": PASSWORD}
PLACEHOLDER = re.compile(r"\$?\{\w+\}")
SCHEMES = ("apikey", "basic", "bearer", "digest", "negotiate", "signature", "token")


def find_secrets(file: Path, target: Target, environment: Mapping[str, str], minted: Iterable[str] = ()) -> Secrets:
    """The credentials of a loaded target, the values of its ${NAME}s, and what was minted for it."""
    named = {environment[name] for name in VARIABLE.findall(file.read_text()) if name in environment}
    # A file may hold a variable in a longer text: `Bearer ${TOKEN}`; and a variable several words.
    words = {word for value in named for word in split_words(value)}
    written = find_written(file, target).texts
    return choose(target, {*named, *words, *written, *list_credentials(target), *minted})


def find_written(file: Path, target: Target) -> Secrets:
    """The credentials that stand in the target file itself, in any request or setting of the service."""
    return choose(target, walk_written(tomllib.loads(restore(file, read_plain(file)).decode())))


def walk_written(document: Any, names: re.Pattern[str] | None = None) -> Iterator[str]:
    """The words of every value whose key names a credential. `names`: those of the table that this is a part of."""
    for key, value in document.items() if isinstance(document, dict) else ():
        if names is not None and isinstance(value, str) and names.search(key):
            yield from (word for word in split_words(value) if not PLACEHOLDER.search(word))
        yield from walk_written(value, CARRIERS.get(key, names))
    for value in document if isinstance(document, list) else ():
        yield from walk_written(value, names)


def list_exposed(target: Target) -> list[str]:
    """The commands whose arguments show the password of the database; one sentence each."""
    commands: dict[str, Sequence[str]] = {
        "service.command": target.service.command if target.service is not None else ()
    }
    if isinstance(target.create, CreateCommand):
        commands["create.command"] = target.create.words
    remedies = {
        "service.command": "write it in service.env, where the program can read it",
        "create.command": "let the program read it from a file or from a variable of the environment",
    }
    return [
        f"{key}: {{{name}}} is an argument, and the process list shows its password to every user of this machine; "
        f"{remedies[key]}"
        for key, words in commands.items()
        for name in ("database_url", "database_password")
        if name in find_placeholders(words)
    ]


def choose(target: Target, texts: Iterable[str]) -> Secrets:
    """Nothing that stands in a name of a state or of a tenant is a secret: to hide it would change the history."""
    spelled = map(str, target.spelling.spelled.values())
    return Secrets.of(texts, [*target.graph.states, *spelled, *target.tenants])


def list_credentials(target: Target) -> set[str]:
    """The words of the tenants' headers that carry credentials, without those in which a placeholder stands."""
    found = {word for client in target.clients for word in find_credentials(client.headers.items())}
    # A saved value is a secret once a login has given it, and not its name.
    return {word for word in found if not PLACEHOLDER.search(word)}


def find_credentials(headers: Iterable[tuple[str, str]]) -> set[str]:
    """The words of the headers that carry credentials: of `Bearer x.y` the latter."""
    return {word for name, value in headers if CREDENTIAL.search(name) for word in split_words(value)}


def split_words(value: str) -> list[str]:
    """The words of a header's value, of `name=word` the word; without the names of schemes such as Bearer."""
    words = [re.sub(r"^\w+=(?=[^\s=])", "", word) for word in re.split(r"[\s;,]+", value)]
    return [word for word in words if word.lower() not in SCHEMES]
