"""What a person may have meant by an unknown word. Pure; the standard library alone."""

import difflib
from collections.abc import Iterable


def find_close(word: str, known: Iterable[str]) -> str | None:
    """The known word that is closest, if one is close."""
    return next(iter(difflib.get_close_matches(word, list(known), n=1)), None)


def suggest(word: str, known: Iterable[str]) -> str:
    """The end of a sentence about an unknown word: the closest known one, else all of them."""
    options = list(known)
    close = find_close(word, options)
    if close is not None:
        return f"; did you mean {close!r}?"
    return f"; there are: {', '.join(options)}" if options else ""
