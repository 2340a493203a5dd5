"""Goal: what a race of one's own requests tells, and when it fails. Method: answers made by hand."""

from collections.abc import Callable
from typing import Any

import pytest

from onewinner.pytest_plugin.helper import Helper
from onewinner.pytest_plugin.race import Race
from onewinner.pytest_plugin.race_result import Answer, Result, classify, judge
from onewinner.pytest_plugin.request import Request, place

POST = Request("POST", "/orders/1/pay")


def answer(number: int, status: int | None, invoked: int = 0, returned: int | None = 1000, body: bytes = b"") -> Answer:
    return Answer(number, POST, status, {}, body, "" if status else "no answer within 1 s", invoked, returned)


def outcomes(*statuses: int | None) -> list[str]:
    return [classify(answer(0, status), range(200, 300), (409,)) for status in statuses]


@pytest.mark.parametrize(
    ("status", "outcome"),
    [
        (200, "won"),
        (204, "won"),
        (409, "conflict"),
        (404, "refused"),
        (422, "refused"),
        (302, "unknown"),
        (500, "unknown"),
        (None, "unknown"),
    ],
)
def test_a_status_means_one_thing(status: int | None, outcome: str) -> None:
    assert outcomes(status) == [outcome]


def test_what_means_a_win_or_a_loss_can_be_named() -> None:
    assert classify(answer(0, 302), (302,), (412, 422)) == "won"
    assert classify(answer(0, 422), (302,), (412, 422)) == "conflict"
    assert classify(answer(0, 409), (302,), (412, 422)) == "refused"
    body = answer(0, 200, body=b'{"done": false}')
    assert classify(body, lambda it: it.json()["done"], lambda it: not it.json()["done"]) == "conflict"
    assert classify(answer(0, None), lambda _: True, lambda _: True) == "unknown"


@pytest.mark.parametrize(
    ("statuses", "kind", "numbers"),
    [
        ([200, 409, 409], None, ()),
        ([200, 409, 200], "winners", (0, 2)),
        ([200, 500, 200], "winners", (0, 2)),
        ([409, 409, 409], "no-winner", ()),
        ([409, 404, 409], "no-winner", (1,)),
        ([409, None, 409], "unknown", (1,)),
        ([200, 409, None], "unknown", (2,)),
        ([200, 404, None], "answer", (1,)),
        ([200, 400, 409], "answer", (1,)),
        ([302, 302, 302], "unknown", (0, 1, 2)),
    ],
)
def test_the_worst_is_found_first(statuses: list[int | None], kind: str | None, numbers: tuple[int, ...]) -> None:
    found = judge(outcomes(*statuses), len(statuses), one_at_a_time=False)
    assert (found.kind if found else None, found.numbers if found else ()) == (kind, numbers)
    assert found is None or found.is_failure == (kind in ("winners", "no-winner", "answer"))


def test_requests_that_cannot_have_met_prove_nothing() -> None:
    won = outcomes(200, 409)
    alone, apart = judge(won, 2, one_at_a_time=True), judge(won, 1, one_at_a_time=False)
    assert alone is not None
    assert apart is not None
    assert (alone.kind, alone.is_failure) == ("one-at-a-time", False)
    assert (apart.kind, apart.is_failure) == ("apart", False)
    assert judge(won, 2, one_at_a_time=None) is None
    both = judge(outcomes(200, 200), 1, one_at_a_time=True)
    assert both is not None
    assert both.is_failure, "two winners are two winners"


def test_a_result_measures_the_release_and_the_overlap() -> None:
    answers = (
        answer(0, 200, 0, 5000),
        answer(1, 409, 2500, 9000),
        answer(2, 409, 6000, 9000),
        answer(3, None, 10, None),
    )
    result = Result(answers, one_at_a_time=False, helper=Helper())
    assert result.spread_us == 6.0
    assert result.overlapped == 3
    assert [each.number for each in result.winners] == [0]
    assert result.statuses == [200, 409, 409, None]


