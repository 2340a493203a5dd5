"""Goal: the report shows a request and its answer as they were sent: what matters of them, and no secret, also where
the text is cut. Method: values; secrets at and over the edge of what is shown.
"""

from pathlib import Path

import msgspec
import pytest

from engine.target.http_answer import Answer
from engine.target.secrets import Secrets
from engine.target.template import Request
from load.client.ask import NO_SECRETS
from load.client.excerpts import CHARACTERS_MAX, LOOKED_AT, excerpt_answer, excerpt_request
from reports.history.history import read_history
from reports.history.journal import hide_line
from tests.load.stub import RICH, Engine, load_text, make_source

SECRET = "s3cr3t-and-long"
SECRETS = Secrets.of([SECRET])


def test_a_request_is_shown_as_it_was_sent() -> None:
    headers = (("Authorization", "Bearer abc"), ("Idempotency-Key", "7-k"), ("If-Match", '"v1"'))
    request = Request("POST", "/orders/7?x=1", headers, b'{"to":"PAID"}')
    assert excerpt_request(request, "http://h:1/base", NO_SECRETS) == (
        'POST /base/orders/7?x=1\nAuthorization: [secret]\nIdempotency-Key: 7-k\nIf-Match: "v1"\n\n{"to":"PAID"}'
    )


def test_an_answer_is_shown_without_the_noise_of_its_connection() -> None:
    headers = {"date": "today", "set-cookie": "a=b", "etag": '"v2"', "access-control-allow-origin": "*"}
    answer = Answer(409, headers, b"no")
    assert excerpt_answer(answer, NO_SECRETS) == '409 Conflict\nset-cookie: [secret]\netag: "v2"\n\nno'
    assert excerpt_answer(Answer(299), NO_SECRETS) == "299"
    assert excerpt_answer(Answer(None, error="no answer within 5 s"), NO_SECRETS) == "no answer: no answer within 5 s"


def test_what_is_long_is_cut_and_tells_its_size() -> None:
    text = excerpt_answer(Answer(200, {}, b"x" * 70_000), NO_SECRETS)
    assert text.endswith("xxx... (70,000 bytes)")
    assert len(text) < CHARACTERS_MAX + 30


def test_bytes_that_are_no_text_are_shown_all_the_same() -> None:
    assert excerpt_answer(Answer(200, {}, b"\xff\x00a"), NO_SECRETS) == "200 OK\n\n\ufffd\x00a"


@pytest.mark.parametrize("before", [0, CHARACTERS_MAX - 20, CHARACTERS_MAX - 12, LOOKED_AT - 20, LOOKED_AT - 12])
@pytest.mark.parametrize("after", [0, 5_000])
def test_no_part_of_a_secret_is_shown(before: int, after: int) -> None:
    body = b"." * before + SECRET.encode() + b"." * after
    answer, request = Answer(200, {}, body), Request("PUT", "/", (), body)
    for text in (excerpt_answer(answer, SECRETS), excerpt_request(request, "", SECRETS)):
        line = hide_line(msgspec.json.encode({"received": text}), SECRETS)
        assert b"s3c" not in line


def test_each_operation_of_a_source_has_both_and_no_credential(tmp_path: Path) -> None:
    target = load_text(tmp_path, RICH.replace('Tenant = "acme"', 'Tenant = "acme", X-Token = "abc"'))
    source = make_source(tmp_path, target, Engine(target.graph), {"same-transition": 2})
    for _ in source.run():
        continue
    source.finish()
    told = read_history(tmp_path / "race-0.0.jsonl").operations.select("kind", "sent", "received").rows()
    assert {kind for kind, _, _ in told} >= {"create", "read", "advance"}
    assert all(sent.startswith(("GET /w/", "POST /w")) and "X-Token: [secret]" in sent for _, sent, _ in told)
    assert {received.partition("\n")[0] for _, _, received in told} == {"200 OK", "201 Created", "409 Conflict"}
    moves = [sent for kind, sent, _ in told if kind == "advance"]
    assert all("\n\n{" in sent for sent in moves)
