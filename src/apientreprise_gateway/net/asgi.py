"""The types of the ASGI interface between a server and an application (https://asgi.readthedocs.io)."""

from collections.abc import Awaitable, Callable, MutableMapping
from typing import Any

Header = tuple[bytes, bytes]
"""Name, in lower case, and value."""
Scope = MutableMapping[str, Any]
"""What is known of a connection or a request before its body is read."""
Message = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]