def test_a_result_knows_whether_it_was_looked_at() -> None:
    def take(look: Callable[[Result], object]) -> bool:
        result = Result((answer(0, 409), answer(1, 201)), one_at_a_time=False, helper=Helper())
        look(result)
        return result.was_looked_at

    looks: list[Callable[[Result], object]] = [
        *(Result.assert_one_winner, lambda it: it.answers, lambda it: it.winners),
        *(lambda it: it.statuses, lambda it: it.spread_us, lambda it: it.overlapped),
    ]
    assert all(map(take, looks))
    assert not take(str)


@pytest.mark.parametrize(
    ("given", "named", "hint"),
    [
        (("PATCH", "http://h/"), {"json": {}}, r"for several that are all the same use race\.patch\(url, \.\.\.\)"),
        (("http://h/",), {}, r"takes a list of requests that may differ.*use race\.post\(url"),
        (([POST, POST],), {"json": {}}, r"each a Request; for several"),
    ],
)
def test_a_call_with_the_arguments_of_one_request_names_the_method(given: Any, named: Any, hint: str) -> None:
    with pytest.raises(TypeError, match=hint):
        Race(Helper())(*given, **named)


def test_an_unknown_option_is_named() -> None:
    """It would not be sent, and the race would be one of other requests."""
    options: Any = {"data": {"a": 1}}
    with pytest.raises(TypeError, match=r"the URL, and count, headers, json, .* by name; data is none of them"):
        Race(Helper()).post("http://h/", **options)


def test_a_result_gives_the_winner() -> None:
    result = Result((answer(0, 409), answer(1, 201, body=b'{"id": 7}')), one_at_a_time=False, helper=Helper())
    winner = result.assert_one_winner()
    assert (winner.number, winner.json(), winner.text) == (1, {"id": 7}, '{"id": 7}')


@pytest.mark.parametrize(
    ("request_", "headers", "body"),
    [
        (Request("POST", "/", json={"a": 1}), {"Content-Type": "application/json"}, b'{"a": 1}'),
        (
            Request("POST", "/", form={"a": "b c"}),
            {"Content-Type": "application/x-www-form-urlencoded"},
            b"a=b+c",
        ),
        (
            Request("PUT", "/", {"content-type": "text/x", "Content-Length": "9"}, json=[]),
            {"content-type": "text/x"},
            b"[]",
        ),
        (Request("PUT", "/", body="é"), {}, "é".encode()),
        (Request("GET", "/", cookies={"sid": "1", "csrf": "2"}), {"Cookie": "sid=1; csrf=2"}, b""),
    ],
)
def test_a_request_is_encoded(request_: Request, headers: dict[str, str], body: bytes) -> None:
    assert request_.encode() == (headers, body)


def test_a_test_clients_cookies_are_taken_as_they_are() -> None:
    from http.cookies import SimpleCookie

    assert Request("GET", "/", cookies=SimpleCookie("sid=abc")).encode()[0] == {"Cookie": "sid=abc"}


@pytest.mark.parametrize(
    ("options", "sentence"),
    [
        ({"json": {}, "body": b"x"}, "give one of json, form and body"),
        ({"headers": {"X": "a\r\nY: b"}}, "cannot stand in the head of a request"),
        ({"headers": {"X": "ä"}}, "cannot stand in the head of a request"),
    ],
)
def test_a_request_that_cannot_be_sent_is_named(options: dict[str, Any], sentence: str) -> None:
    with pytest.raises(ValueError, match=sentence):
        Request("POST", "/x", **options).encode()


@pytest.mark.parametrize(
    ("url", "base", "server", "path"),
    [
        ("http://h:1/a?b=c d#e", "", "http://h:1", "/a?b=c%20d"),
        ("/a", "http://h:1", "http://h:1", "/a"),
        ("/a", "https://h/api/", "https://h", "/api/a"),
        ("", "http://h", "http://h", "/"),
        ("/a/é%20", "http://h", "http://h", "/a/%C3%A9%20"),
        ("http://other/x", "http://h", "http://other", "/x"),
    ],
)
def test_a_url_is_placed(url: str, base: str, server: str, path: str) -> None:
    assert place(Request("GET", url), base) == (server, path)


def test_a_path_without_a_server_is_named() -> None:
    with pytest.raises(ValueError, match=r"'/pay' names no server; .*race\.base_url = live_server\.url"):
        place(Request("POST", "/pay"), "")
