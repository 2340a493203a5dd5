"""Opens pages, on disk or on 127.0.0.1, in Debian's Chromium, driven by Playwright, without any other network."""

import contextlib
import shutil
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal

from playwright.sync_api import Browser, Page, Request, sync_playwright

NAMES = ("chromium", "chromium-browser", "google-chrome")
ARGUMENTS = (
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--host-resolver-rules=MAP * ~NOTFOUND, EXCLUDE 127.0.0.1",
)
HEIGHT = 900  # px
Theme = Literal["light", "dark"]


@dataclass
class Opened:
    """An open page, the messages of its console, its errors, and the further files that it requested."""

    page: Page
    errors: list[str] = field(default_factory=list)
    requests: list[str] = field(default_factory=list)


def find_chromium() -> Path:
    """The program of the browser. Raises FileNotFoundError, which tells how to get one."""
    for name in NAMES:
        if found := shutil.which(name):
            return Path(found)
    raise FileNotFoundError("there is no Chromium; install Debian's package: apt-get install chromium")


@contextlib.contextmanager
def start_browser() -> Iterator[Browser]:
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=find_chromium(), args=list(ARGUMENTS))
        try:
            yield browser
        finally:
            browser.close()


@contextlib.contextmanager
def open_page(
    browser: Browser, place: Path | str, width: int, theme: Theme, *, height: int = HEIGHT, script: bool = True
) -> Iterator[Opened]:
    """The page of a file or an address, at a width in CSS pixels, in a theme, with or without scripts."""
    address = place.absolute().as_uri() if isinstance(place, Path) else place
    context = browser.new_context(
        viewport={"width": width, "height": height}, color_scheme=theme, java_script_enabled=script
    )
    opened = Opened(context.new_page())

    def note(request: Request) -> None:
        if not request.url.startswith(("data:", address)):
            opened.requests.append(request.url)

    opened.page.on("request", note)
    opened.page.on("console", lambda message: opened.errors.append(message.text) if message.type == "error" else None)
    opened.page.on("pageerror", lambda error: opened.errors.append(str(error)))
    try:
        opened.page.goto(address)
        yield opened
    finally:
        context.close()
