"""index.html: one self-contained file, seen at a glance. A file per section; document.py puts them together."""

from reports.documents.page.document import render_page

__all__ = ["render_page"]
