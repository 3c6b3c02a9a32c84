"""Creates series of metrics at zero, before their first count.

Alerts ask by how much a counter has grown, and a series that appears with its first count has not grown. The possible
values of each label come from the room that counts with it.
"""

from collections.abc import Callable, Iterable
from enum import StrEnum
from itertools import product
from typing import Final

from apientreprise_gateway.contract.bans import Reason
from apientreprise_gateway.contract.endpoint import Provider
from apientreprise_gateway.controlplane import front
from apientreprise_gateway.dataplane.call import Check, Unlogged
from apientreprise_gateway.gateway.denials import CopyAction
from apientreprise_gateway.observability.metrics import Metrics
from apientreprise_gateway.providers.product import Product
from apientreprise_gateway.server.limits import Closing
from apientreprise_gateway.store.errors import About

FAILURES: Final = ("00500", "00502", "00505", "00506", "00904", "00906", "00912")
"""Codes of the errors that are failures of the gateway itself; its availability is measured by them."""
FETCH_OUTCOMES: Final = {True: "ok", False: "failed"}
"""Labels of fetches of the key set, by whether they succeeded."""


class StorePart(StrEnum):
    """The part of the gateway that met an error of Redis about one key or one command."""

    LIMITS = "limits"
    CACHE = "cache"
    PINGS = "pings"
    MAINTENANCE = "maintenance"


def begin_at_zero(metrics: Metrics, providers: Iterable[Provider]) -> None:
    """Create at zero the series that alerts use, and set the limits of every group."""
    groups = {endpoint.group.name for provider in providers for endpoint in provider.endpoints}
    _show(metrics.near_limit, groups)
    _show(metrics.decisions, groups, ("admitted", "refused"))
    _show(metrics.errors, FAILURES)
    _show(metrics.bans, set(Reason) - {Reason.OTHER})  # OTHER is a ban by a newer version, which counts it itself
    _show(metrics.connections_cut, Closing)
    _show(metrics.shadowed, (*Check, front.CHECK))
    _show(metrics.store_faults, StorePart, set(About) - {About.STORE})  # a Redis that is away is shown as a mode
    _show(metrics.unlogged, Unlogged)
    _show(metrics.revocations_copy_failures, CopyAction)
    _show(metrics.key_fetches, FETCH_OUTCOMES.values())


def tell_products(metrics: Metrics, products: Iterable[Product]) -> None:
    """Say of each operation and ping which product it belongs to, for sums by product."""
    for each in products:
        for endpoint in (*each.itself.endpoints, *each.endpoints):
            metrics.operation_info(endpoint.operation, each.key).set(1)
        for provider in each.providers:
            for ping in provider.pings:
                metrics.ping_info(provider.key, ping.key, each.key).set(1)


def _show(children: Callable[..., object], *values: Iterable[str]) -> None:
    """Create the series of all combinations of a metric's label values."""
    for labels in product(*values):
        children(*map(str, labels))
