"""The credentials of a target: which of its values are secrets."""

import re
from collections.abc import Iterable, Mapping
from pathlib import Path

from engine.target.secrets import Secrets
from engine.target.target import Target
from engine.target.variables import VARIABLE

CREDENTIAL = re.compile("auth|token|key|secret|cookie|session|password|signature", re.IGNORECASE)
SCHEMES = ("apikey", "basic", "bearer", "digest", "negotiate", "signature", "token")


def find_secrets(file: Path, target: Target, environment: Mapping[str, str], minted: Iterable[str] = ()) -> Secrets:
    """The credentials of a loaded target, the values of its ${NAME}s, and what was minted for it."""
    named = {environment[name] for name in VARIABLE.findall(file.read_text()) if name in environment}
    # A file may hold a variable in a longer text: `Bearer ${TOKEN}`; and a variable several words.
    words = {word for value in named for word in split_words(value)}
    return choose(target, {*named, *words, *list_credentials(target), *minted})


def find_written(target: Target) -> Secrets:
    """The credentials that the target file itself holds, of a target that was loaded without an environment."""
    return choose(target, (word for word in list_credentials(target) if not VARIABLE.search(word)))


def choose(target: Target, texts: Iterable[str]) -> Secrets:
    """Nothing that stands in a name of a state or of a tenant is a secret: to hide it would change the history."""
    spelled = map(str, target.spelling.spelled.values())
    return Secrets.of(texts, [*target.graph.states, *spelled, *target.tenants])


def list_credentials(target: Target) -> set[str]:
    """The words of the tenants' headers that carry credentials."""
    return {word for tenant in target.tenants.values() for word in find_credentials(tenant.headers.items())}


def find_credentials(headers: Iterable[tuple[str, str]]) -> set[str]:
    """The words of the headers that carry credentials: of `Bearer x.y` the latter."""
    return {word for name, value in headers if CREDENTIAL.search(name) for word in split_words(value)}


def split_words(value: str) -> list[str]:
    """The words of a header's value, of `name=word` the word; without the names of schemes such as Bearer."""
    words = [re.sub(r"^\w+=(?=[^\s=])", "", word) for word in re.split(r"[\s;,]+", value)]
    return [word for word in words if word.lower() not in SCHEMES]
