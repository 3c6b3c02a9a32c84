"""The outermost layer of an ASGI application, which logs any exception in one line and answers 500."""

from collections.abc import Awaitable, Callable

from apientreprise_gateway.net.asgi import Message, Receive, Send
from apientreprise_gateway.observability.faults import FaultLog

Asgi = Callable[[Message, Receive, Send], Awaitable[None]]


class Barrier:
    """Wraps an application, and logs and answers its exceptions, as servers would write a traceback for each."""

    def __init__(self, inner: Asgi, *, faults: FaultLog, body: bytes) -> None:
        """Take the application, the log of its faults, and the body of the 500."""
        self._inner = inner
        self._faults = faults
        self._body = body

    async def __call__(self, scope: Message, receive: Receive, send: Send) -> None:
        """Answer a call."""
        has_started = False

        async def note(message: Message) -> None:
            nonlocal has_started
            has_started = True
            await send(message)

        try:
            await self._inner(scope, receive, note)
        except Exception as error:
            self._faults.tell("call_failed", error)
            if not has_started:
                await self._answer(send)

    async def _answer(self, send: Send) -> None:
        headers = [(b"content-type", b"application/json"), (b"content-length", b"%d" % len(self._body))]
        await send({"type": "http.response.start", "status": 500, "headers": headers})
        await send({"type": "http.response.body", "body": self._body})
