"""Goal: the ui works in a real browser: at the width of a phone and of a desk, in both themes, by keyboard alone.

Method: Chromium opens every page of a running `onewinner ui`; a gate is started and watched to its end.
"""

import re
import signal
import subprocess
from collections.abc import Iterator

import pytest
from playwright.sync_api import Browser, Page

from tests.onewinner.running import Command
from tests.onewinner.ui.asking import make_run
from tools.browser import Theme, open_page, start_browser

pytestmark = pytest.mark.needs("chromium")
PHONE, DESK = 390, 1440  # CSS pixels
PAGES = ("", "runs/failing", "compare?baseline=passing&run=failing", "trends", "gate", "runs/damaged", "nowhere")
LONG = "a-run-with-a-name-that-is-as-long-as-the-names-of-some-branches-are-" * 2
GATE_LIMIT_MS = 600_000
# The boxes of texts that stand over each other by more than a pixel; what is hidden, cut or a picture is left out.
OVERLAPS = """() => {
  const boxes = [], walker = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
  while (walker.nextNode()) {
    const node = walker.currentNode, parent = node.parentElement;
    if (!node.data.trim() || parent.closest("script, style, svg, option, noscript, .quiet, .skip, .lanes, .scroll")
        || !parent.checkVisibility()) continue;
    const range = document.createRange();
    range.selectNodeContents(node);
    for (const box of range.getClientRects()) boxes.push([node.data.trim().slice(0, 40), box]);
  }
  const meets = (a, b) => Math.min(a.right, b.right) - Math.max(a.left, b.left) > 1
    && Math.min(a.bottom, b.bottom) - Math.max(a.top, b.top) > 3;
  return boxes.flatMap(([text, box], at) => boxes.slice(at + 1).filter(([, other]) => meets(box, other))
    .map(([other]) => `${text} / ${other}`));
}"""


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    with start_browser() as started:
        yield started


@pytest.fixture(scope="module")
def address(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """The address of a running ui, with a run of each state."""
    folder = tmp_path_factory.mktemp("ui")
    make_run(folder / "runs" / "passing")
    make_run(folder / "runs" / "failing", failing=True, started_at="2026-02-01T00:00:00Z")
    make_run(folder / "runs" / LONG, finished=False)
    (folder / "runs" / "damaged").mkdir()
    (folder / "runs" / "damaged" / "run.json").write_text("{")
    command = Command(("ui",), folder)
    with command.start() as process:
        yield read_address(process)
        process.send_signal(signal.SIGINT)
        process.communicate(timeout=120)
    assert command.find_left() == []


def read_address(process: "subprocess.Popen[str]") -> str:
    assert process.stdout is not None
    found = re.search(r"http://\S+", process.stdout.readline())
    assert found is not None
    return found[0]


@pytest.mark.parametrize("path", PAGES)
@pytest.mark.parametrize("theme", ["light", "dark"])
@pytest.mark.parametrize("width", [PHONE, DESK])
def test_every_page_fits_and_no_text_stands_over_another(
    path: str, theme: Theme, width: int, browser: Browser, address: str
) -> None:
    with open_page(browser, address + path, width, theme) as opened:
        assert opened.page.evaluate("document.documentElement.scrollWidth") <= width
        assert opened.page.evaluate(OVERLAPS) == []
        assert opened.page.locator("h1").count() == 1
        # The browser itself reports the page that there is not.
        assert opened.errors == [] or path == "nowhere"
        assert opened.requests == []


def press_until(page: Page, selector: str) -> None:
    """Presses Tab until the element has the focus."""
    for _ in range(100):
        page.keyboard.press("Tab")
        if page.evaluate(f"document.activeElement.matches({selector!r})"):
            return
    raise AssertionError(f"no Tab reaches {selector}")


def test_the_keyboard_reaches_runs_and_the_comparison(browser: Browser, address: str) -> None:
    with open_page(browser, address, PHONE, "light") as opened:
        page = opened.page
        page.keyboard.press("Tab")
        assert page.evaluate("document.activeElement.textContent") == "Skip to the content"
        press_until(page, "select[name=baseline]")
        press_until(page, "form[action$=compare] button")
        page.keyboard.press("Enter")
        page.wait_for_url("**/compare?*")
        press_until(page, "a[href$='/runs/failing']")
        page.keyboard.press("Enter")
        page.wait_for_url("**/runs/failing")
        press_until(page, ".bar a")
        page.keyboard.press("Enter")
        page.wait_for_url(address)


def test_a_gate_is_started_by_keyboard_and_watched_to_its_end(browser: Browser, address: str) -> None:
    with open_page(browser, address, PHONE, "dark") as opened:
        page = opened.page
        press_until(page, "select[name=engine]")
        page.keyboard.type("check-then-act")
        for level in ("race", "interleavings"):
            press_until(page, f"input[value={level}]")
            page.keyboard.press("Space")
        press_until(page, "form[action$=start] button")
        page.keyboard.press("Enter")
        page.wait_for_url("**/gate")
        # The page's own sections fill while the gate runs.
        page.wait_for_selector("#sections #checks", timeout=GATE_LIMIT_MS)
        assert page.locator("#ending").is_visible()
        assert "race" in page.locator("#state").inner_text()
        for width in (PHONE, DESK):
            page.set_viewport_size({"width": width, "height": 900})
            assert page.evaluate("document.documentElement.scrollWidth") <= width
            assert page.evaluate(OVERLAPS) == []
        page.wait_for_selector("#ending", state="hidden", timeout=GATE_LIMIT_MS)
        assert page.locator("#state .verdict.fail").count() == 1
        assert page.evaluate(OVERLAPS) == []
        press_until(page, "#state a")
        page.keyboard.press("Enter")
        page.wait_for_url("**/runs/*-check-then-act")
        assert page.locator(".verdict.fail").count() == 1
        assert opened.errors == []


def test_a_gate_is_ended_by_its_button(browser: Browser, address: str) -> None:
    with open_page(browser, address, DESK, "light") as opened:
        page = opened.page
        page.locator("form[action$=start] button").click()
        page.wait_for_url("**/gate")
        page.wait_for_selector("#levels td.running", timeout=GATE_LIMIT_MS)
        press_until(page, "#ending button")
        page.keyboard.press("Enter")
        page.wait_for_selector("#ending", state="hidden", timeout=GATE_LIMIT_MS)
        assert "ended before it had a verdict" in page.locator("#state").inner_text()
        page.goto(address)
        assert page.locator("tr", has_text="interrupted by SIGINT").count() == 1
