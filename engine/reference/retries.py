"""Asks again after a serialization failure: the database rolled the transaction back, so nothing has happened.

A move asks again by itself, with its second look: `workflows.move_from`.
"""

import asyncio
import random
from collections.abc import Awaitable, Callable
from typing import TypeVar

from engine.reference.errors import Contended, SerializationFailure

BACKOFF_MS = 2.0

T = TypeVar("T")


async def retry(question: Callable[[], Awaitable[T]], attempts_max: int) -> T:
    """Asks again after each SerializationFailure. Raises Contended after `attempts_max` attempts."""
    for attempt in range(attempts_max):
        try:
            return await question()
        except SerializationFailure:
            await back_off(attempt)
    raise Contended(attempts_max)


async def back_off(attempt: int) -> None:
    """Waits for a random time, at most BACKOFF_MS doubled with each attempt, so that contenders spread out."""
    await asyncio.sleep(random.random() * BACKOFF_MS * 2 ** min(attempt, 6) / 1000)
