"""Shapes of the pictures: a vertical line, a text under it, a sample for a legend. Places are SVG lengths."""


def vertical(kind: str, x: str, top: float, bottom: float) -> str:
    return f'<line class="{kind}" x1="{x}" x2="{x}" y1="{top:g}" y2="{bottom:g}"/>'


def label(x: str, y: float, text: str, anchor: str = "middle") -> str:
    return f'<text class="axis" x="{x}" y="{y:g}" text-anchor="{anchor}">{text}</text>'


def sample(width: int, height: int, shape: str) -> str:
    """A small picture for a legend; the words beside it say what it is."""
    return f'<svg class="sample" width="{width}" height="{height}" aria-hidden="true">{shape}</svg>'
