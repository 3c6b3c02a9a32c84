"""Event loops beside those of pytest-asyncio."""

import asyncio
from collections.abc import Coroutine
from typing import Any, TypeVar

T = TypeVar("T")


def complete(work: Coroutine[Any, Any, T]) -> T:
    """Run a coroutine in a loop of its own: each example of a law that is stated inside a test needs one."""
    return asyncio.run(work)
