"""Tests of the replacing of gateways."""

import asyncio
import gc
import weakref
from collections.abc import Iterator
from pathlib import Path

import pytest
from structlog.testing import capture_logs

from apientreprise_gateway import replaceable
from apientreprise_gateway.app import Gateway
from apientreprise_gateway.replaceable import Replaceable
from apientreprise_gateway.settings import SettingsError, load
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


def test_replaced_gateways_are_let_go(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """However often the configuration is read anew, no more than the gateway in force stays in memory."""
    monkeypatch.setattr(replaceable, "RETIRING_SECONDS", 0.0)

    async def main() -> None:
        serving = Replaceable(make(tmp_path), renew=lambda current: make(tmp_path, current))
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

    asyncio.run(main())


def test_a_gateway_that_cannot_be_made(tmp_path: Path) -> None:
    """The one in force stays, and the reason is told."""

    def refuse(_current: Gateway) -> Gateway:
        raise SettingsError("GATEWAY_X: it is wrong. Correct it.")

    async def main() -> None:
        first = make(tmp_path)
        serving = Replaceable(first, renew=refuse)
        with capture_logs() as logs:
            await serving.reload()
        assert serving.current is first
        assert [(line["event"], line["reason"]) for line in logs] == [
            ("reload_refused", "GATEWAY_X: it is wrong. Correct it.")
        ]

    asyncio.run(main())
