"""Makes and verifies bearer tokens: signed JWTs (HS256) that name an organization and an actor."""

import secrets
import time
from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache
from typing import TypeGuard

import jwt

from engine.reference.errors import InvalidToken

ALGORITHM = "HS256"
SECRET_VARIABLE = "ONEWINNER_JWT_SECRET"  # noqa: S105 - the name of a variable
SECRET_BYTES_MIN = 32
NAME_LENGTH_MAX = 200
LIFETIME_S = 24 * 3600
TOKENS_KEPT = 1024


@dataclass(frozen=True)
class Claims:
    """The claims of a token: the organization (`org_id`) and the actor (`sub`; None if absent)."""

    organization_id: str
    actor: str | None


def make_secret() -> str:
    """A new signing secret."""
    return secrets.token_hex(SECRET_BYTES_MIN)


def find_secret(environment: Mapping[str, str]) -> str:
    """The signing secret of an environment. Raises ValueError, one sentence, when it is missing or too short."""
    secret = environment.get(SECRET_VARIABLE, "")
    if len(secret.encode()) < SECRET_BYTES_MIN:
        raise ValueError(f"the environment variable {SECRET_VARIABLE} needs at least {SECRET_BYTES_MIN} bytes")
    return secret


def mint(organization_id: str, actor: str | None, secret: str, *, lifetime_s: float = LIFETIME_S) -> str:
    """A token for the actor of an organization, valid for `lifetime_s` seconds."""
    now = time.time()
    claims = {"org_id": organization_id, "iat": int(now), "exp": int(now + lifetime_s)}
    return jwt.encode(claims | ({"sub": actor} if actor is not None else {}), secret, algorithm=ALGORITHM)


def read(token: str, secret: str) -> Claims:
    """The claims of a token. Raises InvalidToken for another algorithm, a wrong key, expiry or missing claims."""
    claims, expires_s = verify(token, secret)
    if expires_s is not None and expires_s <= time.time():
        raise InvalidToken
    return claims


@lru_cache(maxsize=TOKENS_KEPT)
def verify(token: str, secret: str) -> tuple[Claims, int | None]:
    """The claims of a token and its expiry in seconds since the epoch, after a check of its signature.

    Raises InvalidToken. The results for the last tokens are cached: a check costs as much time as routing, parsing and
    encoding together.
    """
    try:
        claims = jwt.decode(token, secret, algorithms=[ALGORITHM], options={"verify_aud": False})
    except (jwt.PyJWTError, ValueError, OverflowError) as error:
        raise InvalidToken from error
    organization_id, actor = claims.get("org_id"), claims.get("sub")
    if not is_name(organization_id) or not (actor is None or is_name(actor)):
        raise InvalidToken
    return Claims(organization_id, actor), int(claims["exp"]) if "exp" in claims else None


def read_header(header: str | None, secret: str) -> Claims:
    """The claims of the header `Authorization: Bearer TOKEN`. Raises InvalidToken."""
    scheme, _, token = (header or "").partition(" ")
    if scheme.lower() != "bearer" or not token:
        raise InvalidToken
    return read(token.strip(), secret)


def is_name(value: object) -> TypeGuard[str]:
    """Whether it is short printable text."""
    return isinstance(value, str) and 0 < len(value) <= NAME_LENGTH_MAX and value.isprintable()
