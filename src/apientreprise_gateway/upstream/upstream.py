"""Calls to one provider: whether it may be asked now, its connections, and its failures as errors of the contract."""

import asyncio
import time
from collections.abc import Callable, Mapping, Sequence
from typing import Final

from apientreprise_gateway.contract.endpoint import Provider
from apientreprise_gateway.contract.errors import Refusal, network_error, provider_error
from apientreprise_gateway.contract.routes import Route
from apientreprise_gateway.observability.provider_calls import ABANDONED, OK
from apientreprise_gateway.upstream.breaker import Breaker, State
from apientreprise_gateway.upstream.faults import CallError, Fault
from apientreprise_gateway.upstream.file_hosts import FileHosts
from apientreprise_gateway.upstream.maintenance import Maintenance, Once
from apientreprise_gateway.upstream.pool import Pool
from apientreprise_gateway.upstream.reading import ProviderAnswer, read, trouble
from apientreprise_gateway.upstream.response import Response
from apientreprise_gateway.upstream.source import Observe, ProviderRequest, Timed, Translation
from apientreprise_gateway.upstream.spool import Sink

_SUBCODES: Final[Mapping[Fault, str]] = {
    Fault.TIMEOUT: "002",
    Fault.BUSY: "001",
    Fault.REFUSED: "001",
    Fault.NAME: "004",
    Fault.CERTIFICATE: "009",
    Fault.CLIENT_CERTIFICATE: "006",
    Fault.CREDENTIALS: "006",
    Fault.NO_CREDENTIALS: "001",
    Fault.NOT_HTTP: "999",
    Fault.TOO_LARGE: "999",
    Fault.ENCODED: "999",
}
"""The last three digits of the error code of each fault; other faults have the code of network failures."""

_SILENCE: Final = frozenset({Fault.TIMEOUT, Fault.REFUSED, Fault.NAME, Fault.NETWORK})
"""Faults that mean that the server may be unreachable. The others have a code of their own and come at once, so a
breaker would only hide them."""
_NOT_ASKED: Final = frozenset({Fault.BUSY, Fault.CREDENTIALS, Fault.NO_CREDENTIALS})
"""Faults that happen before the provider is asked."""

_GIVEN_UP: Final = 0.5
"""The share of its timeout after which a call whose client leaves counts as unanswered: impatient clients must not hide
that a provider hangs."""


class NotAskedError(Refusal):
    """The provider was not asked."""

    def __init__(self, outcome: str, refusal: Refusal) -> None:
        """Take the outcome for metrics (`open`, `busy`, `020`), and the refusal to answer with."""
        super().__init__(refusal.status, *refusal.errors)
        self.outcome = outcome


