"""The pages that say whether the sources of data work: `/pings`, and `/ping/` with the key of each."""

import re
import time
from collections.abc import Awaitable, Callable, Iterable
from datetime import UTC, datetime
from typing import Final, Protocol

from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from apientreprise_gateway.catalogue.model import Ping
from apientreprise_gateway.pings.board import Answer, Status

PINGS: Final = "/pings"
PING: Final = "/ping/"
INDEX_SECONDS: Final = 300
SHARED_SECONDS: Final = 10
"""How long others may keep an answer at most: calls may contradict it at any time."""
_HOST: Final = re.compile(r"([A-Za-z0-9._-]{1,253}|\[[0-9A-Fa-f:.]{2,45}\])(:[0-9]{1,5})?")

Page = Callable[[Request], Awaitable[Response] | Response]


class Sources(Protocol):
    """What can be asked about the sources of data."""

    def index(self) -> Iterable[Ping]:
        """The pings that there are."""

    async def answer(self, key: str) -> Answer | None:
        """What to say of a source; None if there is no such ping."""


class PingPages:
    """The pages."""

    def __init__(self, sources: Sources, *, public_url: str | None) -> None:
        """Take whom to ask.

        Args:
            sources: asked on each call to a ping.
            public_url: where callers reach the gateway; what their request says if None.
        """
        self._sources = sources
        self._public_url = public_url

    def by_path(self) -> dict[str, Page]:
        """The pages by their path, as Starlette writes it."""
        return {PINGS: self.index, f"{PING}{{key:path}}": self.ping}

    async def index(self, request: Request) -> Response:
        """The list of pings."""
        base = _base_url(request) if self._public_url is None else self._public_url
        rows = [{"name": ping.name, "url": f"{base}{PING}{ping.key}"} for ping in self._sources.index()]
        return JSONResponse(rows, headers={"Cache-Control": f"private, max-age={INDEX_SECONDS}"})

    async def ping(self, request: Request) -> Response:
        """One of them."""
        answer = await self._sources.answer(request.path_params["key"])
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


def no_such_ping() -> Response:
    """The published answer to a key that there is not."""
    return JSONResponse({}, status_code=404, headers={"Cache-Control": "no-store"})


def _base_url(request: Request) -> str:
    """Where this request has reached us, if it says so in a way that can be repeated."""
    host = request.headers.get("host", "")
    return f"{request.url.scheme}://{host}" if _HOST.fullmatch(host) else ""


def _instant(at: float | None) -> str | None:
    return None if at is None else datetime.fromtimestamp(at, UTC).isoformat(timespec="seconds")
