"""Goal: the page works in a real browser. Method: Chromium opens a failing and a passing run, in both themes, at the
width of a phone and of a desk, without scripts, on paper and by keyboard; its console must have nothing to say.
"""

from collections.abc import Iterator
from itertools import pairwise
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Page

from reports.documents.page import render_page
from reports.judge.verdict import Verdict
from tests.reports.building import make_facts
from tests.reports.pages import build_run, build_run_of_units
from tests.reports.test_documents import FACTS, HOSTILE, build, draw_hostile
from tools.browser import HEIGHT, Theme, open_page, start_browser

pytestmark = pytest.mark.needs("chromium")
KINDS = ("failing", "passing", "hostile", "units")
PHONE, DESK = 360, 1440  # CSS pixels
GROUND = "getComputedStyle(document.body).backgroundColor"
OPEN = "document.querySelectorAll('details').forEach((each) => { each.open = true; })"
# Of the texts that are seen, those that overlap: by their boxes, cut as a scrolling or hiding parent cuts them.
OVERLAPS = """() => {
  const texts = [], walker = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
  while (walker.nextNode()) {
    const node = walker.currentNode, parent = node.parentElement;
    if (!node.data.trim() || parent.closest('.quiet, .skip, script, style, title, desc, metadata')) continue;
    if (!parent.checkVisibility({ visibilityProperty: true })) continue;
    const range = document.createRange();
    range.selectNodeContents(node);
    for (const box of range.getClientRects()) {
      let { left, right, top, bottom } = box;
      for (let each = parent; each; each = each.parentElement) {
        const style = getComputedStyle(each);
        if (style.overflowX === 'visible') continue;
        const frame = each.getBoundingClientRect();
        [left, right] = [Math.max(left, frame.left), Math.min(right, frame.right)];
        [top, bottom] = [Math.max(top, frame.top), Math.min(bottom, frame.bottom)];
      }
      if (right - left > 1 && bottom - top > 1) texts.push({ left, right, top, bottom, node, says: node.data.trim() });
    }
  }
  texts.sort((one, other) => one.top - other.top);
  const found = [];
  texts.forEach((one, index) => {
    for (let next = index + 1; next < texts.length && texts[next].top < one.bottom - 2; next++) {
      const other = texts[next];
      if (one.node !== other.node && one.left < other.right - 1 && other.left < one.right - 1) {
        found.push(`${one.says} / ${other.says}`);
      }
    }
  });
  return found;
}"""


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    with start_browser() as started:
        yield started


