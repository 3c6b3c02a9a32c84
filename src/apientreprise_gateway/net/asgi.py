"""The types of ASGI (https://asgi.readthedocs.io), as an application and a server name them to each other."""

from collections.abc import Awaitable, Callable, MutableMapping
from typing import Any

Header = tuple[bytes, bytes]
"""Name, in lower case, and value."""
Scope = MutableMapping[str, Any]
"""What is known of a connection or a request before anything of it is read."""
Message = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]
