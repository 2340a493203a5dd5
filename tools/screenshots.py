"""Takes the screenshots of the report for docs/screenshots/: `make screenshots`.

It makes new runs, on the reference engine and on a defect, so the pictures differ a little each time. Commit them when
the page has changed.
"""

import subprocess
import sys
import tempfile
from pathlib import Path

from tools.browser import Theme, open_page, start_browser

FOLDER = Path(__file__).parent.parent / "docs" / "screenshots"
RUNS = {"failing": ("--defect", "check-then-act"), "passing": ()}
SHOTS: tuple[tuple[str, int, int, Theme], ...] = (
    ("failing", 1440, 960, "light"),
    ("failing", 360, 1100, "dark"),
    ("passing", 1440, 960, "dark"),
    ("passing", 360, 1100, "light"),
)


def make_run(folder: Path, kind: str) -> Path:
    """The page of a small gate. The failing run ends with status 1, as intended."""
    command = [sys.executable, "-m", "onewinner", "gate", "--batches", "4", "--races", "200", "--out", kind]
    # In a folder of its own, so that the page shows no path of the user.
    subprocess.run([*command, *RUNS[kind]], cwd=folder, check=False, stdout=subprocess.DEVNULL)
    return folder / kind / "index.html"


def main() -> None:
    FOLDER.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory() as place, start_browser() as browser:
        pages = {kind: make_run(Path(place), kind) for kind in RUNS}
        for kind, width, height, theme in SHOTS:
            with open_page(browser, pages[kind], width, theme, height=height) as opened:
                path = FOLDER / f"{kind}-{width}-{theme}.png"
                opened.page.screenshot(path=path)
                print(f"{path}: {path.stat().st_size:,} bytes")


if __name__ == "__main__":
    main()