@pytest.fixture(scope="module")
def pages(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    folder = tmp_path_factory.mktemp("pages")
    texts = {kind: render_page(*build_run(failing=kind == "failing")) for kind in KINDS[:2]}
    texts["units"] = render_page(*build_run_of_units())
    pictures = [draw_hostile("finding"), draw_hostile("tightest"), draw_hostile("typical")]
    long = build(Verdict.FAIL, HOSTILE + "x" * 1_000_000)
    texts["hostile"] = render_page(make_facts(**FACTS, samples={"pictures": pictures}), long)
    for kind, text in texts.items():
        (folder / f"{kind}.html").write_text(text)
    return {kind: folder / f"{kind}.html" for kind in KINDS}


@pytest.mark.parametrize("kind", KINDS[:2])
def test_the_checks_are_whole_on_a_phone_and_only_the_first_finding_is_open(
    kind: str, browser: Browser, pages: dict[str, Path]
) -> None:
    with open_page(browser, pages[kind], PHONE, "light") as opened:
        table = opened.page.locator("#checks ~ .scroll").first
        assert table.evaluate("each => each.scrollWidth <= each.clientWidth")
        again = opened.page.locator("article.finding", has_text="Judge it again").get_by_text("Judge it again")
        shown = [each.is_visible() for each in again.all()]
        assert shown == [True, *[False] * (len(shown) - 1)][: len(shown)]
        assert (len(shown) > 1) == (kind == "failing")


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("theme", ["light", "dark"])
@pytest.mark.parametrize("width", [PHONE, DESK])
def test_it_renders_without_a_word_and_fits(
    kind: str, theme: Theme, width: int, browser: Browser, pages: dict[str, Path]
) -> None:
    with open_page(browser, pages[kind], width, theme) as opened:
        page = opened.page
        assert page.evaluate("document.documentElement.scrollWidth") <= width
        assert is_dark(page) == (theme == "dark")
        headline = page.locator("h1").bounding_box()
        assert headline is not None
        assert headline["y"] + headline["height"] < HEIGHT
        if kind != "hostile":
            again = page.get_by_role("region", name="See it again").bounding_box()
            assert again is not None
            assert again["y"] < HEIGHT
        page.evaluate(OPEN)
        assert page.evaluate(OVERLAPS) == []
        assert page.evaluate("document.documentElement.scrollWidth") <= width
        assert opened.errors == []
        assert opened.requests == []


def test_overlapping_texts_are_seen(browser: Browser, tmp_path: Path) -> None:
    page = tmp_path / "page.html"
    page.write_text('<p>one</p><p style="margin-top: -2.2em">two</p>')
    with open_page(browser, page, DESK, "light") as opened:
        assert opened.page.evaluate(OVERLAPS) == ["two / one"]


def is_dark(page: Page) -> bool:
    red, green, blue = (int(part) for part in page.evaluate(GROUND).removeprefix("rgb(").rstrip(")").split(", "))
    return red + green + blue < 300


def test_the_theme_can_be_chosen_against_the_system(browser: Browser, pages: dict[str, Path]) -> None:
    with open_page(browser, pages["passing"], DESK, "light") as opened:
        button = opened.page.get_by_role("button")
        seen = []
        for _ in range(3):
            button.click()
            seen.append((button.inner_text(), is_dark(opened.page)))
        assert seen == [("Theme: light", False), ("Theme: dark", True), ("Theme: auto", False)]
        assert opened.errors == []


def test_it_works_without_scripts(browser: Browser, pages: dict[str, Path]) -> None:
    with open_page(browser, pages["failing"], DESK, "light", script=False) as opened:
        assert opened.page.locator("h1").is_visible()
        assert not opened.page.locator("#theme").is_visible()
        opened.page.locator("summary").first.click()
        assert opened.page.locator("details[open]").count() == 1


def test_a_keyboard_reaches_everything(browser: Browser, pages: dict[str, Path]) -> None:
    with open_page(browser, pages["failing"], PHONE, "light") as opened:
        page = opened.page
        page.keyboard.press("Tab")
        assert page.evaluate("document.activeElement.textContent") == "Skip to the verdict"
        page.locator("summary").first.focus()
        page.keyboard.press("Enter")
        assert page.locator("details[open]").count() == 1
        beyond = page.evaluate(
            "[...document.querySelectorAll('.scroll, pre')].filter((each) => each.tabIndex < 0).length"
        )
        assert beyond == 0


def test_tab_comes_to_every_part_that_folds_or_scrolls(browser: Browser, pages: dict[str, Path]) -> None:
    with open_page(browser, pages["units"], PHONE, "dark") as opened:
        page = opened.page
        page.evaluate(OPEN)
        parts = page.locator("a, button, summary, .scroll, pre").count()
        reached = set()
        for _ in range(parts):
            page.keyboard.press("Tab")
            reached.add(page.evaluate("[...document.querySelectorAll('*')].indexOf(document.activeElement)"))
        is_wanted = "(each, at) => each.matches('summary, .scroll, pre') ? [at] : []"
        wanted = page.evaluate(f"[...document.querySelectorAll('*')].flatMap({is_wanted})")
        assert len(wanted) > 20
        assert set(wanted) <= reached


def test_a_screen_reader_finds_its_way(browser: Browser, pages: dict[str, Path]) -> None:
    with open_page(browser, pages["failing"], DESK, "light") as opened:
        page = opened.page
        for landmark in ("banner", "navigation", "main", "contentinfo"):
            assert page.get_by_role(landmark).count() == 1
        levels = [
            int(tag[1]) for tag in page.evaluate("[...document.querySelectorAll('h1,h2,h3')].map((e) => e.tagName)")
        ]
        assert levels[0] == 1
        assert levels.count(1) == 1
        assert all(after <= before + 1 for before, after in pairwise(levels))
        for kind, needs in (("table", "caption"), ("svg[role=img]", "title"), ("figure svg[role=img]", "[id]")):
            assert page.locator(kind).count() == page.locator(f"{kind}:has(> {needs})").count()
        ids = page.evaluate("[...document.querySelectorAll('[id]')].map((each) => each.id)")
        assert len(ids) == len(set(ids))
        targets = page.evaluate("[...document.querySelectorAll('a')].map((each) => each.getAttribute('href').slice(1))")
        assert set(targets) <= set(ids)


def test_paper_is_light_and_has_no_buttons(browser: Browser, pages: dict[str, Path]) -> None:
    with open_page(browser, pages["failing"], DESK, "dark") as opened:
        opened.page.emulate_media(media="print")
        assert not is_dark(opened.page)
        assert not opened.page.locator("nav").is_visible()
        assert not opened.page.locator("#theme").is_visible()
        assert opened.page.pdf().startswith(b"%PDF")
