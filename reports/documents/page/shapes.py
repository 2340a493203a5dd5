"""Shapes of the pictures: a vertical line, a text under it. Places are SVG lengths."""

from collections.abc import Iterable

from markupsafe import Markup


def shape(text: str, *values: object) -> Markup:
    """SVG with values in it, which are escaped."""
    return Markup(text).format(*values)  # noqa: S704 - the texts of our own pictures


def put_together(shapes: Iterable[Markup]) -> Markup:
    return Markup().join(shapes)


def vertical(kind: str, x: str, top: float, bottom: float) -> Markup:
    return shape('<line class="{}" x1="{}" x2="{}" y1="{:g}" y2="{:g}"/>', kind, x, x, top, bottom)


def label(x: str, y: float, text: str, anchor: str = "middle") -> Markup:
    return shape('<text class="axis" x="{}" y="{:g}" text-anchor="{}">{}</text>', x, y, anchor, text)
