"""Passwords, and the tokens that a login gives."""

import hashlib
import hmac
import os
import time
from dataclasses import dataclass

import jwt

from orders.models import User

LIFETIME_S = float(os.environ.get("TOKEN_LIFETIME_S", "900"))
SECRET = os.environ["TOKEN_SECRET"]


@dataclass(frozen=True)
class Caller:
    """Who asks, as the token says."""

    name: str
    organization: str


def hash_password(name: str, password: str) -> bytes:
    return hashlib.scrypt(password.encode(), salt=name.encode(), n=2**12, r=8, p=1)


def is_password_of(user: User, password: str) -> bool:
    return hmac.compare_digest(user.password, hash_password(user.name, password))


def issue_token(user: User) -> str:
    claims = {"sub": user.name, "org": user.organization, "exp": time.time() + LIFETIME_S}
    return jwt.encode(claims, SECRET, algorithm="HS256")


def read_token(token: str) -> Caller | None:
    """The caller; None if the token is expired or not ours."""
    try:
        claims = jwt.decode(token, SECRET, algorithms=["HS256"])
    except jwt.InvalidTokenError:
        return None
    return Caller(claims["sub"], claims["org"])
