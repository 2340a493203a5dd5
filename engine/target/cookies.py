"""Cookies as a client keeps them: by name, for one service. Domain, path and time are not looked at. Pure."""

from collections.abc import Iterable, Mapping

# The name of the value that holds all cookies of a user, as they are sent.
COOKIES = "cookies"


def read_cookies(set_cookies: Iterable[str]) -> dict[str, str]:
    """The cookies that Set-Cookie headers name; an empty value, or Max-Age=0, removes one."""
    found = {}
    for text in set_cookies:
        pair, *attributes = text.split(";")
        name, separator, value = (part.strip() for part in pair.partition("="))
        ages = [each.partition("=")[2].strip() for each in attributes if each.strip().lower().startswith("max-age=")]
        if separator and name:
            found[name] = "" if any(age.startswith("-") or age == "0" for age in ages) else value
    return found


def update_cookies(kept: Mapping[str, str], told: Mapping[str, str]) -> dict[str, str]:
    """The cookies after an answer, without those that it removes."""
    return {name: value for name, value in {**kept, **told}.items() if value}


def render_cookies(kept: Mapping[str, str]) -> str:
    return "; ".join(f"{name}={value}" for name, value in kept.items())
