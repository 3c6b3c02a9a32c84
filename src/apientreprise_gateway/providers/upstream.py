"""The HTTP client that calls one provider.

A call has one deadline for everything: connection, TLS, head and body. Whatever goes wrong becomes the refusal that
the contract has for it; nothing of the client library leaves this file.
"""

import time
from datetime import timedelta
from typing import Final, NamedTuple

from pyreqwest.client import Client, ClientBuilder
from pyreqwest.exceptions import (
    ConnectError,
    DecodeError,
    DetailedPyreqwestError,
    NetworkError,
    PyreqwestError,
    RequestTimeoutError,
)

from apientreprise_gateway import __version__
from apientreprise_gateway.catalogue.model import Provider
from apientreprise_gateway.errors import Refusal, network_error, provider_error

_IDLE_SECONDS: Final = 60
"""How long a connection may wait for its next call."""
_CLOSED_UNANSWERED: Final = "connection closed before message completed"
_BODY_CUT: Final = "error reading a body from connection"
_DNS: Final = "dns error"
_REFUSED: Final = "Connection refused"
_CERTIFICATE: Final = "certificate"


class UpstreamAnswer(NamedTuple):
    """What a provider answered."""

    status: int
    content_type: str
    body: bytes


class Upstream:
    """The connection pool of one provider."""

    def __init__(self, provider: Provider, *, base_url: str, timeout: float) -> None:
        """Open no connection yet.

        Args:
            provider: who is called.
            base_url: what the paths are appended to, without a slash at its end.
            timeout: seconds that a whole call may take.
        """
        self._provider = provider
        self._base_url = base_url
        self._timeout = timeout
        self._last_answer = 0.0
        self._client: Client = (
            ClientBuilder()
            .timeout(timedelta(seconds=timeout))
            .pool_idle_timeout(timedelta(seconds=_IDLE_SECONDS))
            .follow_redirects(False)
            .default_cookie_store(False)
            .no_proxy()
            .user_agent(f"apientreprise-gateway/{__version__}")
            .build()
        )

    async def get(self, target: str, *, request_id: str) -> UpstreamAnswer:
        """Ask the provider.

        Args:
            target: path and query, encoded.
            request_id: passed on as `X-Request-Id`.

        Raises:
            Refusal: no answer came, for the reason that its code gives.
        """
        started = time.monotonic()
        try:
            return await self._send(target, request_id, self._timeout)
        except PyreqwestError as error:
            left = self._timeout - (time.monotonic() - started)
            if left <= 0 or not self._is_stale(error, started):
                raise self._refusal(error) from error
        try:
            return await self._send(target, request_id, left)
        except PyreqwestError as error:
            raise self._refusal(error) from error

    async def close(self) -> None:
        """Close the connections."""
        await self._client.close()

    async def _send(self, target: str, request_id: str, timeout: float) -> UpstreamAnswer:
        request = self._client.get(self._base_url + target).header("x-request-id", request_id)
        if timeout != self._timeout:
            request = request.timeout(timedelta(seconds=timeout))
        response = await request.build().send()
        body = await response.bytes()
        self._last_answer = time.monotonic()
        return UpstreamAnswer(response.status, response.get_header("content-type") or "", bytes(body))

    def _is_stale(self, error: PyreqwestError, started: float) -> bool:
        """Whether the provider may have closed an idle connection just as it was used again.

        Then it has not seen the call, which may be made once more: it is a GET and no byte came back. A connection
        can only have been used before if an answer came within the idle time.
        """
        return started - self._last_answer < _IDLE_SECONDS and _has_cause(error, _CLOSED_UNANSWERED)

    def _refusal(self, error: PyreqwestError) -> Refusal:
        subcode = _subcode(error)
        if subcode is None:
            return network_error()
        return provider_error(subcode, prefix=self._provider.prefix, name=self._provider.name)


def _subcode(error: PyreqwestError) -> str | None:
    """The last three digits of the code that says what went wrong; None for network trouble without a code."""
    match error:
        case RequestTimeoutError():
            return "002"
        case ConnectError() if _has_cause(error, _REFUSED):
            return "001"
        case ConnectError() if _has_cause(error, _DNS):
            return "004"
        case ConnectError() if _has_cause(error, _CERTIFICATE):
            return "009"
        case NetworkError():
            return None
        case DecodeError() if _has_cause(error, _BODY_CUT):
            return None
        case DecodeError():
            return "999"
        case _:
            return None


def _has_cause(error: PyreqwestError, text: str) -> bool:
    causes = error.details["causes"] if isinstance(error, DetailedPyreqwestError) else None
    return any(text in cause["message"] for cause in causes or ())
