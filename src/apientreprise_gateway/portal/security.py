"""What holds for every request: its id, how much it may send, the headers of its answer, and what is counted of it.

No line of the log says more of a request than its id, its route and its status.
"""

import re
import time
import uuid
from typing import Final

import structlog
from starlette.datastructures import MutableHeaders

from apientreprise_gateway.net.asgi import Message, Receive, Scope, Send
from apientreprise_gateway.observability.faults import FaultLog
from apientreprise_gateway.portal.metrics import PortalMetrics
from apientreprise_gateway.portal.refusals import TooLarge

FORM_BYTES: Final = 1_000_000
UPLOAD_BYTES: Final = 11_000_000
"""Of a form with a file."""
UPLOADS: Final = re.compile(r"/compte/demandes/[^/]+/formulaire")
"""Paths of the forms with a file."""
WEBHOOK_BYTES: Final = 10 * 1024 * 1024
WEBHOOKS: Final = "/api/datapass/"
POLICY: Final = (
    "default-src 'none'; style-src 'self'; script-src 'self'; img-src 'self'; font-src 'self'; connect-src 'self'; "
    "form-action 'self'; base-uri 'none'; frame-ancestors 'none'"
)
POLICY_DSFR: Final = POLICY.replace("img-src 'self'", "img-src 'self' data:")
"""The State's style sheet holds images."""
_HEADERS: Final = {
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
    "Referrer-Policy": "same-origin",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Permissions-Policy": "camera=(), geolocation=(), microphone=(), payment=()",
}
_HSTS: Final = "max-age=31536000"
_OTHER: Final = "none"
_log = structlog.get_logger(__name__)


class Envelope:
    """Wraps the application."""

    def __init__(self, inner: object, *, https: bool, policy: str, metrics: PortalMetrics, faults: FaultLog) -> None:
        """Wrap it; `https` says whether users reach it over TLS, `policy` is its Content-Security-Policy."""
        self._inner = inner
        self._headers = (
            _HEADERS | {"Content-Security-Policy": policy} | ({"Strict-Transport-Security": _HSTS} if https else {})
        )
        self._metrics = metrics
        self._faults = faults

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer a request."""
        if scope["type"] != "http":
            await self._inner(scope, receive, send)  # type: ignore[operator]
            return
        is_head = scope["method"] == "HEAD"
        if is_head:  # answered as the page would be, without its body: monitors ask so
            scope = {**scope, "method": "GET"}
        request_id = str(uuid.uuid4())
        scope.setdefault("state", {})["request_id"] = request_id
        began, status = time.perf_counter(), 0

        async def sending(message: Message) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
                headers = MutableHeaders(scope=message)
                for name, value in self._headers.items():
                    headers.setdefault(name, value)
                headers.setdefault("Cache-Control", "no-store")
                headers["X-Request-Id"] = request_id
            elif is_head:
                message = {**message, "body": b""}
            await send(message)

        try:
            await self._inner(scope, _bounded(receive, _most_bytes(scope)), sending)  # type: ignore[operator]
        except Exception as error:
            self._faults.tell("page_failed", error, request_id=request_id)
            if status == 0:
                await _answer_fault(sending, request_id)
        route = getattr(scope.get("route"), "path", _OTHER)
        self._metrics.answers.labels(route, str(status or 500)).inc()
        self._metrics.seconds.labels(route).observe(time.perf_counter() - began)
        _log.debug("page", request_id=request_id, route=route, status=status)


def _most_bytes(scope: Scope) -> int:
    if scope["path"].startswith(WEBHOOKS):
        return WEBHOOK_BYTES
    return UPLOAD_BYTES if UPLOADS.fullmatch(scope["path"]) else FORM_BYTES


def _bounded(receive: Receive, most: int) -> Receive:
    taken = 0

    async def receiving() -> Message:
        nonlocal taken
        message = await receive()
        if message["type"] == "http.request":
            taken += len(message.get("body", b""))
            if taken > most:
                raise TooLarge
        return message

    return receiving


async def _answer_fault(send: Send, request_id: str) -> None:
    """The page of last resort, which needs no template."""
    body = (
        '<!doctype html><html lang="fr"><meta charset="utf-8"><title>Erreur</title><h1>Une erreur est survenue</h1>'
        f"<p>Elle est de notre fait. Réessayez dans quelques minutes. Numéro de la requête : {request_id}</p></html>"
    ).encode()
    headers = [(b"content-type", b"text/html; charset=utf-8"), (b"content-length", b"%d" % len(body))]
    await send({"type": "http.response.start", "status": 500, "headers": headers})
    await send({"type": "http.response.body", "body": body})
