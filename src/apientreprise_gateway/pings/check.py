"""The online check (`check --online`): asks every source of data once, all at the same time."""

import asyncio
from collections.abc import Awaitable, Callable, Iterable
from dataclasses import dataclass
from typing import Final

from apientreprise_gateway.contract.endpoint import Provider
from apientreprise_gateway.contract.routes import Route
from apientreprise_gateway.observability.provider_calls import CallCounts
from apientreprise_gateway.pings.probe import Finding

CHECK_SECONDS: Final = 10.0
"""Seconds that a source may take: twice as long as for a ping, as connections and credentials are all new."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Result:
    """The result for one source."""

    provider: str
    """Name of the provider."""
    source: str
    """The key of its ping; the path that was asked if the provider has no ping."""
    status: str
    """`ok`, `maintenance` or `bad_gateway`; `unknown` if it was not asked."""
    milliseconds: int
    problem: str
    """The code of the error, its text in French and its cause; empty if there was no error.

    A source that does not find the example still works, unless it is expected to: its address may be wrong.
    """


async def ask_all(
    providers: Iterable[Provider],
    probe: Callable[[Route], Awaitable[Finding]],
    *,
    may_ask: Callable[[Route], bool],
    on_progress: Callable[[int, int], None],
) -> list[Result]:
    """Ask every source once that may be asked, and return one result for each.

    Args:
        providers: those whose sources are asked; one without pings is asked at its first endpoint.
        probe: asks one endpoint, within a deadline.
        may_ask: whether an endpoint may be asked for its example.
        on_progress: called with how many have answered, and how many there are.
    """
    asked = [each for provider in providers for each in _sources(provider)]
    done = 0

    async def ask(source: str, route: Route, counts: CallCounts) -> Result:
        nonlocal done
        finding = await probe(route) if may_ask(route) else None
        done += 1
        on_progress(done, len(asked))
        return _not_asked(source, route) if finding is None else _result(source, route, counts, finding)

    return await asyncio.gather(*(ask(*each) for each in asked))


def _sources(provider: Provider) -> list[tuple[str, Route, CallCounts]]:
    routes = {endpoint.operation: Route(endpoint, provider) for endpoint in provider.endpoints}
    if provider.pings:
        return [(ping.key, routes[ping.probe], CallCounts(ping.answers)) for ping in provider.pings]
    first = provider.endpoints[0]
    return [(first.path, routes[first.operation], CallCounts())]


def _not_asked(source: str, route: Route) -> Result:
    problem = "not asked: it would be for an invented person, see GATEWAY_PING_PROBES"
    return Result(provider=route.provider.name, source=source, status="unknown", milliseconds=0, problem=problem)


def _result(source: str, route: Route, counts: CallCounts, finding: Finding) -> Result:
    works = counts.works(finding.outcome, finding.status)
    problem = f"{finding.code} {finding.detail}".strip()
    return Result(
        provider=route.provider.name,
        source=source,
        status="maintenance" if works is None else "ok" if works else "bad_gateway",
        milliseconds=round(finding.seconds * 1000),
        problem=f"{problem} ({finding.cause})" if finding.cause else problem,
    )
