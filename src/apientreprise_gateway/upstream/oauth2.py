"""Tokens for calls to a provider, by OAuth2 client credentials (RFC 6749, section 4.4).

All calls share one fetch at a time. A token is renewed while it is still valid, by the calls near its end, which do not
wait for it; a token that is not used any more is left to expire. While the token endpoint fails, one fetch is tried per
pause, and the current token stays in use.
"""

import asyncio
from typing import Final, NamedTuple

import structlog

from apientreprise_gateway.upstream.faults import CallError, Fault
from apientreprise_gateway.upstream.token_endpoint import TokenEndpoint, TokenError

RENEWAL: Final = 0.8
"""The share of its lifetime after which a token is renewed."""
END: Final = 0.95
"""The share of its lifetime after which a token is not sent any more, as it could expire on its way."""
FIRST_PAUSE: Final = 1.0
LONGEST_PAUSE: Final = 60.0
"""Seconds between two fetches, after one that failed; doubled from the first to the longest."""
REFUSAL_PAUSE: Final = 60.0
"""Seconds between two fetches because the provider refuses the token, as the token may not be the reason."""
_log = structlog.get_logger(__name__)


class _Token(NamedTuple):
    line: bytes
    """The header line that carries it."""
    renew_at: float
    ends_at: float
    """When it is not sent any more, in seconds of the loop's clock."""


class ClientCredentials:
    """Tokens of one token endpoint, fetched as they are needed."""

    def __init__(self, endpoint: TokenEndpoint) -> None:
        self._endpoint = endpoint
        self._token: _Token | None = None
        self._fetching: asyncio.Task[None] | None = None
        self._failure: TokenError | None = None
        """The error of the last fetch; None if it succeeded."""
        self._pause = FIRST_PAUSE
        self._retry_at = 0.0
        self._refusals_until = 0.0

    async def headers(self, deadline: float, *, refused: bytes = b"") -> bytes:
        """See `Credentials.headers`."""
        now = asyncio.get_running_loop().time()
        token = self._token
        if token is None or now >= token.ends_at:
            return await self._fetched(now, deadline)
        if token.line == refused:
            return await self._replaced(token, now, deadline)
        if now >= token.renew_at and now >= self._retry_at:
            self._fetch_once()
        return token.line

    def close(self) -> None:
        """See `Credentials.close`."""
        if self._fetching is not None:
            self._fetching.cancel()

    async def _fetched(self, now: float, deadline: float) -> bytes:
        """The header line of a token, after a wait for its fetch."""
        if self._is_idle and self._failure is not None and now < self._retry_at:
            raise CallError(self._failure.fault, self._failure.reason)
        await self._wait(deadline)
        if self._token is None or self._failure is not None:
            raise CallError(*self._outcome())
        return self._token.line

    async def _replaced(self, token: _Token, now: float, deadline: float) -> bytes:
        """The header line of a new token in place of one that the provider refused; other calls use it meanwhile."""
        if self._is_idle:
            if now < max(self._refusals_until, self._retry_at):
                return token.line
            self._refusals_until = now + REFUSAL_PAUSE
        await self._wait(deadline)
        return token.line if self._token is None else self._token.line

    async def _wait(self, deadline: float) -> None:
        """Wait for the fetch that is under way, or for a new one."""
        try:
            async with asyncio.timeout_at(deadline):
                await asyncio.shield(self._fetch_once())
        except TimeoutError:
            raise CallError(Fault.TIMEOUT, "the token did not come in time") from None

    def _outcome(self) -> tuple[Fault, str]:
        return (Fault.NO_CREDENTIALS, "") if self._failure is None else (self._failure.fault, self._failure.reason)

    # Fetches.

    @property
    def _is_idle(self) -> bool:
        return self._fetching is None or self._fetching.done()

    def _fetch_once(self) -> "asyncio.Task[None]":
        if self._fetching is None or self._fetching.done():
            self._fetching = asyncio.get_running_loop().create_task(self._fetch())
        return self._fetching

    async def _fetch(self) -> None:
        loop = asyncio.get_running_loop()
        started = loop.time()
        try:
            fetched = await self._endpoint.fetch()
        except TokenError as error:
            self._note_failure(error, loop.time())
            return
        if self._failure is not None:
            _log.info("token_fetched", server=self._endpoint.place)
        self._failure, self._pause = None, FIRST_PAUSE
        self._token = _Token(fetched.line, started + RENEWAL * fetched.lifetime, started + END * fetched.lifetime)

    def _note_failure(self, failure: TokenError, now: float) -> None:
        if self._failure is None:
            _log.error(
                "token_not_fetched",
                server=self._endpoint.place,
                reason=failure.reason,
                effect="the token in force is used until it ends" if self._token else "calls are refused",
            )
        self._failure = failure
        self._retry_at = now + self._pause
        self._pause = min(2 * self._pause, LONGEST_PAUSE)
