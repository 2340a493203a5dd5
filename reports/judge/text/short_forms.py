"""Text: the short forms that findings, documents and the terminal share."""

import json
from collections.abc import Sequence

STATES_MAX = 3  # that are named


def capital(text: str) -> str:
    return text[:1].upper() + text[1:]


def join(parts: Sequence[str]) -> str:
    """a, b and c."""
    return f"{', '.join(parts[:-1])} and {parts[-1]}" if len(parts) > 1 else "".join(parts)


def count(many: int, one: str, several: str = "") -> str:
    """1 race, 1,200 races."""
    return f"{many:,} {one if many == 1 else several or f'{one}s'}"


def shorten(text: str, length_max: int = 40) -> str:
    """At most `length_max` characters of the text."""
    return text if len(text) <= length_max else f"{text[: length_max - 3]}..."


def show_time(nanoseconds: float) -> str:
    """Three digits are enough for a reader: 12 ns, 84 µs, 1.31 ms, 2.05 s."""
    size = abs(nanoseconds)
    if size < 1_000:
        return f"{nanoseconds:.0f} ns" if nanoseconds else "0"
    if size < 999_500:
        return f"{nanoseconds / 1e3:.3g} µs"
    return f"{nanoseconds / 1e6:.3g} ms" if size < 999_500_000 else f"{nanoseconds / 1e9:.2f} s"


def show_state(state: str) -> str:
    """A state's name, in quotes if it is empty or not printable."""
    return state if state.isprintable() and state.strip() else json.dumps(state)


def show_states(states: Sequence[str]) -> str:
    """A|B, or how many there are."""
    return "|".join(map(show_state, states)) if len(states) <= STATES_MAX else f"one of {len(states)} states"
