"""Serves test tokens, and the page that offers them."""

import time
from collections import deque
from collections.abc import Callable, Mapping
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Final
from zoneinfo import ZoneInfo

import orjson

from apientreprise_gateway.auth.issue import issue
from apientreprise_gateway.catalogue.example_call import curl_for
from apientreprise_gateway.contract.error_forms import object_bodies
from apientreprise_gateway.contract.errors import ApiError, Refusal, gateway_error, refuse
from apientreprise_gateway.net.asgi import Receive, Scope, Send
from apientreprise_gateway.providers.product import Product
from apientreprise_gateway.sandbox.exchange import JSON, AsgiPage, send_head
from apientreprise_gateway.sandbox.tokens.order import LONGEST, Order, WrongOrderError, read_order
from apientreprise_gateway.sandbox.tokens.page import CSS, PAGE, STYLE, TOKENS, form_page, token_page
from apientreprise_gateway.server.application import Application, ConnectionHooks

LIFETIME: Final = timedelta(hours=1)
"""How long a test token lasts."""
MOST: Final = 300
"""Tokens that are given in a window of `WINDOW_SECONDS`, to all callers together."""
WINDOW_SECONDS: Final = 60.0
_SUBJECT: Final = "bac-a-sable"
_HTML: Final = "text/html; charset=utf-8"
_PARIS: Final = ZoneInfo("Europe/Paris")
_HEADERS: Final = {
    "cache-control": "no-store",
    "content-security-policy": "default-src 'none'; style-src 'self'; img-src data:; base-uri 'none'; "
    "form-action 'self'; frame-ancestors 'none'",
    "referrer-policy": "no-referrer",
    "x-content-type-options": "nosniff",
}


class TokenPages:
    """Gives tokens for the gateway of a demonstration."""

    def __init__(
        self,
        products: tuple[Product, ...],
        *,
        secret: str,
        base: str,
        persons: Mapping[str, str] | None = None,
        now: Callable[[], datetime] = lambda: datetime.now(UTC),
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        """Give nothing yet.

        Args:
            products: the products whose scopes tokens may have.
            secret: the key of the demonstration, which no other gateway has.
            base: URL of the gateway.
            persons: the test access tokens of FranceConnect, by the persons that they stand for.
            now: the time of tokens.
            clock: seconds, for the rate.
        """
        self._products = products
        self._secret = secret
        self._base = base
        self._persons = persons
        self._now = now
        self._clock = clock
        self._given: deque[float] = deque(maxlen=MOST)
        """When the latest tokens were given."""

    @property
    def pages(self) -> Mapping[bytes, AsgiPage]:
        """What answers at which path."""
        return {
            PAGE.encode(): self._show_form,
            f"{PAGE}/".encode(): self._show_form,
            TOKENS.encode(): self._give,
            STYLE.encode(): _show_style,
        }

    async def _show_form(self, scope: Scope, _receive: Receive, send: Send) -> None:
        if scope["method"] not in {"GET", "HEAD"}:
            await _refuse(send, _method("GET et HEAD"), {"allow": "GET, HEAD"})
            return
        await _send(send, 200, self._form(), _HTML)

    async def _give(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["method"] != "POST":
            await _refuse(send, _method("POST"), {"allow": "POST"})
            return
        headers = {name: value.decode("latin-1") for name, value in scope["headers"]}
        is_browser = "text/html" in headers.get(b"accept", "")
        wait = self._wait()
        if wait:
            await _refuse(send, refuse("00429"), {"retry-after": str(wait)})
            return
        try:
            order = read_order(await _body_of(receive), headers.get(b"content-type", ""), self._products)
        except WrongOrderError as error:
            if is_browser:
                await _send(send, 400, self._form(str(error)), _HTML)
            else:
                await _refuse(send, _wrong(error))
            return
        self._given.append(self._clock())
        status, body, kind = self._token(order, is_browser=is_browser)
        await _send(send, status, body, kind)

    def _wait(self) -> int:
        """Seconds until the next token may be given; 0 if it may be now."""
        if len(self._given) < MOST:
            return 0
        left = self._given[0] + WINDOW_SECONDS - self._clock()
        return 0 if left <= 0 else int(left) + 1

    def _form(self, error: str = "") -> bytes:
        minutes = int(LIFETIME.total_seconds() // 60)
        return form_page(self._products, minutes=minutes, persons=self._persons, error=error)

    def _token(self, order: Order, *, is_browser: bool) -> tuple[int, bytes, str]:
        """Status, body and type of the answer that gives a token."""
        now = self._now()
        ends = now + LIFETIME
        token = issue(secret=self._secret, scopes=order.scopes, subject=_SUBJECT, issued_at=now, expires_at=ends)
        curl = curl_for(token, order.scopes, order.products, self._base)
        if is_browser:
            until = f"{ends.astimezone(_PARIS):%d/%m/%Y à %H h %M}"
            return 201, token_page(token=token, scopes=order.scopes, until=until, curl=curl), _HTML
        given = {
            "token": token,
            "expires_at": ends.replace(microsecond=0).isoformat(),
            "expires_in": int(LIFETIME.total_seconds()),
            "products": [product.key for product in order.products],
            "scopes": order.scopes,
            "curl": curl,
        }
        return 201, orjson.dumps(given), JSON


class WithPages:
    """An application with further pages, of which it knows nothing."""

    def __init__(self, application: Application, pages: Mapping[bytes, AsgiPage]) -> None:
        self._application = application
        self._pages = pages
        self._hooks = (application.hooks, self._beside(application.hooks))

    @property
    def hooks(self) -> ConnectionHooks:
        """The application's own, but for the calls to the pages."""
        present = self._application.hooks
        if present is not self._hooks[0]:
            self._hooks = (present, self._beside(present))
        return self._hooks[1]

    def _beside(self, hooks: ConnectionHooks) -> ConnectionHooks:
        paths = {path.decode() for path in self._pages}
        return replace(hooks, takes=lambda path: path not in paths and hooks.takes(path))

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        page = self._pages.get(scope["path"].encode()) if scope["type"] == "http" else None
        await (page or self._application)(scope, receive, send)


async def _show_style(_scope: Scope, _receive: Receive, send: Send) -> None:
    await _send(send, 200, CSS, "text/css; charset=utf-8")


async def _body_of(receive: Receive) -> bytes:
    """The body of a request.

    Raises:
        WrongOrderError: it is too long, or the client has gone.
    """
    body = bytearray()
    while True:
        message = await receive()
        body += message.get("body", b"")
        if len(body) > LONGEST or message["type"] == "http.disconnect":
            raise WrongOrderError(f"Le corps ne peut pas dépasser {LONGEST} octets.")
        if not message.get("more_body"):
            return bytes(body)


def _method(allowed: str) -> Refusal:
    error = gateway_error("00405")
    return Refusal(405, ApiError(code=error.code, title=error.title, detail=f"Méthode acceptée ici : {allowed}."))


def _wrong(error: WrongOrderError) -> Refusal:
    kind = gateway_error("00401")
    source = {"parameter": error.parameter} if error.parameter else None
    return Refusal(400, ApiError(code=kind.code, title=kind.title, detail=str(error), source=source))


async def _refuse(send: Send, refusal: Refusal, headers: Mapping[str, str] | None = None) -> None:
    await _send(send, refusal.status, object_bodies(refusal.errors), JSON, headers or {})


async def _send(send: Send, status: int, body: bytes, kind: str, headers: Mapping[str, str] | None = None) -> None:
    await send_head(send, status, len(body), content_type=kind, headers={**_HEADERS, **(headers or {})})
    await send({"type": "http.response.body", "body": body})
