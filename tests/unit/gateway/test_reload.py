"""Tests of the replacing of gateways."""

import asyncio
import gc
import weakref
from collections.abc import Iterator
from pathlib import Path

import pytest
from structlog.testing import capture_logs

from apientreprise_gateway.gateway import reload
from apientreprise_gateway.gateway.app import Gateway
from apientreprise_gateway.gateway.reload import ReloadableGateway
from apientreprise_gateway.gateway.settings import SettingsError, load
from support.tokens import SECRET


@pytest.fixture(autouse=True)
def _thawed() -> Iterator[None]:
    """A gateway that starts freezes what there is; other tests want it collected."""
    yield
    gc.unfreeze()


def make(folder: Path, predecessor: Gateway | None = None) -> Gateway:
    """A gateway."""
    settings = load(jwt_secrets=SECRET, upstream_url="http://127.0.0.1:9", access_log=str(folder / "access"))
    return Gateway(settings, predecessor=predecessor)


async def test_replaced_gateways_are_let_go(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """However often the configuration is read anew, no more than the gateway in force stays in memory."""
    monkeypatch.setattr(reload, "RETIRING_SECONDS", 0.0)
    serving = ReloadableGateway(make(tmp_path), renew=lambda current: make(tmp_path, current))
    await serving.current.start()
    made: list[weakref.ref[Gateway]] = []
    async with asyncio.timeout(60):
        for _ in range(8):
            await serving.reload()
            made.append(weakref.ref(serving.current))
            while serving._retiring:
                await asyncio.sleep(0.01)
        while any(each() is not None for each in made[:-1]):
            await asyncio.sleep(0.01)
    assert made[-1]() is serving.current
    await serving.current.stop()


async def test_a_gateway_that_cannot_be_made(tmp_path: Path) -> None:
    """The one in force stays, and the reason is told."""

    def refuse(_current: Gateway) -> Gateway:
        raise SettingsError("GATEWAY_X: it is wrong. Correct it.")

    first = make(tmp_path)
    serving = ReloadableGateway(first, renew=refuse)
    with capture_logs() as logs:
        await serving.reload()
    assert serving.current is first
    assert [(line["event"], line["reason"]) for line in logs] == [
        ("reload_refused", "GATEWAY_X: it is wrong. Correct it.")
    ]


async def test_a_fault_of_ours(tmp_path: Path) -> None:
    """What nobody has foreseen is logged, the gateway in force stays, and the next attempt is made."""
    attempts = 0

    def fail_once(current: Gateway) -> Gateway:
        nonlocal attempts
        attempts += 1
        if attempts == 1:
            raise RuntimeError
        return make(tmp_path, current)

    first = make(tmp_path)
    serving = ReloadableGateway(first, renew=fail_once)
    await first.start()
    with capture_logs() as logs:
        await serving.reload()
        assert serving.current is first
        await serving.reload()
        assert serving.current is not first
    assert [line["event"] for line in logs if line["log_level"] == "error"] == ["reload_failed"]
    await serving._stop()


async def test_a_reload_after_the_end(tmp_path: Path) -> None:
    """Nothing is begun any more once the gateway has stopped."""
    first = make(tmp_path)
    serving = ReloadableGateway(first, renew=lambda current: make(tmp_path, current))
    await first.start()
    await serving._stop()
    await serving.reload()
    assert serving.current is first


def test_what_is_refused_leaves_nothing_open(tmp_path: Path) -> None:
    """A configuration that cannot be used costs no open file, however often it is tried."""
    no_certificate = tmp_path / "ca.pem"
    no_certificate.write_text("no certificate")
    settings = load(
        jwt_secrets=SECRET,
        upstream_url="http://127.0.0.1:9",
        access_log=str(tmp_path / "access"),
        providers={"insee": {"ca": str(no_certificate)}},
    )
    before = len(list(Path("/proc/self/fd").iterdir()))
    for _ in range(5):
        with pytest.raises(SettingsError):
            Gateway(settings)
    assert len(list(Path("/proc/self/fd").iterdir())) == before
