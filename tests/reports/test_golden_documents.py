"""Goal: the documents read well. Method: golden files of a failing and a passing run, `tests/golden/documents/`.

Of the page it is the text that a reader would hear. After a deliberate change, ONEWINNER_GOLDEN=write writes them anew;
read the diff.
"""

import os
import re
from html.parser import HTMLParser
from pathlib import Path

import pytest

from reports.documents.junit import render_junit
from reports.documents.page import render_page
from reports.documents.summary import render_summary
from tests.reports.pages import build_run

GOLDEN = Path(__file__).parent.parent / "golden" / "documents"
UNHEARD = ("style", "script", "title")
BLOCKS = (
    "p",
    "h1",
    "h2",
    "h3",
    "li",
    "tr",
    "pre",
    "summary",
    "figure",
    "desc",
    "caption",
    "section",
    "div",
    "br",
    "text",
)


class Text(HTMLParser):
    """The text of a page, a line for each block, cells apart."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.parts: list[str] = []
        self.open: list[str] = []
        self.feed(page)
        self.close()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:  # noqa: ARG002 - as HTMLParser has it
        self.open.append(tag)
        self.parts.append("\n" if tag in BLOCKS else " | " if tag in ("td", "th") else "")

    def handle_endtag(self, tag: str) -> None:
        while self.open and self.open.pop() != tag:
            pass

    def handle_data(self, data: str) -> None:
        if not set(UNHEARD) & set(self.open):
            self.parts.append(data if "pre" in self.open else re.sub(r"\s+", " ", data))

    def read(self) -> str:
        lines = (re.sub(" +", " ", line).strip() for line in "".join(self.parts).splitlines())
        return "\n".join(line.removeprefix("| ") for line in lines if line) + "\n"


@pytest.mark.parametrize("kind", ["failing", "passing"])
@pytest.mark.parametrize("document", ["summary.md", "junit.xml", "index.txt"])
def test_a_document_is_as_its_golden_file(kind: str, document: str) -> None:
    facts, judgement = build_run(failing=kind == "failing")
    renders = {"summary.md": render_summary, "junit.xml": render_junit, "index.txt": render_page}
    text = renders[document](facts, judgement)
    text = Text(text).read() if document == "index.txt" else text
    golden = GOLDEN / f"{kind}.{document}"
    if os.environ.get("ONEWINNER_GOLDEN") == "write":
        golden.parent.mkdir(exist_ok=True)
        golden.write_text(text)
    assert text == golden.read_text()


def test_a_page_is_the_same_whenever_it_is_made() -> None:
    facts, judgement = build_run(failing=True)
    assert render_page(facts, judgement) == render_page(facts, judgement)
