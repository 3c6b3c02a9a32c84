"""A busy gateway that produces all that the dashboard shows: ordinary calls, and each kind of trouble on demand."""

import asyncio
import os
import random
import signal
import threading
import time
import uuid
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path

from support import fleet, programs, tokens
from support.fleet import Gateway
from support.issuer import Issuer, publishing
from support.site import GOOD_BODY
from support.stores import Server, free_port, until
from support.stub import answer, stub
from support.wire import Wire, request, wire

WORKERS = 2
SIREN, SIRET, RNA = "130025265", "13002526500013", "W262001597"
SIRENS = (SIREN, SIREN, "998000012", "998000046", "000000000", "130025266")
"""SIREN to call with: the ordinary one twice, others that exist, an unknown one, and an invalid one."""
FAULTS = ("999000052", "999004294", "999005002", "999000011")
"""SIREN for which providers answer with garbage, 429, 500, or late."""
OFTEN = (
    "/v4/insee/sirene/unites_legales/{siren}",
    "/v4/insee/sirene/unites_legales/diffusibles/{siren}",
    "/v3/insee/sirene/etablissements/{siret}/adresse",
    "/v2/entreprises/{siren}",
    "/v3/infogreffe/rcs/unites_legales/{siren}/extrait_kbis",
    "/v3/banque_de_france/unites_legales/{siren}/bilans",
)
SELDOM = (
    "/v4/urssaf/unites_legales/{siren}/attestation_vigilance",
    "/v4/qualibat/etablissements/{siret}/certification_batiment",
    "/v4/dgfip/unites_legales/{siren}/attestation_fiscale",
    "/v3/dgfip/etablissements/{siret}/chiffres_affaires",
    "/v3/gip_mds/unites_legales/{siren}/effectifs_annuels/2024",
    "/v3/european_commission/unites_legales/{siren}/numero_tva",
    "/v3/ministere_interieur/rna/associations/{rna}",
    "/v3/msa/etablissements/{siret}/conformite_cotisations",
    "/v3/ademe/etablissements/{siret}/certification_rge",
    "/v3/data_subvention/associations/{siren}/subventions",
    "/v3/nowhere/{siren}",
)
WEAK = ("infogreffe", "banque_de_france", "data_subvention")
"""Providers that can be made to fail."""
CHANGEABLE = "/v3/data_subvention/associations/{siren}/subventions"
_TOKENS = 60


