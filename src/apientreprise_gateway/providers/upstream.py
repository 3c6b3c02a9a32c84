"""The way to one provider: its connections, and its faults in the words of the contract."""

from collections.abc import Callable, Mapping
from typing import Final

from apientreprise_gateway import __version__
from apientreprise_gateway.catalogue.model import Provider
from apientreprise_gateway.errors import Refusal, network_error, provider_error
from apientreprise_gateway.providers.http import MAX_CALLS, CallError, Fault, Pool, Response
from apientreprise_gateway.providers.spool import Sink

MAX_BODY_BYTES: Final = 16 * 1024 * 1024
"""Largest answer that is read; the largest of the catalogue has some hundred kilobytes."""

_SUBCODES: Final[Mapping[Fault, str]] = {
    Fault.TIMEOUT: "002",
    Fault.BUSY: "001",
    Fault.REFUSED: "001",
    Fault.NAME: "004",
    Fault.CERTIFICATE: "009",
    Fault.CLIENT_CERTIFICATE: "006",
    Fault.NOT_HTTP: "999",
    Fault.TOO_LARGE: "999",
    Fault.ENCODED: "999",
}
"""The last three digits of the code of each fault; the others are network trouble, which has a code of its own."""


class Upstream:
    """The connections to one provider."""

    def __init__(self, provider: Provider, *, base_url: str, timeout: float, max_calls: int = MAX_CALLS) -> None:
        """Open no connection yet.

        Args:
            provider: who is called.
            base_url: what the paths are appended to.
            timeout: seconds that a whole call may take.
            max_calls: how many may be under way; one more fails at once.
        """
        self._provider = provider
        self._pool = Pool(
            base_url,
            timeout=timeout,
            max_body=MAX_BODY_BYTES,
            user_agent=f"apientreprise-gateway/{__version__}",
            max_calls=max_calls,
        )

    async def get(
        self,
        target: str,
        *,
        request_id: str,
        deadline: float | None = None,
        spool: Callable[[], Sink] | None = None,
    ) -> Response:
        """Ask the provider.

        Args:
            target: path and query, encoded.
            request_id: passed on as `X-Request-Id`.
            deadline: in the time of the loop; the timeout from now by default.
            spool: makes what a long body goes to, see `Pool.get`.

        Raises:
            Refusal: no answer came, for the reason that its code gives.
        """
        try:
            return await self._pool.get(target, request_id=request_id, deadline=deadline, spool=spool)
        except CallError as error:
            raise self._refusal(error.fault) from error

    def close(self) -> None:
        """Close the connections that wait."""
        self._pool.close()

    def _refusal(self, fault: Fault) -> Refusal:
        subcode = _SUBCODES.get(fault)
        if subcode is None:
            return network_error()
        return provider_error(subcode, prefix=self._provider.prefix, name=self._provider.name)
