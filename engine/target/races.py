"""Tells whether requests are a race. Pure."""

from collections.abc import Collection


def is_race(start: str, contenders: Collection[tuple[Collection[str], str]]) -> bool:
    """Whether exactly one of the contenders (expected states, next state) can win, in every order.

    So every contender expects the state at the start, and no contender expects the next state of any.
    """
    reached = {next_state for _, next_state in contenders}
    return bool(contenders) and all(start in expected and reached.isdisjoint(expected) for expected, _ in contenders)
