"""Sources: what answers a call once all checks are passed.

A source takes a request and gives an answer. The innermost one is the provider itself (`upstream.ProviderSource`); what
stands in front of it (documents, cache) is a source that holds another, so that all of them have one signature and can
be read in a line.
"""

from collections.abc import Awaitable, Callable, Mapping, Sequence
from typing import Protocol

from msgspec import Struct

from apientreprise_gateway.contract.routes import Route
from apientreprise_gateway.upstream.reading import ProviderAnswer
from apientreprise_gateway.upstream.response import Response


class ProviderRequest(Struct, frozen=True, gc=False):
    """A request to a source."""

    route: Route
    """The endpoint, with its provider."""
    target: str
    """Path and query in our own form, encoded: two calls that ask the same have the same."""
    values: Sequence[str]
    """The path parameters as the provider spells them, in the order of the path."""
    query: Mapping[str, str]
    """The query parameters that are passed on."""
    request_id: str
    """Id of the call, sent to the provider as `X-Request-Id`."""
    fresh: bool = False
    """Whether the caller refuses cached answers (`Cache-Control: no-cache`)."""
    unkept: bool = False
    """Whether the caller's answer must not be cached (`Cache-Control: no-store`)."""
    base_url: str = ""
    """Base URL of the gateway, for URLs in the answer; empty if only paths can be given."""
    with_content: bool = False
    """Whether the answer is best given with its content, as a mask will leave something out for the caller."""


class Timed(Protocol):
    """Receives how long the provider took, even if it gave no answer; usually a `Call`."""

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
    """Asks for an operation in a provider's own dialect, and translates the answer into ours."""

    async def __call__(self, request: ProviderRequest, get: Get) -> ProviderAnswer:
        """Ask the provider, once or several times within one deadline.

        Raises:
            Refusal: the provider failed, or its answer is not what the endpoint promises.
        """
