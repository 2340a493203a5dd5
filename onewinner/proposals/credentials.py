"""What proves a tenant, by the security schemes of a document: a header, or a login that gives a token. Pure."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from engine.target.template import Template
from onewinner.proposals.document import Document, Operation, as_mapping

TOKENS = ("access_token", "accessToken", "token", "id_token", "jwt")
USERS = ("username", "user", "login", "email", "name")


@dataclass(frozen=True)
class Login:
    """The request that logs in, and where its answer has the token. `is_shown`: the document shows it there."""

    call: Template
    token: str
    is_shown: bool = True


@dataclass(frozen=True)
class Credentials:
    """The header that proves a tenant, None where there is none; the login that its {token} comes from."""

    header: tuple[str, str] | None = None
    login: Login | None = None


def find_credentials(document: Document, operation: Operation | None) -> Credentials:
    """What the operation asks for; of several schemes a login, which needs the least from the user."""
    schemes = document.list_schemes(operation)
    for scheme in schemes:
        if (login := find_login(document, scheme)) is not None:
            return Credentials(("Authorization", "Bearer {token}"), login)
    for scheme in schemes:
        name = str(scheme.get("name"))
        if scheme.get("type") == "apiKey" and scheme.get("in") == "header" and is_header(name):
            return Credentials((name, "${ACME_KEY}"))
        if scheme.get("type") == "apiKey" and scheme.get("in") == "cookie" and is_header(name):
            return Credentials(("Cookie", f"{name}=${{ACME_COOKIE}}"))
    if any(str(scheme.get("scheme")).lower() == "basic" for scheme in schemes):
        return Credentials(("Authorization", "Basic ${ACME_CREDENTIALS}"))
    return Credentials(("Authorization", "Bearer ${ACME_TOKEN}") if schemes else None)


def is_header(name: str) -> bool:
    return bool(name) and all(character.isascii() and (character.isalnum() or character in "-_") for character in name)


def find_login(document: Document, scheme: Mapping[str, Any]) -> Login | None:
    """The login of OAuth 2's password flow: at its tokenUrl, with what that operation takes."""
    flow = as_mapping(as_mapping(scheme.get("flows")).get("password"))
    url = flow.get("tokenUrl")
    if scheme.get("type") != "oauth2" or not isinstance(url, str) or url.startswith(("http://", "https://", "//")):
        return None
    path = "/" + url.lstrip("./")
    operation = find_operation(document, path)
    if operation is None:
        return Login(Template("POST", path, form=fill_form({})), TOKENS[0], is_shown=False)
    names = [part.name for part in operation.shown if part.path == part.name]
    shown = [name for name in TOKENS if name in names]
    token = (*shown, *TOKENS)[0]
    if operation.body_schema and not operation.form_schema:
        user = next((part.name for part in operation.body if part.name in USERS), "username")
        call = Template("POST", operation.path, {user: "${ACME_USER}", "password": "${ACME_PASSWORD}"})
        return Login(call, token, is_shown=bool(shown))
    return Login(Template("POST", operation.path, form=fill_form(operation.form_schema)), token, is_shown=bool(shown))


def find_operation(document: Document, path: str) -> Operation | None:
    """The operation that the tokenUrl names: the path itself, or one that ends with it behind a base path."""
    found = [each for each in document.operations if each.method == "POST" and each.path.endswith(path)]
    return min(found, key=lambda each: len(each.path), default=None)


def fill_form(schema: Mapping[str, Any]) -> dict[str, str]:
    form = {"username": "${ACME_USER}", "password": "${ACME_PASSWORD}"}
    return (
        {"grant_type": "password", **form}
        if "grant_type" in as_mapping(schema.get("properties")) or not schema
        else form
    )
