"""What answers a call once the checks are passed.

A source is asked a question and gives a reading. The innermost one is the provider itself; what stands in front of it
(documents, cache) is a source that holds another, so that all of them have one signature and can be read in a line.
"""

import time
from collections.abc import Awaitable, Callable, Mapping, Sequence
from typing import Protocol

from apientreprise_gateway.contract.errors import Refusal
from apientreprise_gateway.contract.routes import Route
from apientreprise_gateway.observability.provider_calls import ABANDONED, OK
from apientreprise_gateway.upstream.http import Response
from apientreprise_gateway.upstream.reading import ProviderAnswer, read
from apientreprise_gateway.upstream.upstream import NotAskedError, Upstream


class ProviderRequest:
    """What a call asks of a source."""

    __slots__ = (
        "base_url",
        "documents",
        "fresh",
        "provider_seconds",
        "query",
        "request_id",
        "route",
        "target",
        "unkept",
        "values",
    )

    def __init__(
        self,
        route: Route,
        *,
        target: str,
        values: Sequence[str],
        query: Mapping[str, str],
        request_id: str,
        fresh: bool = False,
        unkept: bool = False,
        base_url: str = "",
    ) -> None:
        """Take what is asked.

        Args:
            route: the endpoint, with its provider.
            target: path and query in our own form, encoded: two calls that ask the same have the same.
            values: the path parameters as the provider spells them, in the order of the path.
            query: the query parameters that are passed on.
            request_id: of the call.
            fresh: whether the caller wants no answer that was kept (`Cache-Control: no-cache`).
            unkept: whether the caller wants its answer not to be kept (`Cache-Control: no-store`).
            base_url: what callers reach us at, for addresses in the answer; empty where only paths can be given.
        """
        self.route = route
        self.target = target
        self.values = values
        self.query = query
        self.request_id = request_id
        self.fresh = fresh
        self.unkept = unkept
        self.base_url = base_url
        self.provider_seconds: float | None = None
        """How long the provider took; None as long as it was not asked for this question."""
        self.documents: tuple[str, ...] = ()
        """How logs call the documents of the answer."""


Source = Callable[[ProviderRequest], Awaitable[ProviderAnswer]]
"""Answers a question, or raises a `Refusal`."""
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
        """Take the way to the provider; without a translation it speaks our own form."""
        self._route = route
        self._upstream = upstream
        self._observe = observe
        self._translation = translation

    async def __call__(self, request: ProviderRequest) -> ProviderAnswer:
        """Ask it."""
        outcome, status, asked = ABANDONED, 0, True
        started = time.perf_counter()
        try:
            if self._translation is None:
                answer = await self._upstream.get(request.target, request_id=request.request_id)
                reading = read(self._route, answer)
            else:
                reading = await self._translate(request, self._translation)
            outcome, status = reading.codes[0] if reading.codes else OK, reading.status
            return reading
        except NotAskedError as refusal:
            outcome, status, asked = refusal.outcome, refusal.status, False
            raise
        except Refusal as refusal:
            outcome, status = refusal.errors[0].code, refusal.status
            raise
        finally:
            request.provider_seconds = time.perf_counter() - started if asked else None
            self._observe(outcome, status, request.provider_seconds)

    async def _translate(self, request: ProviderRequest, translation: Translation) -> ProviderAnswer:
        """Ask it in its own language."""
        deadline = self._upstream.deadline()

        async def get(target: str) -> Response:
            return await self._upstream.get(target, request_id=request.request_id, deadline=deadline)

        return await translation(request, get)
