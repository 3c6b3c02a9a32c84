"""A started gateway in front of a stub provider, with the calls and checks that tests make."""

import asyncio
import random
import threading
import uuid
from base64 import b64encode
from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

import httpx
import orjson

from support import programs, tokens
from support.programs import TRACE, Program
from support.stub import Handler, Stub, answer, stub

UNITE_LEGALE = "/v4/insee/sirene/unites_legales/130025265"
ATTESTATION_FISCALE = "/v4/dgfip/unites_legales/130025265/attestation_fiscale"
ATTESTATION_FISCALE_V2 = "/v2/attestations_fiscales_dgfip/130025265"
ENTREPRISE_V2 = "/v2/entreprises/130025265"
EXTRAIT_RCS = "/v3/infogreffe/rcs/unites_legales/130025265/extrait_kbis"
VIGILANCE = "/v4/urssaf/unites_legales/130025265/attestation_vigilance"
"""The path of a call whose answer holds a document."""

GOOD_BODY = b'{"data":{"siren":"130025265"},"links":{},"meta":{}}'
PDF = b"%PDF-1.4\n1 0 obj\n<< >>\nendobj\nxref\n0 1\n0000000000 65535 f \ntrailer\n<< >>\nstartxref\n28\n%%EOF\n"
"""The smallest file that passes for a PDF."""
_ENCODED = b64encode(PDF).decode()
DOCUMENT_BODY = orjson.dumps({"data": {"siren": "130025265", "document": _ENCODED}, "links": {}, "meta": {}})
DOCUMENT_BODY_V2 = orjson.dumps({"document": _ENCODED})


def good_answer(target: str) -> bytes:
    """The raw HTTP answer of a provider without a fault."""
    if "/attestation" not in target:
        return answer(GOOD_BODY)
    return answer(DOCUMENT_BODY_V2 if target.startswith("/v2/") else DOCUMENT_BODY)


async def GOOD(target: str, _reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:  # noqa: N802
    """Answer as a provider without a fault."""
    writer.write(good_answer(target))


LONG = 50.0
"""Seconds to wait for what happens at once unless the machine is overloaded."""
ROOMY = {"limit_ip": "1000000", "ignored_429_limit": "1000000"}
"""Settings with which tests that share a gateway do not get one another banned."""


def wait_until(holds: Callable[[], bool], *, seconds: float = LONG) -> None:
    """Wait until a condition holds; fail the test after so many seconds."""
    tick = threading.Event()
    for _ in range(int(seconds / 0.02)):
        if holds():
            return
        tick.wait(0.02)
    raise AssertionError("what was waited for did not happen")


def scrape(url: str) -> str:
    """The text of a gateway's metrics, asked from another address each time, as one address may not ask so often."""
    source = f"127.{random.randrange(1, 255)}.{random.randrange(255)}.{random.randrange(1, 255)}"
    with httpx.Client(
        transport=httpx.HTTPTransport(local_address=source, verify=False), timeout=LONG, trust_env=False
    ) as client:
        return client.get(f"{url}/metrics").text


def fresh(**claims: Any) -> str:
    """A token that no other test uses, so that its window is empty."""
    return tokens.token(**({"jti": str(uuid.uuid4())} | claims))


class Gate:
    """A provider that holds every answer back until it is opened."""

    def __init__(self, raw: bytes | None = None) -> None:
        """Take the raw answer; that of a provider without a fault by default."""
        self._raw = raw
        self.arrived = threading.Event()
        """Set once a call has come."""
        self.opened = threading.Event()

    async def __call__(self, target: str, _reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """Wait until the gate is open, then answer."""
        self.arrived.set()
        await asyncio.to_thread(self.opened.wait, LONG)
        writer.write(good_answer(target) if self._raw is None else self._raw)


async def hang(_target: str, reader: asyncio.StreamReader, _writer: asyncio.StreamWriter) -> None:
    """Never answer; return when the other side closes."""
    await reader.readexactly(1)


@dataclass
class Site:
    """A started gateway, its stub provider, a client."""

    program: Program
    provider: Stub
    client: httpx.Client

    def call(
        self,
        path: str = UNITE_LEGALE,
        *,
        token: str | None,
        method: str = "GET",
        headers: Mapping[str, str] | None = None,
        client: httpx.Client | None = None,
        **changes: str | None,
    ) -> httpx.Response:
        """Make an ordinary call, with `changes` to its query parameters; None leaves one out."""
        given = {} if token is None else {"Authorization": f"Bearer {token}"}
        query = {name: value for name, value in (TRACE | changes).items() if value is not None}
        return (client or self.client).request(
            method,
            f"{self.program.url}{path}{'&' if '?' in path else '?'}{urlencode(query)}",
            headers=given | dict(headers or {}),
        )

    @contextmanager
    def in_background(self, call: Callable[[], httpx.Response]) -> Iterator[Future[httpx.Response]]:
        """Make a call in a thread; it has its answer when the block ends."""
        with ThreadPoolExecutor(1) as pool:
            yield pool.submit(call)

    def lines(self, *, event: str = "access") -> list[dict[str, Any]]:
        """All log lines of the calls answered so far."""
        last = str(uuid.uuid4())
        self.call("/nowhere", token=None, headers={"X-Request-Id": last})
        wait_until(lambda: any(line["request_id"] == last for line in self.program.access_lines()))
        return [line for line in self.program.access_lines(event=event) if line["request_id"] != last]

    def line(self, request_id: str) -> dict[str, Any]:
        """The one access line of a call."""
        found = [line for line in self.lines() if line["request_id"] == request_id]
        assert len(found) == 1, f"{len(found)} lines"
        return found[0]

    def metric(self, sample: str) -> float:
        """The value of a sample, by its name in /metrics; 0 if there is none."""
        for line in scrape(self.program.url).splitlines():
            name, _, value = line.rpartition(" ")
            if name == sample:
                return float(value)
        return 0.0


@contextmanager
def site(folder: Path, handler: Handler = GOOD, /, **settings: str) -> Iterator[Site]:
    """Start a gateway in front of a stub provider of its own."""
    with (
        stub(handler) as provider,
        programs.gateway(folder, **({"upstream": provider.url} | settings)) as program,
        httpx.Client(timeout=LONG, verify="tls_certificate" not in settings) as client,
    ):
        yield Site(program, provider, client)


def codes(response: httpx.Response) -> list[str]:
    """The error codes of an answer in the v3 shape."""
    return [error["code"] for error in response.json()["errors"]]
