"""The smallest page type: a page with a title."""

from wagtail.models import Page


class PlainPage(Page):
    """Nothing beside what every page has."""
