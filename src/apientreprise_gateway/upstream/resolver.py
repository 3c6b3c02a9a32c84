"""Resolves and caches the name of a server."""

import asyncio
import socket
import threading
from contextlib import suppress
from functools import partial
from typing import Any, Final, TypeVar

from apientreprise_gateway.observability import faults
from apientreprise_gateway.upstream.faults import CallError, Fault, words

NAME_SECONDS: Final = 30.0
"""Seconds that addresses are used before they are looked up again."""
STALE_NAME_SECONDS: Final = 300.0
"""Seconds that addresses are used while a new look-up is under way, or fails to reach a name server."""
_DOUBTFUL_SECONDS: Final = 1.0
_T = TypeVar("_T")


class Resolver:
    """The addresses of one name.

    They are looked up in a thread of their own, so that a name server that hangs for this name delays no other name, as
    it would in the few threads of the event loop.
    """

    def __init__(self, host: str, port: int) -> None:
        self._host = host
        self._port = port
        self._known: list[Any] = []
        self._fresh_until = 0.0
        self._usable_until = 0.0
        self._looking_up: asyncio.Future[None] | None = None

    async def addresses(self, deadline: float) -> list[Any]:
        """Socket addresses to connect to, as `getaddrinfo` gives them.

        Calls during a look-up share it; if addresses are known already, they do not wait.

        Raises:
            CallError: the name was not resolved by the deadline.
        """
        now = asyncio.get_running_loop().time()
        if now < self._fresh_until:
            return self._known
        if self._looking_up is None or self._looking_up.done():
            self._looking_up = asyncio.ensure_future(self._look_up())
            self._looking_up.add_done_callback(_retrieve)
        if now < self._usable_until:
            return self._known
        try:
            async with asyncio.timeout_at(deadline):
                await asyncio.shield(self._looking_up)
        except TimeoutError:
            raise CallError(Fault.NAME, "no answer within the deadline") from None
        except OSError as error:
            raise CallError(Fault.NAME, words(error)) from error
        except Exception as error:  # such as a system without a thread to spare
            raise CallError(Fault.NAME, faults.words(error)) from error
        return self._known

    def doubt(self) -> None:
        """Look the addresses up again soon, as they may have changed."""
        self._fresh_until = min(self._fresh_until, asyncio.get_running_loop().time() + _DOUBTFUL_SECONDS)

    def close(self) -> None:
        """Cancel the look-up that is under way."""
        if self._looking_up is not None:
            self._looking_up.cancel()

    async def _look_up(self) -> None:
        try:
            self._known = await _look_up(self._host, self._port)
        except socket.gaierror as error:
            if error.errno != socket.EAI_AGAIN:
                self._usable_until = 0.0
            raise
        now = asyncio.get_running_loop().time()
        self._fresh_until, self._usable_until = now + NAME_SECONDS, now + STALE_NAME_SECONDS


async def _look_up(host: str, port: int) -> list[Any]:
    try:
        return socket.getaddrinfo(host, port, type=socket.SOCK_STREAM, flags=socket.AI_NUMERICHOST)
    except (socket.gaierror, UnicodeError):
        pass  # it is a name, not an address
    loop = asyncio.get_running_loop()
    found: asyncio.Future[list[Any]] = loop.create_future()

    def resolve() -> None:
        try:
            addresses: list[Any] = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
            tell = partial(_set_result, found, addresses)
        except Exception as error:  # whatever it is, it must reach the call that waits
            tell = partial(_set_exception, found, error if isinstance(error, OSError) else socket.gaierror(str(error)))
        with suppress(RuntimeError):  # the loop is closed
            loop.call_soon_threadsafe(tell)

    # A daemon thread, so that the process does not wait for a name server when it exits.
    threading.Thread(target=resolve, name=f"resolve {host}", daemon=True).start()
    return await found


def _set_result(future: "asyncio.Future[_T]", result: _T) -> None:
    if not future.done():
        future.set_result(result)


def _set_exception(future: "asyncio.Future[Any]", error: BaseException) -> None:
    if not future.done():
        future.set_exception(error)


def _retrieve(future: "asyncio.Future[None]") -> None:
    """Retrieve the error of a look-up for which no call may have waited, so that asyncio does not log it."""
    if not future.cancelled():
        future.exception()
