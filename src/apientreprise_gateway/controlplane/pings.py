"""The pages that say whether the sources of data work: of each product a list of them, and a page of each."""

import time
from collections.abc import Awaitable, Callable, Iterable, MutableMapping
from datetime import UTC, datetime
from typing import Any, Final, Protocol

from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from apientreprise_gateway.contract.endpoint import Ping
from apientreprise_gateway.pings.board import Answer, Status
from apientreprise_gateway.providers.product import KEY, PingPaths, Product

INDEX_SECONDS: Final = 300
SHARED_SECONDS: Final = 10
"""Most seconds for which shared caches may keep an answer: calls may contradict it at any time."""

Page = Callable[[Request], Awaitable[Response] | Response]
OriginOf = Callable[[MutableMapping[str, Any]], str]
"""From an ASGI scope to the scheme and host that the caller used, without a slash at the end."""


class Sources(Protocol):
    """Knows whether each source of data works."""

    async def answer(self, key: str) -> Answer | None:
        """The answer of a ping by its key; None if there is no such ping."""


class PingPages:
    """The pages that list the pings of a product, or of several that have them at the same paths, and answer each."""

    def __init__(self, pings: Iterable[Ping], paths: PingPaths, sources: Sources, *, origin_of: OriginOf) -> None:
        """Make the pages.

        Args:
            pings: what they list.
            paths: where they are.
            sources: knows whether each source works.
            origin_of: the scheme and host at which a caller reaches the gateway.
        """
        self._pings = {ping.key: ping for ping in pings}
        self._paths = paths
        self._sources = sources
        self._origin_of = origin_of

    def by_path(self) -> dict[str, Page]:
        """The pages by their path, as Starlette writes it."""
        one = self._paths.one
        return {
            self._paths.index: self.index,
            one.replace(KEY, "{key:path}" if one.endswith(KEY) else "{key}"): self.ping,
        }

    async def index(self, request: Request) -> Response:
        """The list of pings."""
        base = self._origin_of(request.scope)
        rows = [{"name": ping.name, "url": base + self._paths.of(ping)} for ping in self._pings.values()]
        return JSONResponse(rows, headers={"Cache-Control": f"private, max-age={INDEX_SECONDS}"})

    async def ping(self, request: Request) -> Response:
        """The status of one source."""
        key = request.path_params["key"]
        answer = await self._sources.answer(key) if key in self._pings else None
        if answer is None:
            return no_such_ping()
        body = {
            "status": answer.status.value,
            "last_update": _instant(answer.at),
            "last_ok_status": _instant(answer.ok_at),
        }
        if answer.until is not None:
            body["until"] = _instant(answer.until)
        seconds = max(0, min(SHARED_SECONDS, int(answer.keep_until - time.time())))
        return JSONResponse(
            body,
            status_code=502 if answer.status is Status.BAD else 200,
            headers={"Cache-Control": f"public, max-age={seconds}"},
        )


def pages_of(products: Iterable[Product], sources: Sources, *, origin_of: OriginOf) -> dict[str, Page]:
    """The pages of the pings of all products by their path, as Starlette writes it."""
    pings: dict[PingPaths, list[Ping]] = {}
    for product in products:
        own = pings.setdefault(product.pings, [])
        own += (ping for provider in product.providers for ping in provider.pings)
    return {
        path: page
        for paths, own in pings.items()
        for path, page in PingPages(own, paths, sources, origin_of=origin_of).by_path().items()
    }


def no_such_ping() -> Response:
    """The answer, as published, to a key that no ping has."""
    return JSONResponse({}, status_code=404, headers={"Cache-Control": "no-store"})


def _instant(at: float | None) -> str | None:
    return None if at is None else datetime.fromtimestamp(at, UTC).isoformat(timespec="seconds")
