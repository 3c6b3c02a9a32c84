"""The addresses of a name, from a name server that hangs, fails and changes its mind."""

import asyncio
import socket
import threading
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from apientreprise_gateway.upstream import resolver
from apientreprise_gateway.upstream.faults import CallError, Fault
from apientreprise_gateway.upstream.resolver import Resolver

pytestmark = pytest.mark.uvloop

LONG = 30.0


class NameServer:
    """Answers instead of the system's resolver, which cannot be made to fail on demand."""

    def __init__(self) -> None:
        self.address = "192.0.2.1"
        self.error: OSError | None = None
        self.asked: list[str] = []
        self.open = threading.Event()
        """Set as long as it answers for names that hang."""
        self.open.set()
        self.real = socket.getaddrinfo

    def __call__(self, host: str, port: int, **given: Any) -> Any:
        """Answer like `socket.getaddrinfo`."""
        if given.get("flags") == socket.AI_NUMERICHOST:
            return self.real(host, port, **given)
        self.asked.append(host)
        if host.startswith("hangs"):
            self.open.wait(LONG)
        if self.error is not None:
            raise self.error
        return self.real(self.address, port, **given)


@pytest.fixture
def server(monkeypatch: pytest.MonkeyPatch) -> Iterator[NameServer]:
    """The resolver of a test."""
    started = NameServer()
    monkeypatch.setattr(socket, "getaddrinfo", started)
    yield started
    started.open.set()


async def _addresses(name: Resolver, *, within: float = LONG) -> list[str]:
    found = await name.addresses(asyncio.get_running_loop().time() + within)
    return [address[0] for _, _, _, _, address in found]


async def _until(holds: Callable[[], bool]) -> None:
    async with asyncio.timeout(LONG):
        while not holds():
            await asyncio.sleep(0.001)


async def _forever(name: Resolver) -> None:
    while True:
        await _addresses(name)
        await asyncio.sleep(0.001)


async def test_one_look_up_for_all_that_wait(server: NameServer) -> None:
    """Calls that come during a look-up share it, and those after it use its result."""
    server.open.clear()
    name = Resolver("hangs.example", 80)
    waiting = [asyncio.create_task(_addresses(name)) for _ in range(50)]
    await _until(lambda: bool(server.asked))
    server.open.set()
    assert await asyncio.gather(*waiting) == [["192.0.2.1"]] * 50
    assert await _addresses(name) == ["192.0.2.1"]
    assert len(server.asked) == 1


async def test_a_name_server_that_hangs_delays_no_other_name(server: NameServer) -> None:
    """Many names that hang end with the deadlines of their calls, and another is found meanwhile."""
    server.open.clear()
    hanging = [asyncio.create_task(_addresses(Resolver(f"hangs{n}.example", 80), within=1)) for n in range(40)]
    await _until(lambda: len(server.asked) == 40)
    assert await _addresses(Resolver("well.example", 80)) == ["192.0.2.1"]
    for call in hanging:
        with pytest.raises(CallError) as caught:
            await call
        assert caught.value.fault is Fault.NAME


async def test_known_addresses_serve_while_new_ones_are_looked_up(
    server: NameServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    """No call waits for the look-up that replaces addresses known already."""
    monkeypatch.setattr(resolver, "NAME_SECONDS", 0)
    name = Resolver("hangs.example", 80)
    assert await _addresses(name) == ["192.0.2.1"]
    server.open.clear()
    server.address = "192.0.2.2"
    assert await _addresses(name) == ["192.0.2.1"]
    await _until(lambda: len(server.asked) == 2)
    assert await _addresses(name) == ["192.0.2.1"]
    server.open.set()
    while await _addresses(name) != ["192.0.2.2"]:
        await asyncio.sleep(0.001)


@pytest.mark.parametrize(("error", "kept"), [(socket.EAI_AGAIN, True), (socket.EAI_NONAME, False)])
async def test_known_addresses_outlive_the_name_server(
    server: NameServer, monkeypatch: pytest.MonkeyPatch, error: int, kept: bool
) -> None:
    """Addresses stay in use while no name server answers, not once one says that there are none."""
    monkeypatch.setattr(resolver, "NAME_SECONDS", 0)

    async def main() -> None:
        name = Resolver("name.example", 80)
        assert await _addresses(name) == ["192.0.2.1"]
        server.error = socket.gaierror(error, "it says")
        if kept:
            while len(server.asked) < 4:  # three of which have failed
                assert await _addresses(name) == ["192.0.2.1"]
                await asyncio.sleep(0.001)
            return
        with pytest.raises(CallError, match="it says") as caught:
            await _forever(name)
        assert caught.value.fault is Fault.NAME

    await main()


@pytest.mark.parametrize("host", ["nosuch.invalid", "x" * 70 + ".example", "é" * 300])
async def test_a_name_without_an_address(host: str) -> None:
    """A name that has no address, or can have none, is a fault of its own."""
    with pytest.raises(CallError) as caught:
        await _addresses(Resolver(host, 80))
    assert caught.value.fault is Fault.NAME


async def test_an_address_is_not_looked_up(server: NameServer) -> None:
    """An address in place of a name takes no name server."""
    assert await _addresses(Resolver("127.0.0.1", 80)) == ["127.0.0.1"]
    assert await _addresses(Resolver("::1", 80)) == ["::1"]
    assert server.asked == []
