"""Goal: text can be read in both themes. Method: the contrast of every colour of text on every ground, by WCAG 2."""

import re
from itertools import product

import pytest

from reports.documents.page.document import STYLE

CONTRAST_MIN = 4.5
COLOURS = dict(re.findall(r"--([a-z]+): light-dark\((.*?)\)", STYLE))
INKS = ("ink", "faint", "pass", "fail", "unknown", "won")


def luminance(colour: str) -> float:
    channels = (int(colour[index : index + 2], 16) / 255 for index in (1, 3, 5))
    red, green, blue = (each / 12.92 if each <= 0.04045 else ((each + 0.055) / 1.055) ** 2.4 for each in channels)
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue


@pytest.mark.parametrize("ink", INKS)
@pytest.mark.parametrize(("ground", "theme"), list(product(("paper", "panel"), (0, 1))))
def test_text_stands_out_from_its_ground(ink: str, ground: str, theme: int) -> None:
    low, high = sorted(luminance(COLOURS[name].split(", ")[theme]) for name in (ink, ground))
    assert (high + 0.05) / (low + 0.05) >= CONTRAST_MIN


def test_every_colour_is_named_once_at_the_top() -> None:
    assert len(re.findall(r"#[0-9a-f]{6}", STYLE)) == 2 * len(COLOURS)
