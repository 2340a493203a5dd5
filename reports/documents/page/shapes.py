"""Shapes of the pictures: a vertical line, a text under it. Places are SVG lengths."""

from collections.abc import Iterable

from markupsafe import Markup

from reports.documents.page.axis import Mark


def shape(text: str, *values: object) -> Markup:
    """SVG with values in it, which are escaped."""
    return Markup(text).format(*values)  # noqa: S704 - the texts of our own pictures


def put_together(shapes: Iterable[Markup]) -> Markup:
    return Markup().join(shapes)


def vertical(kind: str, x: str, top: float, bottom: float) -> Markup:
    return shape('<line class="{}" x1="{}" x2="{}" y1="{:g}" y2="{:g}"/>', kind, x, x, top, bottom)


def draw_marks(marks: Iterable[Mark], top: float, bottom: float) -> Markup:
    """A line and a text under it for each."""
    return put_together(
        vertical(f"grid{' fine' * mark.is_fine}", x, top, bottom + 4)
        + shape(
            '<text class="axis{}" x="{}" y="{:g}" text-anchor="{}">{}</text>',
            " fine" * mark.is_fine,
            x,
            bottom + 18,
            mark.anchor,
            mark.text,
        )
        for mark in marks
        for x in [f"{mark.place:.2f}%"]
    )
