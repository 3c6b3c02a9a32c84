"""Asks FranceConnect about the access token of a call, within one deadline that covers all of it.

Its trouble is its own: it has its connections, its bound on questions under way and its breaker, and a question that it
does not answer in time fails alone. Nothing of an answer is remembered.
"""

import asyncio
import hmac
import re
import time
from collections.abc import Callable, Sequence
from datetime import date
from typing import Any, Final, Protocol
from urllib.parse import quote_plus, urlencode

import structlog

from apientreprise_gateway.auth.france_connect import claims
from apientreprise_gateway.auth.france_connect.claims import Introspection
from apientreprise_gateway.auth.france_connect.faults import UnusableAnswerError
from apientreprise_gateway.auth.jwks import KeySet
from apientreprise_gateway.auth.keys import Key, KeyRing
from apientreprise_gateway.auth.token import COMPACT, MAX_TOKEN_LENGTH, UnknownKeyError, signed_claims
from apientreprise_gateway.contract.errors import Refusal, provider_error, refuse
from apientreprise_gateway.contract.france_connect import FAILURES, FRANCE_CONNECT, MALFORMED
from apientreprise_gateway.contract.lifetime import today as today_in_paris
from apientreprise_gateway.observability.provider_calls import ABANDONED, OK
from apientreprise_gateway.upstream.reading import subcode_of
from apientreprise_gateway.upstream.response import Response
from apientreprise_gateway.upstream.source import Observe
from apientreprise_gateway.upstream.upstream import NotAskedError

_TOKEN: Final = re.compile(r"[A-Za-z0-9._~+/-]+=*")
"""The form of any access token (RFC 6750, section 2.1)."""
_BAD_REQUEST: Final = 400
_log = structlog.get_logger(__name__)


class Upstream(Protocol):
    """The way to FranceConnect, with its breaker and its bound on questions."""

    async def get(self, target: str, *, request_id: str, deadline: float, form: bytes) -> Response:
        """Send a form, see `upstream.Upstream.get`."""

    def close(self) -> None:
        """Close the connections."""


class Decrypts(Protocol):
    """Our key."""

    def decrypt(self, text: bytes) -> bytes:
        """See `OwnKey.decrypt`."""


class UnavailableError(Refusal):
    """FranceConnect could not say anything about a token: this is no fault of the caller."""


