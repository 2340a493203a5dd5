"""Goal: a template can neither forget to escape a text nor name a value that is not there. Method: small templates."""

from pathlib import Path

import pytest
from jinja2 import UndefinedError
from markupsafe import Markup

from reports.documents.page.templates import ENVIRONMENT, FOLDER


def render(text: str, **values: object) -> str:
    return ENVIRONMENT.from_string(text).render(values)


@pytest.mark.parametrize(
    "text", ["{{ word }}", "{{ 'a' ~ word }}", "{{ word | show(50) }}", "{{ [word] | join_words }}"]
)
def test_a_text_is_escaped_and_visible(text: str) -> None:
    assert render(text, word="<b>\x1b").removeprefix("a") == "&lt;b&gt;␛"


def test_what_is_html_already_stays_so() -> None:
    assert render("{{ word }}", word=Markup("<b>")) == "<b>"


def test_a_text_of_any_length_is_cut() -> None:
    assert len(render("{{ word }}", word="x" * 1_000_000)) < 3_000


@pytest.mark.parametrize("text", ["{{ nothing }}", "{{ word.nothing }}", "{% if nothing %}{% endif %}"])
def test_a_value_that_is_not_there_is_an_error(text: str) -> None:
    with pytest.raises(UndefinedError):
        render(text, word="a")


@pytest.mark.parametrize("path", sorted(FOLDER.glob("*.j2")), ids=lambda path: path.name)
def test_no_template_trusts_a_text(path: Path) -> None:
    source = path.read_text(encoding="utf-8")
    assert "| safe" not in source
    assert "autoescape" not in source
