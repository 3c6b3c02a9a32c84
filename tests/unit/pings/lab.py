"""A laboratory for pings: two sources, a clock that is told the time, a provider that answers as told."""

import asyncio
from collections.abc import Callable

from apientreprise_gateway.contract.endpoint import Endpoint, Ping, Provider
from apientreprise_gateway.contract.parameters import SIREN, Parameter
from apientreprise_gateway.contract.routes import Route
from apientreprise_gateway.observability.provider_calls import OK
from apientreprise_gateway.pings.board import Answer, Board, NoBoard
from apientreprise_gateway.pings.monitor import PingMonitor
from apientreprise_gateway.pings.probe import Finding
from apientreprise_gateway.providers.entreprise.groups import JSON

PROBED, SILENT = "essai/ouvert", "essai/discret"
CACHE_SECONDS = 120
NOON = 1_800_000_000.0


def _endpoint(name: str) -> Endpoint:
    return Endpoint(
        operation=name,
        group=JSON,
        path=f"/v3/essai/{name}/{{siren}}",
        summary="Essai",
        tag="Essais",
        scopes=("essai",),
        parameters=(Parameter("siren", SIREN),),
    )


PROVIDER = Provider(
    key="essai",
    name="Essai",
    prefix="97",
    endpoints=(_endpoint("ouvert"), _endpoint("discret")),
    pings=(
        Ping(key=PROBED, name="Ouvert", probe="ouvert", cache_seconds=CACHE_SECONDS, operations=("ouvert",)),
        Ping(
            key=SILENT,
            name="Discret",
            probe="discret",
            cache_seconds=CACHE_SECONDS,
            operations=("discret",),
            probed=False,
        ),
    ),
)
GOOD = Finding(OK, 200, 0.1)
REFUSED = Finding("97001", 502, 0.1, "97001", "Indisponible.", "the connection was refused")


class Clock:
    """Tells the time that it is told."""

    def __init__(self) -> None:
        self.now = NOON

    def __call__(self) -> float:
        """The time."""
        return self.now


class Lab:
    """Pings whose provider, clock and maintenance a test controls."""

    def __init__(self, *, board: Board | None = None, clock: Clock | None = None, steady: Clock | None = None) -> None:
        self.clock = clock or Clock()
        self.finding = GOOD
        self.probes = 0
        self.gate: asyncio.Event | None = None
        """What a probe waits for."""
        self.until: float | None = None
        self.told: list[tuple[str, bool]] = []
        self.outcomes: list[str] = []
        self.pings = PingMonitor(
            (PROVIDER,),
            board=board or NoBoard(),
            probe=self._probe,
            may_probe=lambda _route, ping: ping.probed,
            maintenance_until=lambda _provider: self.until,
            clock=self.clock,
            steady=steady or self.clock,
            on_status=lambda _provider, ping, works: self.told.append((ping.key, works)),
            on_probe=lambda _provider, _ping, outcome: self.outcomes.append(outcome),
        )

    async def _probe(self, _route: Route) -> Finding:
        self.probes += 1
        if self.gate is not None:
            await self.gate.wait()
        return self.finding

    def calls(self, key: str = PROBED, *, good: int = 0, bad: int = 0) -> None:
        """Calls of callers."""
        endpoint = PROVIDER.endpoints[key == SILENT]
        counts = self.pings.counts_of(Route(endpoint, PROVIDER))
        assert counts is not None
        for _ in range(good):
            counts.count(OK, 200)
        for _ in range(bad):
            counts.count("97002", 504)

    async def answer(self, key: str = PROBED, *, after: float = 0.0) -> Answer:
        """The answer to a ping, some seconds later."""
        self.clock.now += after
        found = await self.pings.answer(key)
        assert found is not None
        return found

    async def status(self, key: str = PROBED, *, after: float = 0.0) -> str:
        """What a ping says, some seconds later."""
        return (await self.answer(key, after=after)).status.value

    async def passes(self, seconds: int, each: Callable[[], None] = lambda: None) -> None:
        """Let seconds pass, with what a process does in each of them."""
        for _ in range(seconds):
            self.clock.now += 1
            each()
            await self.pings.refresh()
