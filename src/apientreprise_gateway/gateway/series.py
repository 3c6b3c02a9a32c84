"""The series of metrics that are shown before their first count.

Alerts ask by how much a counter has grown, and one that appears with its first count has grown by nothing. What the
values of a label can be is asked of the room that counts by them.
"""

from collections.abc import Callable, Iterable
from enum import StrEnum
from itertools import product
from typing import Final

from apientreprise_gateway.contract.endpoint import Provider
from apientreprise_gateway.controlplane import front
from apientreprise_gateway.dataplane.call import Check, Unlogged
from apientreprise_gateway.gateway.denials import CopyAction
from apientreprise_gateway.observability.metrics import Metrics
from apientreprise_gateway.ratelimit.bans import Reason
from apientreprise_gateway.server.limits import Closing
from apientreprise_gateway.store.errors import About

FAILURES: Final = ("00500", "00502", "00505", "00506", "00904", "00906")
"""Codes of the errors by which the gateway itself fails a caller: what its availability is measured by."""
FETCH_OUTCOMES: Final = {True: "ok", False: "failed"}
"""How a fetch of the key set ended, by whether it went well."""


class StorePart(StrEnum):
    """Who meets errors of Redis about one key or one command."""

    LIMITS = "limits"
    CACHE = "cache"
    PINGS = "pings"


def begin_at_zero(metrics: Metrics, providers: Iterable[Provider]) -> None:
    """Show what alerts wait for before it happens, and the limits of every group."""
    groups = {endpoint.group.name for provider in providers for endpoint in provider.endpoints}
    _show(metrics.near_limit, groups)
    _show(metrics.decisions, groups, ("admitted", "refused"))
    _show(metrics.errors, FAILURES)
    _show(metrics.bans, set(Reason) - {Reason.OTHER})  # that is a ban by a newer version, which counts it
    _show(metrics.connections_cut, Closing)
    _show(metrics.shadowed, (*Check, front.CHECK))
    _show(metrics.store_faults, StorePart, set(About) - {About.STORE})  # a store that is away is a mode, no fault
    _show(metrics.unlogged, Unlogged)
    _show(metrics.revocations_copy_failures, CopyAction)
    _show(metrics.key_fetches, FETCH_OUTCOMES.values())


def _show(children: Callable[..., object], *values: Iterable[str]) -> None:
    """Have a metric show all combinations of its labels' values."""
    for labels in product(*values):
        children(*map(str, labels))
