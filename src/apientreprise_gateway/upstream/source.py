"""What answers a call once the checks are passed.

A source takes a request and gives an answer. The innermost one is the provider itself; what stands in front of it
(documents, cache) is a source that holds another, so that all of them have one signature and can be read in a line.
"""

import time
from collections.abc import Awaitable, Callable, Mapping, Sequence
from typing import NamedTuple, Protocol

from apientreprise_gateway.contract.errors import Refusal
from apientreprise_gateway.contract.routes import Route
from apientreprise_gateway.observability.provider_calls import ABANDONED, OK
from apientreprise_gateway.upstream.reading import ProviderAnswer, read
from apientreprise_gateway.upstream.response import Response
from apientreprise_gateway.upstream.upstream import NotAskedError, Upstream


class ProviderRequest(NamedTuple):
    """What a call asks of a source."""

    route: Route
    """The endpoint, with its provider."""
    target: str
    """Path and query in our own form, encoded: two calls that ask the same have the same."""
    values: Sequence[str]
    """The path parameters as the provider spells them, in the order of the path."""
    query: Mapping[str, str]
    """The query parameters that are passed on."""
    request_id: str
    """Of the call."""
    fresh: bool = False
    """Whether the caller wants no answer that was kept (`Cache-Control: no-cache`)."""
    unkept: bool = False
    """Whether the caller wants its answer not to be kept (`Cache-Control: no-store`)."""
    base_url: str = ""
    """What callers reach us at, for addresses in the answer; empty where only paths can be given."""


class Timed(Protocol):
    """Whoever wants to know how long the provider took, also where no answer comes of it: most often a call."""

    provider_seconds: float | None
    """Set once the provider was asked, whatever came of it; left alone if it was not asked for this request."""


class Stopwatch:
    """A `Timed` for requests that no call stands behind."""

    __slots__ = ("provider_seconds",)

    def __init__(self) -> None:
        self.provider_seconds: float | None = None


Source = Callable[[ProviderRequest, Timed], Awaitable[ProviderAnswer]]
"""Answers a request, or raises a `Refusal`."""
Observe = Callable[[str, int, float | None], None]
"""Told the outcome of a call to a provider, its status and its seconds, see `ProviderCalls`."""
Get = Callable[[str], Awaitable[Response]]
"""Asks the provider for a path and query; raises a `Refusal` if no answer comes."""


class Translation(Protocol):
    """How an operation is asked in a provider's own language, and how its answer becomes ours."""

    async def __call__(self, request: ProviderRequest, get: Get) -> ProviderAnswer:
        """Ask the provider, once or several times within one deadline.

        Raises:
            Refusal: the provider failed, or its answer is not what the endpoint promises.
        """


class ProviderSource:
    """The provider itself."""

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
                found = read(self._route, answer)
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
