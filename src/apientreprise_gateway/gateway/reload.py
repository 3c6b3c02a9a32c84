"""Replaces the gateway while it serves, when the configuration is reloaded.

SIGHUP reads the configuration again and builds a gateway from it, which answers every call from then on. Calls that the
old gateway has begun end there. A configuration that cannot be used changes nothing. No connection is closed, and what
the old gateway knows is kept where the settings behind it are the same (`Gateway`).
"""

import asyncio
import gc
from collections.abc import Callable
from itertools import pairwise
from typing import Final

import structlog

from apientreprise_gateway.gateway.app import Gateway, lifespan
from apientreprise_gateway.gateway.components.connections import TLS_FILES
from apientreprise_gateway.gateway.settings import SettingsError
from apientreprise_gateway.net.asgi import Receive, Scope, Send
from apientreprise_gateway.process import ending

RETIRING_SECONDS: Final = 90.0
"""Seconds for which a replaced gateway is kept for the calls that it has begun; longer than any call may take."""
_COLLECT_SECONDS: Final = 0.5
_log = structlog.get_logger(__name__)


class ReloadableGateway:
    """An ASGI application that passes calls to the current gateway, and can replace it."""

    def __init__(self, first: Gateway, *, renew: Callable[[Gateway], Gateway]) -> None:
        """Serve with a gateway.

        Args:
            first: the gateway to begin with.
            renew: makes the successor of a gateway, or raises `SettingsError`; it is run in a thread.
        """
        self._renew = renew
        self._changing = asyncio.Lock()
        self._stopped = False
        self._retiring: dict[asyncio.Task[None], Gateway] = {}
        self._install(first)

    def _install(self, gateway: Gateway) -> None:
        """Let a gateway answer from the next call on; its connection hooks apply from the next connection on."""
        self.current = gateway
        self.hooks = gateway.hooks

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass a call to the current gateway."""
        if scope["type"] == "lifespan":
            await lifespan(receive, send, start=self.current.start, stop=self._stop)
        else:
            await self.current(scope, receive, send)

    async def reload(self) -> None:
        """Replace the gateway by one with the current configuration; keep it if that cannot be used."""
        async with self._changing:
            if self._stopped:
                return
            new = None
            try:
                new = await asyncio.to_thread(self._renew, self.current)
                if self._stopped:
                    new.discard()
                    return
                await new.start()
            except SettingsError as error:
                _log.error("reload_refused", reason=str(error), effect="the configuration in force stays")
                return
            except Exception:  # a bug: the current gateway goes on serving
                _log.exception("reload_failed", effect="the configuration in force stays")
                if new is not None:
                    new.discard()
                return
            old = self.current
            self._install(new)
            old.stop_watching()
            changed = new.changes_from(old)
            end = new.certificate_ends if any(name in changed for name in TLS_FILES) else None
            ends = {} if end is None else {"certificate_ends": end.isoformat()}
            _log.info("reloaded", changed=changed, **ends)
            task = asyncio.create_task(self._retire(old, new))
            self._retiring[task] = old
            task.add_done_callback(self._retired)

    async def reopen(self) -> None:
        """See `Gateway.reopen`."""
        async with self._changing:
            if not self._stopped:
                await asyncio.to_thread(self.current.reopen)

    @property
    def stop_timeout(self) -> float:
        """See `Gateway.stop_timeout`."""
        return self.current.stop_timeout

    def hurry(self, seconds: float) -> None:
        """See `Gateway.hurry`."""
        self.current.hurry(seconds)

    async def drain(self) -> None:
        """See `Gateway.drain`."""
        await self.current.drain()

    async def _retire(self, old: Gateway, new: Gateway) -> None:
        await asyncio.sleep(RETIRING_SECONDS)
        await old.stop(successor=new)

    def _retired(self, task: asyncio.Task[None]) -> None:
        self._retiring.pop(task, None)
        # Its components refer to each other, and objects that old are rarely collected: replaced gateways would pile
        # up. Its cancelled tasks refer to it until they have ended, hence the delay.
        asyncio.get_running_loop().call_later(_COLLECT_SECONDS, gc.collect)

    async def _stop(self) -> None:
        try:  # wait for a reload under way, so that the new gateway is stopped as well
            async with asyncio.timeout(ending.closing_seconds(self.stop_timeout) / 4), self._changing:
                self._stopped = True
        except TimeoutError:
            _log.error("reload_overdue", effect="the process ends without it")
            self._stopped = True
        gateways = [*self._retiring.values(), self.current]
        for task in list(self._retiring):
            task.cancel()
        await asyncio.gather(*(old.stop(successor=successor) for old, successor in pairwise(gateways)))
        await self.current.stop()
