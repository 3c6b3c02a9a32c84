"""The examples of a product: what each operation answers to the examples of its parameters."""

from collections.abc import Callable, Mapping
from functools import cached_property
from typing import Any

import orjson


class Examples:
    """The bodies of successes, by operation; nothing is read before one is needed."""

    def __init__(self, read: Callable[[], bytes]) -> None:
        """Read nothing yet; `read` gives a JSON object of bodies by operation."""
        self._read = read

    @cached_property
    def bodies(self) -> Mapping[str, Any]:
        """The body of each operation that has an example."""
        bodies: Mapping[str, Any] = orjson.loads(self._read())
        return bodies
