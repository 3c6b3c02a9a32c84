"""What DataPass calls: the events of its requests, signed over the body as it comes.

Only calls with a bad signature are limited in number, by the client's address: DataPass sends what it kept for hours
at once. A call is answered when its event is stored and applied.
"""

import hashlib
import hmac
import time
from collections import OrderedDict
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Final

import anyio.to_thread
from fastapi import APIRouter, Request
from pydantic import SecretStr
from sqlalchemy import Engine
from starlette.requests import ClientDisconnect
from starlette.responses import JSONResponse

from apientreprise_gateway.accounts.applying import Answer, Delivery, receive
from apientreprise_gateway.accounts.datapass import v1, v2
from apientreprise_gateway.accounts.mails import Reporters
from apientreprise_gateway.accounts.model import ProductKey
from apientreprise_gateway.accounts.reading import NoJsonError, parse, read
from apientreprise_gateway.database.engine import DatabaseError, writing
from apientreprise_gateway.net.client_ip import ClientIp, counted
from apientreprise_gateway.observability.faults import FaultLog
from apientreprise_gateway.portal.services import Services

MAX_BODY: Final = 10_000_000
"""Bytes of the longest body that is read."""
MOST_BAD: Final = 20
"""Bad signatures that a client may send within `BAD_SECONDS`."""
BAD_SECONDS: Final = 60
MOST_CLIENTS: Final = 10_000
"""Clients whose bad signatures are counted; of more, those are forgotten that were seen least recently."""
_SIGNATURE: Final = "x-hub-signature-256"
_PATHS: Final = {"/api/datapass/api_{product}/webhook": v1.SOURCE, "/api/datapass/v2/api_{product}/webhook": v2.SOURCE}


class BadSignatures:
    """Counts the calls of each client whose signature was bad, in fixed windows."""

    def __init__(self, *, most: int = MOST_BAD, seconds: float = BAD_SECONDS, clock: Callable[[], float]) -> None:
        """Allow each client so many within so many seconds of a clock that only goes forward."""
        self._most = most
        self._seconds = seconds
        self._clock = clock
        self._seen: OrderedDict[str, tuple[float, int]] = OrderedDict()

    def wait_of(self, client: str) -> int | None:
        """Count one more; returns in how many seconds the client may send another, None if it was not too many."""
        now = self._clock()
        began, count = self._seen.pop(client, (now, 0))
        if now - began >= self._seconds:
            began, count = now, 0
        self._seen[client] = (began, min(count, self._most) + 1)
        if len(self._seen) > MOST_CLIENTS:
            self._seen.popitem(last=False)
        return None if count < self._most else max(1, int(began + self._seconds - now) + 1)