class Upstream:
    """Calls one provider, if its breaker and its maintenance allow."""

    def __init__(
        self,
        provider: Provider,
        pool: Pool,
        *,
        files: FileHosts,
        timeout: float,
        breaker: Breaker,
        maintenance: Maintenance | None = None,
    ) -> None:
        """Configure it; no connection is opened yet.

        Args:
            provider: the provider that is called.
            pool: its connections, which also limit the calls under way.
            files: the hosts from which its files may be downloaded.
            timeout: seconds that a whole call may take, unless it comes with a deadline.
            breaker: decides by the outcome of earlier calls whether it may be asked.
            maintenance: windows in which it is not asked; None for none.
        """
        self._provider = provider
        self._pool = pool
        self._files = files
        self._timeout = timeout
        self._breaker = breaker
        self._maintenance = maintenance
        self._configured = maintenance

    @property
    def maintenance_until(self) -> float | None:
        """When the current planned maintenance ends, Unix time in seconds; None if there is none."""
        return None if self._maintenance is None else self._maintenance.until()

    def announce(self, windows: Sequence[Once]) -> None:
        """Take these windows as planned maintenance, beside those that were configured, in place of those before."""
        self._maintenance = (self._configured or Maintenance(())).and_also(windows) if windows else self._configured

    @property
    def breaker_state(self) -> State:
        """The state of the breaker; after its wait it stays `OPEN` until the next call."""
        return self._breaker.state

    def deadline(self) -> float:
        """When a call that begins now must have ended, in seconds of the loop's clock."""
        return asyncio.get_running_loop().time() + self._timeout

    async def get(
        self,
        target: str,
        *,
        request_id: str,
        deadline: float | None = None,
        spool: Callable[[], Sink] | None = None,
        form: bytes | None = None,
    ) -> Response:
        """Ask the provider.

        Args:
            target: path and query, encoded.
            request_id: passed on as `X-Request-Id`.
            deadline: in seconds of the loop's clock; now plus the timeout by default.
            spool: makes the sink for a long body, see `Pool.get`.
            form: an encoded form to send; None for a plain question.

        Raises:
            NotAskedError: it is in maintenance, its breaker is open, or too many calls are under way.
            Refusal: no answer came; its code says why.
        """
        if self._maintenance is not None:
            self._refuse_in_maintenance(self._maintenance)
        breaker = self._breaker
        era = breaker.era if breaker.state is State.CLOSED else breaker.admit()
        if era is None:
            raise NotAskedError("open", self._error("001", retry_in=breaker.retry_in))
        started = time.monotonic()  # the loop's clock, see `Pool.get`
        if deadline is None:
            deadline = started + self._timeout
        try:
            if form is None:
                response = await self._pool.get(target, request_id=request_id, deadline=deadline, spool=spool)
            else:
                response = await self._pool.post(target, form, request_id=request_id, deadline=deadline)
        except CallError as error:
            self._report_fault(era, error)
            refusal = self._refusal(error.fault)
            raise (NotAskedError("busy", refusal) if error.fault is Fault.BUSY else refusal) from error
        except asyncio.CancelledError:
            self._report_given_up(era, started, deadline)
            raise
        except BaseException:
            breaker.abandoned(era)
            raise
        if response.status < 500 or not (reason := trouble(self._provider, response)):
            breaker.succeeded(era)
        else:
            breaker.failed(era, reason, answered=True)
        return response

    async def download(self, address: str, *, request_id: str, deadline: float, spool: Callable[[], Sink]) -> Response:
        """Download a file from the URL that the provider gave.

        Args:
            address: the URL as it was given.
            request_id: passed on as `X-Request-Id`.
            deadline: in seconds of the loop's clock.
            spool: makes the sink for a long body.

        Raises:
            BadAddressError: the URL may not be called.
            CallError: a server other than the provider's gave no answer.
            NotAskedError: the provider is in maintenance, its breaker is open, or too many calls are under way.
            Refusal: the provider gave no answer.
        """
        place = self._files.locate(address)
        if place.own is not None:
            return await self.get(place.own, request_id=request_id, deadline=deadline, spool=spool)
        pool = self._files.pool(place.origin)
        return await pool.get(place.target, request_id=request_id, deadline=deadline, spool=spool)

    def close(self) -> None:
        """Close the idle connections."""
        self._pool.close()
        self._files.close()

    def _refuse_in_maintenance(self, maintenance: Maintenance) -> None:
        left = maintenance.seconds_left()
        if left:
            raise NotAskedError("020", self._error("020", retry_in=left))

    def _report_fault(self, era: int, error: CallError) -> None:
        if error.fault in _NOT_ASKED:
            self._breaker.abandoned(era)
        elif error.fault in _SILENCE:
            self._breaker.failed(era, str(error), answered=False)
        else:
            self._breaker.succeeded(era)

    def _report_given_up(self, era: int, started: float, deadline: float) -> None:
        waited = time.monotonic() - started
        if waited < _GIVEN_UP * (deadline - started):
            self._breaker.abandoned(era)
        else:
            self._breaker.failed(era, f"its caller gave up after {waited:.1f} s", answered=False)

    def _refusal(self, fault: Fault) -> Refusal:
        subcode = _SUBCODES.get(fault)
        if subcode is None:
            return network_error()
        return self._error(subcode)

    def _error(self, subcode: str, *, retry_in: int | None = None) -> Refusal:
        return provider_error(subcode, prefix=self._provider.prefix, name=self._provider.name, retry_in=retry_in)


class ProviderSource:
    """The innermost source, which asks the provider itself."""

    def __init__(
        self, route: Route, upstream: Upstream, *, observe: Observe, translation: Translation | None = None
    ) -> None:
        """Ask nobody yet.

        Args:
            route: the endpoint, with its provider.
            upstream: the way to the provider.
            observe: told what comes of each request.
            translation: how it is asked in the provider's own language; None for a provider that speaks our own form.
        """
        self._route = route
        self._upstream = upstream
        self._observe = observe
        self._translation = translation

    async def __call__(self, request: ProviderRequest, timed: Timed) -> ProviderAnswer:
        """Ask the provider."""
        outcome, status, asked = ABANDONED, 0, True
        started = time.perf_counter()
        try:
            if self._translation is None:
                answer = await self._upstream.get(request.target, request_id=request.request_id)
                found = read(self._route, answer, with_content=request.with_content)
            else:
                found = await self._translate(request, self._translation)
            outcome, status = found.codes[0] if found.codes else OK, found.status
            return found
        except NotAskedError as refusal:
            outcome, status, asked = refusal.outcome, refusal.status, False
            raise
        except Refusal as refusal:
            outcome, status = refusal.errors[0].code, refusal.status
            raise
        finally:
            seconds = timed.provider_seconds = time.perf_counter() - started if asked else None
            self._observe(outcome, status, seconds)

    async def _translate(self, request: ProviderRequest, translation: Translation) -> ProviderAnswer:
        """Ask the provider in its own language, all within one deadline."""
        deadline = self._upstream.deadline()

        async def get(target: str) -> Response:
            return await self._upstream.get(target, request_id=request.request_id, deadline=deadline)

        return await translation(request, get)
