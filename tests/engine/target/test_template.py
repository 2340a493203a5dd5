"""Goal: requests are filled in where the file says. Method: templates and values."""

import json

from engine.target.template import Template


def test_placeholders_are_filled_where_they_stand() -> None:
    template = Template("POST", "/a/{id}", {"to": ["{next}", 3], "{id}": "x{id}"}, {"X-Id": "{id}"}, {"q": "{next}"})
    request = template.fill({"id": "1/2 ü", "next": "B"}, {"Tenant": "t"})
    assert request.path == "/a/1%2F2%20%C3%BC?q=B"
    assert dict(request.headers) == {"Tenant": "t", "X-Id": "1/2 ü", "Content-Type": "application/json"}
    assert json.loads(request.body) == {"to": ["B", 3], "{id}": "x1/2 ü"}


def test_a_request_without_json_has_no_body() -> None:
    request = Template("POST", "/x").fill({}, {})
    assert (request.body, request.headers) == (b"", ())


def test_a_query_goes_behind_one_that_is_there() -> None:
    assert Template("GET", "/größe x?a=1&b=%20", query={"q": "{id}"}).fill({"id": "é&"}, {}).path == (
        "/gr%C3%B6%C3%9Fe%20x?a=1&b=%20&q=%C3%A9%26"
    )
    assert Template("GET", "/x", query={"q": "1"}).fill({}, {}).path == "/x?q=1"


def test_a_content_type_of_the_files_own_is_kept() -> None:
    request = Template("PATCH", "/x", {}, {"content-type": "application/merge-patch+json"}).fill({}, {})
    assert request.headers == (("content-type", "application/merge-patch+json"),)
