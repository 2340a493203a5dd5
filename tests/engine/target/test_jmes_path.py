"""Goal: a path never raises. Method: documents that it does not fit."""

from engine.target.jmes_path import JmesPath


def test_a_query_never_raises_on_a_strange_document() -> None:
    assert JmesPath("a.b[0]").find({"a": {"b": 3}}) is None
    assert JmesPath("length(a)").find({"a": 3}) is None
    assert JmesPath("a").find_text({"a": True}) is None
    assert JmesPath("a").find_text({"a": 3}) == "3"