class Provider:
    """A provider that answers as the sandbox does, or fails."""

    def __init__(self, sandbox: int) -> None:
        self._sandbox = sandbox
        self.way = "well"
        """How it answers: `well`, `not` at all, or in another form (`changed`)."""

    async def __call__(self, target: str, _reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """Answer a call."""
        if self.way == "not":
            writer.close()
        elif self.way == "changed" and "data_subvention" in target:
            writer.write(answer(GOOD_BODY))
        else:
            reader, asking = await asyncio.open_connection("127.0.0.1", self._sandbox)
            asking.write(f"GET {target} HTTP/1.1\r\nHost: sandbox\r\nConnection: close\r\n\r\n".encode())
            writer.write(await reader.read())
            asking.close()


@dataclass
class Busy:
    """A busy gateway, with its store, its provider and its callers."""

    gateway: Gateway
    metrics_port: int
    store: Server
    provider: Provider
    configuration: Path
    jwt: list[str] = field(default_factory=lambda: [_token(place) for place in range(_TOKENS)])
    stopped: threading.Event = field(default_factory=threading.Event)

    def call_often(self, place: int, per_second: Callable[[], float]) -> None:
        """Make ordinary calls, one after the other, until `stopped` is set."""
        dice = random.Random(place)
        while not self.stopped.is_set():
            source = f"127.20.{dice.randrange(200)}.{dice.randrange(1, 250)}"
            with suppress(OSError, IndexError, ValueError), wire(self.gateway.port, source=source) as line:
                for _ in range(30):
                    if self.stopped.wait(dice.expovariate(per_second())):
                        return
                    self._call_once(line, dice)

    def _call_once(self, line: Wire, dice: random.Random) -> None:
        path = dice.choice(OFTEN if dice.random() < 0.8 else SELDOM)
        siren = dice.choice(FAULTS if dice.random() < 0.01 else SIRENS)
        siret = SIRET if siren in (SIREN, "130025266") else siren + "00011"
        chance = dice.random()
        bearer = None if chance < 0.01 else _expired() if chance < 0.02 else dice.choice(self.jwt)
        fresh_wanted = {"Cache-Control": "no-cache"} if dice.random() < 0.05 else {}
        target = path.format(siren=siren, siret=siret, rna=RNA)
        line.send(request(token=bearer, path=target, headers=fresh_wanted))
        given = line.answer()
        if given.status == 200 and b"/documents/" in given.body:
            self._download(line, given.body)

    def _download(self, line: Wire, body: bytes) -> None:
        link = body.partition(b"/documents/")[2].partition(b'"')[0].decode()
        line.send(f"GET /documents/{link} HTTP/1.1\r\nHost: test\r\n\r\n".encode())
        line.answer()

    def ask_until_banned(self, address: str, *, same_token: bool) -> None:
        """Call from one address until it is banned, with one token or with many."""
        own = _lasting()
        for place in range(20_000):
            with suppress(OSError, IndexError, ValueError), wire(self.gateway.port, source=address) as line:
                bearer = own if same_token else self.jwt[place % _TOKENS]
                path = OFTEN[0].format(siren=SIREN) if same_token else "/v4/nowhere"
                for _ in range(100):
                    line.send(request(token=bearer, path=path))
                    if line.answer().status == 429:
                        self.stopped.wait(0.01)
                continue
            if self._is_banned(address) or self.stopped.is_set():
                return

    def _is_banned(self, address: str) -> bool:
        return not self.gateway.says(request(token=self.jwt[0]), source=address)

    def ask_twice_at_once(self) -> None:
        """Make the same slow call twice at once, and disconnect before the answer."""
        bearer = _lasting()
        path = OFTEN[4].format(siren=FAULTS[-1])
        for _ in range(4):
            with wire(self.gateway.port) as first, wire(self.gateway.port) as second:
                for line in (first, second):
                    line.send(request(token=bearer, path=path))
                self.stopped.wait(0.2)

    def ask_for_changed_answers(self, count: int = 20) -> None:
        """Ask the provider whose answers have changed."""
        for _ in range(count):
            self.gateway.ask(token=_lasting(), path=CHANGEABLE.format(siren=SIREN))
            self.stopped.wait(0.1)

    def ask_more_than_allowed(self, address: str) -> None:
        """Call with one token from one address until it is, or would be, above its limit."""
        bearer = _lasting()
        for _ in range(300):
            self.gateway.ask(token=bearer, path=OFTEN[0].format(siren=SIREN), source=address)

    def be_slow(self) -> None:
        """Send half a head and wait until the gateway closes the connection."""
        with wire(self.gateway.port) as line:
            line.send(b"GET /v4/insee HTTP/1.1\r\nHost:")
            line.some()

    def kill_a_worker(self) -> None:
        """Kill a worker, and wait for its successor."""
        os.kill(min(self.gateway.worker_pids()), signal.SIGKILL)
        until(lambda: len(self.gateway.worker_pids()) == WORKERS, "it is not replaced")

    @contextmanager
    def failing(self, way: str) -> Iterator[None]:
        """Make the providers of `WEAK` fail until the end of the block."""
        self.provider.way = way
        try:
            yield
        finally:
            self.provider.way = "well"

    @contextmanager
    def without_store(self) -> Iterator[None]:
        """Freeze Redis until the end of the block."""
        self.store.freeze()
        try:
            yield
        finally:
            self.store.thaw()

    @contextmanager
    def in_shadow(self) -> Iterator[None]:
        """Put limits and bans in shadow mode until the end of the block."""
        before = self.configuration.read_text()
        self._reload('limits = "shadow"\n' + before)
        try:
            yield
        finally:
            self._reload(before)

    def _reload(self, text: str) -> None:
        told = len(self.gateway.logged("reloaded"))
        self.configuration.write_text(text)
        self.gateway.process.send_signal(signal.SIGHUP)
        until(lambda: len(self.gateway.logged("reloaded")) >= told + WORKERS, "it is not reloaded")


@contextmanager
def busy(
    folder: Path, store: Server, *, clients: int = 4, per_second: Callable[[], float] = lambda: 5.0, **settings: str
) -> Iterator[Busy]:
    """Start a gateway with two workers, sandbox, cache, documents and a published key set, and clients that call it.

    Args:
        folder: for its files.
        store: its Redis, already started.
        clients: number of clients.
        per_second: returns the calls per second of each client at the moment.
        settings: more settings of the gateway.
    """
    metrics_port = free_port()
    (folder / "sandbox").mkdir()
    with (
        programs.sandbox(folder / "sandbox", "--latency-ms", "20") as sandbox,
        stub(provider := Provider(sandbox.port)) as weak,
        publishing(Issuer().published("a")) as keys,
    ):
        configuration = folder / "gateway.toml"
        configuration.write_text("".join(f'[providers.{name}]\nbase_url = "{weak.url}"\n' for name in WEAK))
        usual = {
            "config": str(configuration),
            "redis_url": store.url,
            "metrics_port": str(metrics_port),
            "cache": "redis",
            "cache_stale_seconds": "600",
            "client_timeout": "3",
            "documents": str(folder / "documents"),
            "duplicates": "refuse",
            "ignored_429_limit": "100",
            "jwks": keys.url,
            "limit_ip": "1000",
            "limit_json": "250",
            "ping_probes": "all",
        }
        with (
            fleet.gateway(folder, WORKERS, upstream=sandbox.url, **(usual | settings)) as both,
            ThreadPoolExecutor(clients) as pool,
        ):
            site = Busy(both, metrics_port, store, provider, configuration)
            callers = [pool.submit(site.call_often, place, per_second) for place in range(clients)]
            try:
                yield site
            finally:
                site.stopped.set()
            for caller in callers:
                caller.result()


def _token(place: int) -> str:
    """One of the tokens in use; two of them expire soon."""
    return _lasting(days=5 if place < 2 else 20 if place < 5 else 300, jti=uuid.UUID(int=2**80 + place))


def _lasting(*, days: int = 300, jti: uuid.UUID | None = None) -> str:
    """A token that expires in so many days."""
    return tokens.token(jti=str(jti or uuid.uuid4()), exp=int(time.time()) + days * 86_400)


def _expired() -> str:
    return tokens.token(exp=1)
