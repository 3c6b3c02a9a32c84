"""Makes the ping monitor, which knows whether sources of data work."""

import time
from collections.abc import Callable, Iterable, Mapping
from functools import partial

from pydantic import SecretStr

from apientreprise_gateway.contract.endpoint import Ping, Provider
from apientreprise_gateway.contract.routes import Route
from apientreprise_gateway.gateway.components.context import Context
from apientreprise_gateway.gateway.components.store import POLL_TIMEOUT, tell_of_fault
from apientreprise_gateway.gateway.components.upstreams import ProviderAddress, Upstreams
from apientreprise_gateway.gateway.lifecycle import Component
from apientreprise_gateway.gateway.series import StorePart
from apientreprise_gateway.gateway.settings import PingProbes
from apientreprise_gateway.observability.metrics import Metrics
from apientreprise_gateway.observability.provider_calls import label
from apientreprise_gateway.pings.board import Board, NoBoard
from apientreprise_gateway.pings.monitor import PingMonitor
from apientreprise_gateway.pings.probe import Finding, probe
from apientreprise_gateway.pings.redis import RedisBoard
from apientreprise_gateway.store.client import client
from apientreprise_gateway.store.url import parse_url
from apientreprise_gateway.upstream.source import Source

PingsComponent = Component[Mapping[str, ProviderAddress], PingMonitor]


def pings_component(
    context: Context,
    providers: Iterable[Provider],
    *,
    upstreams: Upstreams,
    probing: Callable[[Route], Source],
    former: PingsComponent | None,
) -> PingsComponent:
    """The component of the ping monitor, made anew at each reload.

    Args:
        context: its settings must be complete enough to serve.
        providers: the providers whose sources are monitored.
        upstreams: the upstreams of these providers.
        probing: makes the source that a probe of an endpoint asks.
        former: its predecessor; what it knows is taken over, except for providers whose address or settings changed.
    """
    settings, metrics = context.settings, context.metrics
    providers = tuple(providers)
    addresses = {provider.key: ProviderAddress.of(settings, provider) for provider in providers}

    async def ask(route: Route) -> Finding:
        return await probe(route, probing(route))

    part = PingMonitor(
        providers,
        board=ping_board(settings.redis_url, metrics),
        probe=ask,
        may_probe=lambda _route, ping: _is_probed(ping, settings.ping_probes),
        maintenance_until=lambda provider: upstreams[provider.key].maintenance_until,
        clock=time.time,
        on_status=lambda provider, ping, works: metrics.provider_up(provider.key, ping.key).set(works),
        on_probe=lambda provider, ping, outcome: metrics.probes(provider.key, ping.key, label(outcome)).inc(),
    )
    if former is not None:
        before = former.made_of
        part.inherit(former.part, keeps=lambda provider: before.get(provider.key) == addresses[provider.key])
    return Component(name="pings", part=part, made_of=addresses, background={"pings": part.watch}, close=part.close)


def ping_board(redis_url: SecretStr | None, metrics: Metrics) -> Board:
    """The board on which processes share what they know: in Redis, or none."""
    if redis_url is None:
        return NoBoard()
    return RedisBoard(
        client(parse_url(redis_url.get_secret_value()), timeout=POLL_TIMEOUT),
        on_fault=partial(tell_of_fault, metrics, StorePart.PINGS),
    )


def may_ask(route: Route, probes: PingProbes) -> bool:
    """Whether an operator may have a provider asked for the example of an endpoint: persons are not made up."""
    return route.endpoint.person is None or probes is PingProbes.ALL


def _is_probed(ping: Ping, probes: PingProbes) -> bool:
    return probes is PingProbes.ALL or (probes is PingProbes.ALLOWED and ping.probed)
