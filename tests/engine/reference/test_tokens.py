"""Goal: only a token that we signed, that has not expired and that names an organization, opens anything."""

import asyncio
import base64
import json
import os
import time
from typing import Any

import jwt
import pytest

from engine.reference import tokens
from engine.reference.errors import InvalidToken
from tests.engine.asking import open_client
from tests.engine.serving import SECRET, Served


def sign(claims: dict[str, Any], key: str = SECRET, algorithm: str = "HS256") -> str:
    return jwt.encode(claims, key, algorithm=algorithm)


def unsigned(claims: dict[str, Any]) -> str:
    parts = ({"alg": "none", "typ": "JWT"}, claims)
    return ".".join(base64.urlsafe_b64encode(json.dumps(part).encode()).rstrip(b"=").decode() for part in parts) + "."


SOON = int(time.time()) + 600
BAD_TOKENS = {
    "alg none": unsigned({"org_id": "acme", "exp": SOON}),
    "wrong key": sign({"org_id": "acme", "exp": SOON}, "another secret that is long enough"),
    "expired": sign({"org_id": "acme", "exp": SOON - 1200}),
    "no org_id": sign({"sub": "ann", "exp": SOON}),
    "org_id null": sign({"org_id": None}),
    "org_id a number": sign({"org_id": 7}),
    "org_id empty": sign({"org_id": ""}),
    "org_id with NUL": sign({"org_id": "ac\0me"}),
    "org_id with a lone surrogate": sign({"org_id": "\ud800"}),
    "org_id too long": sign({"org_id": "x" * 201}),
    "sub a number": sign({"org_id": "acme", "sub": 7}),
    "sub with NUL": sign({"org_id": "acme", "sub": "\0"}),
    "another algorithm": sign({"org_id": "acme"}, SECRET * 2, "HS512"),
    "claims that are a list": jwt.api_jws.encode(b"[]", SECRET, "HS256"),
    "not a token": "abc",
    "empty": "",
}


@pytest.mark.parametrize("name", BAD_TOKENS)
def test_bad_tokens_prove_nothing(name: str) -> None:
    with pytest.raises(InvalidToken):
        tokens.read(BAD_TOKENS[name], SECRET)


def test_bad_tokens_are_401_over_http(served: Served) -> None:
    async def run() -> None:
        async with open_client(served) as client:
            for name, token in BAD_TOKENS.items():
                answer = await client.ask("POST", "", token=token)
                assert (name, answer.status) == (name, 401)

    asyncio.run(run())


def test_a_minted_token_proves_who_asks() -> None:
    assert tokens.read(tokens.mint("acme", "ann", SECRET), SECRET) == tokens.Claims("acme", "ann")
    assert tokens.read(tokens.mint("acme", None, SECRET), SECRET) == tokens.Claims("acme", None)
    with pytest.raises(InvalidToken):
        tokens.read(tokens.mint("acme", "ann", SECRET, lifetime_s=-1), SECRET)


def test_a_remembered_token_expires_all_the_same(monkeypatch: pytest.MonkeyPatch) -> None:
    token = tokens.mint("acme", "ann", SECRET, lifetime_s=60)
    assert tokens.read(token, SECRET).actor == "ann"
    now = time.time()
    monkeypatch.setattr("engine.reference.tokens.time.time", lambda: now + 61)
    with pytest.raises(InvalidToken):
        tokens.read(token, SECRET)


def test_the_secret_comes_from_the_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    secret = tokens.make_secret()
    monkeypatch.setenv(tokens.SECRET_VARIABLE, secret)
    assert tokens.find_secret(os.environ) == secret
    monkeypatch.setenv(tokens.SECRET_VARIABLE, "short")
    with pytest.raises(ValueError, match="ONEWINNER_JWT_SECRET needs at least 32 bytes"):
        tokens.find_secret(os.environ)