class FranceConnect:
    """Finds out what access tokens of FranceConnect are."""

    def __init__(
        self,
        *,
        upstream: Upstream,
        target: str,
        client: tuple[str, str],
        key: Decrypts,
        keys: KeySet,
        timeout: float,
        observe: Observe,
        now: Callable[[], float] = time.time,
        today: Callable[[], date] = today_in_paris,
    ) -> None:
        """Configure it; nobody is asked yet.

        Args:
            upstream: the way to FranceConnect.
            target: path and query of its introspection.
            client: our client id and client secret there.
            key: decrypts its answers.
            keys: those that sign its answers.
            timeout: seconds that a question may take, with the reading of its answer.
            observe: told what comes of each question.
            now: Unix time in seconds.
            today: the day in Paris.
        """
        self._upstream = upstream
        self._target = target
        self._form = urlencode({"client_id": client[0], "client_secret": client[1], "token": ""})
        self._begun = hmac.new(client[1].encode(), b"apientreprise-gateway france_connect", "sha256")
        self._key = key
        self._keys = keys
        self._timeout = timeout
        self._observe = observe
        self._now = now
        self._today = today
        self._ring = KeyRing(())
        self._told = ""
        """Why the last answer could not be used; empty if it could."""

    @property
    def keys(self) -> KeySet:
        """The keys that sign its answers."""
        return self._keys

    async def follow(self) -> None:
        """Follow changes of the keys from now on, in place of a predecessor."""
        self._keys.on_keys = self._use
        self._use(self._keys.keys)

    def close(self) -> None:
        """Close the connections."""
        self._upstream.close()

    def name_of(self, found: Introspection) -> str:
        """A name for the holder of a token, under which its calls are counted: the same for all its tokens of one
        service, and telling nothing of either."""
        digest = self._begun.copy()
        digest.update(f"{len(found.client)}:{found.client}{found.subject}".encode("utf-8", "surrogatepass"))
        return f"fc-{digest.hexdigest()}"

    async def introspect(self, token: str, *, request_id: str) -> Introspection:
        """What FranceConnect says of an access token.

        Raises:
            Refusal: 401, `50001` for what is no access token, `50002` for one that is not in force, `50003` for one
                without the whole pivot identity.
            UnavailableError: FranceConnect is not asked, does not answer in time, or not as it promises.
        """
        if len(token) > MAX_TOKEN_LENGTH or _TOKEN.fullmatch(token) is None:
            raise _malformed()
        outcome, status, asked = ABANDONED, 0, True
        started = time.monotonic()
        try:
            found = await self._ask(token, request_id, started + self._timeout)
            outcome, status = OK, 200
            return found
        except UnavailableError as refusal:
            cause = refusal.__cause__
            outcome, status = refusal.errors[0].code, refusal.status
            if isinstance(cause, NotAskedError):
                outcome, asked = cause.outcome, False
            raise
        except Refusal as refusal:
            outcome, status = OK, refusal.status  # it answered
            raise
        finally:
            self._observe(outcome, status, time.monotonic() - started if asked else None)

    async def _ask(self, token: str, request_id: str, deadline: float) -> Introspection:
        form = f"{self._form}{quote_plus(token)}".encode("ascii")
        try:
            answer = await self._upstream.get(self._target, request_id=request_id, deadline=deadline, form=form)
        except Refusal as refusal:
            raise UnavailableError(refusal.status, *refusal.errors) from refusal
        if answer.status == _BAD_REQUEST:
            raise _malformed()
        if answer.status != 200:
            subcode = subcode_of(FRANCE_CONNECT, answer.status)
            raise _unavailable(subcode if subcode in FAILURES else "999")
        try:
            said = await self._read(answer.body, deadline)
            found = claims.read(said, now=self._now(), today=self._today())
        except UnusableAnswerError as error:
            self._tell(str(error))
            raise _unavailable("999") from None
        self._tell("")
        return found

    async def _read(self, body: bytes, deadline: float) -> dict[str, Any]:
        """What an answer says, once it is decrypted and its signature verified.

        Raises:
            UnusableAnswerError: it is not what FranceConnect promises.
            UnavailableError: the deadline passes, or the keys that sign its answers cannot be had.
        """
        text = self._key.decrypt(body.strip()).decode("ascii", "replace").strip()
        if COMPACT.fullmatch(text) is None:
            raise UnusableAnswerError("what it encrypts is not signed")
        try:
            said = await self._verified(text, deadline)
        except UnknownKeyError:
            if self._ring.known:
                raise UnusableAnswerError("it is signed with a key that is not in the key set") from None
            raise _unavailable("001") from None
        except TimeoutError:
            raise _unavailable("002") from None
        if said is None:
            raise UnusableAnswerError("its signature is not valid")
        if time.monotonic() >= deadline:
            raise _unavailable("002")
        return said

    async def _verified(self, text: str, deadline: float) -> dict[str, Any] | None:
        try:
            return signed_claims(text, self._ring)
        except UnknownKeyError:
            async with asyncio.timeout_at(deadline):
                await self._keys.renew()
            return signed_claims(text, self._ring)

    def _use(self, keys: Sequence[Key]) -> None:
        self._ring = KeyRing(keys, known=bool(keys), renewable=True)

    def _tell(self, reason: str) -> None:
        """Log why an answer could not be used: once for each reason, not for each call."""
        if reason and reason != self._told:
            _log.error("france_connect_unusable", reason=reason, effect="calls with an access token get 51999")
        self._told = reason


def _malformed() -> Refusal:
    return refuse(MALFORMED)


def _unavailable(subcode: str) -> UnavailableError:
    refusal = provider_error(subcode, prefix=FRANCE_CONNECT.prefix, name=FRANCE_CONNECT.name)
    return UnavailableError(refusal.status, *refusal.errors)
