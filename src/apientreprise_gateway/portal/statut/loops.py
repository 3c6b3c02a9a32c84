"""What the status page does besides answering: the portal measures each minute, and tells Redis of maintenance."""

import asyncio
import os
import secrets
import socket
import ssl
from collections.abc import Sequence
from datetime import datetime
from typing import Final

import httpx
import structlog
from sqlalchemy import Connection, Engine

from apientreprise_gateway import __version__
from apientreprise_gateway.contract import maintenance
from apientreprise_gateway.contract.maintenance import Announced
from apientreprise_gateway.database.engine import reading
from apientreprise_gateway.portal.services import Services
from apientreprise_gateway.portal.settings import Settings
from apientreprise_gateway.portal.statut import mails
from apientreprise_gateway.status import incidents
from apientreprise_gateway.status.components import Component, components_of
from apientreprise_gateway.status.drafts import Opened
from apientreprise_gateway.status.metrics import StatusMetrics
from apientreprise_gateway.status.prober import LONGEST_ASK, Prober
from apientreprise_gateway.status.rounds import Rounds
from apientreprise_gateway.store.client import Client, client
from apientreprise_gateway.store.errors import StoreError
from apientreprise_gateway.store.outage import Outage
from apientreprise_gateway.store.url import parse_url
from apientreprise_gateway.store.words import redis_words

TOLD_EVERY: Final = 5.0
"""Seconds between two looks whether Redis knows what is announced."""
_REDIS_TIMEOUT: Final = 2.0
_LOGIN: Final = "/compte/se-connecter"
_log = structlog.get_logger(__name__)


class Measure:
    """Asks each minute whether the components work, if no other process does."""

    def __init__(
        self,
        engine: Engine,
        settings: Settings,
        components: Sequence[Component],
        *,
        metrics: StatusMetrics | None = None,
    ) -> None:
        """Ask nobody yet; `metrics` count what is measured."""
        self._settings = settings
        self._components = components
        self._engine = engine
        self._metrics = metrics

    async def run(self) -> None:
        """Measure until cancelled."""
        prober = prober_of(self._settings, self._components)
        rounds = Rounds(
            self._engine,
            prober,
            self._components,
            seconds=self._settings.status_seconds,
            holder=f"{socket.gethostname()} {os.getpid()} {secrets.token_hex(4)}",
            on_drafts=self.tell_operators,
            metrics=self._metrics,
        )
        try:
            await rounds.run()
        finally:
            await prober.close()

    def tell_operators(self, connection: Connection, opened: Sequence[Opened], now: datetime) -> None:
        """Queue the mails about drafts."""
        mails.drafts(connection, self._settings.operators, opened, now)


async def measure(services: Services) -> None:
    """Measure in a portal."""
    components = components_of(services.products)
    await Measure(services.engine, services.settings, components, metrics=services.metrics.status).run()


async def found_now(settings: Settings, components: Sequence[Component]) -> dict[str, str]:
    """What is found of each component that is asked about, by its name."""
    prober = prober_of(settings, components)
    try:
        found = await prober.ask()
    finally:
        await prober.close()
    return {component.name: found[component.id].value for component in components if component.id in found}


def prober_of(settings: Settings, components: Sequence[Component]) -> Prober:
    """A prober of what the settings name."""
    gateways = settings.status_gateways or (() if settings.gateway_url is None else (settings.gateway_url,))
    return Prober(
        httpx.AsyncClient(
            verify=ssl.create_default_context(),
            timeout=LONGEST_ASK,
            trust_env=False,
            headers={"User-Agent": f"apientreprise-gateway-status/{__version__}"},
        ),
        components,
        gateways=[str(address) for address in gateways],
        account=None if settings.public_url is None else str(settings.public_url).rstrip("/") + _LOGIN,
        seconds=settings.status_seconds,
    )


async def announce(services: Services) -> None:
    """Have Redis hold the maintenance that is announced, for the gateways."""
    url = services.settings.redis_url
    if url is None:
        await asyncio.Event().wait()
        return
    components = components_of(services.products)
    outage = Outage(_tell_of_change)
    connection = client(parse_url(url.get_secret_value()), timeout=_REDIS_TIMEOUT)
    try:
        while True:
            try:
                await write_announced(connection, services, components)
                outage.end("it answers again")
            except StoreError as error:
                outage.begin(redis_words(error))
            await asyncio.sleep(min(TOLD_EVERY, services.settings.status_seconds))
    finally:
        await connection.close()


async def write_announced(connection: Client, services: Services, components: Sequence[Component]) -> None:
    """Write what is announced, unless Redis holds it already.

    Raises:
        StoreError: Redis cannot be reached, or refuses.
        DatabaseError: the database cannot be used.
    """
    value = await asyncio.to_thread(announced, services.engine, components, services.now())
    known = await connection.ask("GET", maintenance.KEY)
    if known != value.encode():
        await connection.ask("SET", maintenance.KEY, value)
        _log.info("maintenance_told")


def announced(engine: Engine, components: Sequence[Component], now: datetime) -> str:
    """The value of the key: the providers whose sources are in maintenance, now or later."""
    with reading(engine) as connection:
        planned = [each for each in incidents.planned(connection, since=now, now=now) if each.is_open]
    windows = []
    for each in planned:
        providers = {component.provider for component in components if component.id in each.components}
        keys = tuple(sorted(key for key in providers if key is not None))
        if keys and each.scheduled_for is not None and each.scheduled_until is not None:
            windows.append(Announced(keys, each.scheduled_for.timestamp(), each.scheduled_until.timestamp()))
    return maintenance.written(windows)


def _tell_of_change(is_there: bool, reason: str) -> None:
    if not is_there:
        _log.error("maintenance_untold", reason=reason, effect="the gateways keep what they were told before")