class TooLongError(Exception):
    """A body is longer than what is read."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Webhooks:
    """What the webhooks need."""

    engine: Engine
    secrets: Sequence[SecretStr]
    """Any of which may have signed a body; without one, nothing is accepted."""
    client_ip: ClientIp
    now: Callable[[], datetime]
    reporters: Reporters = field(default_factory=dict)
    count: Callable[[str], None] = lambda _outcome: None
    """Told the outcome of each call: `applied`, `repeated`, `kept`, `test`, `unreadable`, `no_json`, `too_long`,
    `bad_signature`, `limited`, `failed`."""

    def is_signed(self, body: bytes, signature: str | None) -> bool:
        """Whether one of the secrets signed a body; as slow for a wrong signature as for a right one."""
        given = (signature or "").encode("latin-1", "replace")
        signed = False
        for secret in self.secrets:
            right = hmac.new(secret.get_secret_value().encode(), body, hashlib.sha256).hexdigest()
            signed |= hmac.compare_digest(f"sha256={right}".encode(), given)
        return signed

    def apply(self, source: str, product: ProductKey, body: bytes) -> Answer | None:
        """Store and apply a body, which is JSON; None for the test call, which is not kept.

        Raises:
            NoJsonError: it is none.
            DatabaseError: the database cannot be used.
        """
        said = parse(body)
        if isinstance(said, dict) and said.get("test") is True and "event" not in said:
            return None
        now = self.now()
        reading = read(source, body, product, now)
        with writing(self.engine) as connection:
            delivery = Delivery(source=source, product=product, body=body, reading=reading)
            return receive(connection, delivery, now, reporters=self.reporters)


def make_router(webhooks: Webhooks, *, clock: Callable[[], float] = time.monotonic) -> APIRouter:
    """The paths that DataPass calls; `clock` is that of the limit, in seconds."""
    router = APIRouter()
    bad = BadSignatures(clock=clock)
    faults = FaultLog()
    for path, source in _PATHS.items():
        for product in ProductKey:
            endpoint = _Endpoint(webhooks, bad, faults, source=source, product=product)
            router.add_api_route(path.format(product=product), endpoint.answer, methods=["POST"])
    return router


def router_of(services: Services) -> APIRouter:
    """The paths that DataPass calls of a portal."""
    webhooks = Webhooks(
        engine=services.engine,
        secrets=services.settings.datapass_secrets,
        client_ip=services.client_ip,
        now=services.now,
        reporters=services.settings.reporters,
        count=lambda outcome: services.metrics.webhooks.labels(outcome).inc(),
    )
    return make_router(webhooks)


class _Endpoint:
    """One of the four paths."""

    def __init__(
        self, webhooks: Webhooks, bad: BadSignatures, faults: FaultLog, *, source: str, product: ProductKey
    ) -> None:
        self._webhooks = webhooks
        self._bad = bad
        self._faults = faults
        self._source = source
        self._product = product

    async def answer(self, request: Request) -> JSONResponse:
        """Read, check, store, apply."""
        outcome, response = await self._answer(request)
        self._webhooks.count(outcome)
        return response

    async def _answer(self, request: Request) -> tuple[str, JSONResponse]:
        try:
            body = await read_body(request, MAX_BODY)
        except TooLongError:
            return "too_long", _error(413, "Payload Too Large", close=True)
        except ClientDisconnect:
            return "no_json", _error(400, "Bad Request")  # nobody reads it
        if not self._webhooks.is_signed(body, request.headers.get(_SIGNATURE)):
            return self._refuse(request)
        try:
            answer = await anyio.to_thread.run_sync(self._webhooks.apply, self._source, self._product, body)
        except NoJsonError:
            return "no_json", _error(400, "Bad Request")
        except Exception as error:  # whatever it is, DataPass will send the event again
            self._faults.tell("webhook_failed", error, worded=isinstance(error, DatabaseError))
            return "failed", _error(500, "Internal Server Error")
        if answer is None:
            return "test", JSONResponse({})
        return _outcome(answer), JSONResponse(dict(answer.body), answer.status)

    def _refuse(self, request: Request) -> tuple[str, JSONResponse]:
        if not self._webhooks.secrets:
            return "bad_signature", _error(401, "Unauthorized")
        peer = request.client.host if request.client else None
        wait = self._bad.wait_of(counted(self._webhooks.client_ip.of(peer, request.scope["headers"])))
        if wait is None:
            return "bad_signature", _error(401, "Unauthorized")
        response = _error(429, "Too Many Requests")
        response.headers["Retry-After"] = str(wait)
        return "limited", response


def _outcome(answer: Answer) -> str:
    if answer.is_repeat:
        return "repeated"
    if answer.habilitation_id is not None:
        return "applied"
    return "kept" if answer.status < 400 else "unreadable"


def _error(status: int, error: str, *, close: bool = False) -> JSONResponse:
    headers: dict[str, Any] = {"Connection": "close"} if close else {}
    return JSONResponse({"error": error}, status, headers=headers)


async def read_body(request: Request, most: int) -> bytes:
    """The body of a request, of which no more is read than may come.

    Raises:
        TooLongError: it is longer.
    """
    announced = request.headers.get("content-length", "")
    if announced.isdigit() and (len(announced) > 18 or int(announced) > most):
        raise TooLongError
    body = bytearray()
    async for part in request.stream():
        body += part
        if len(body) > most:
            raise TooLongError
    return bytes(body)
