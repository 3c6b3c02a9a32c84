"""The part of `check --online` that asks the gateway's own services: Redis, Sentinels, the key set, documents.

Each is asked once, as `serve` would ask it, and shown with the setting that names it.
"""

import asyncio
import secrets
import time
from collections.abc import Awaitable, Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from apientreprise_gateway.config.shown import shown_place
from apientreprise_gateway.gateway.settings import CacheStore, Settings, environment_name

ASK_SECONDS: Final = 5.0
"""Seconds that a service may take."""
OK: Final = "ok"
FAILED: Final = "failed"
_PROBE_KEY: Final = "gw:probe"


@dataclass(frozen=True, slots=True, kw_only=True)
class ServiceResult:
    """The result for one service."""

    setting: str
    service: str
    """Its kind and its address, without a password."""
    status: str
    milliseconds: int
    problem: str


@dataclass(frozen=True, slots=True)
class _Service:
    setting: str
    name: str
    ask: Callable[[], Awaitable[None]]
    """Asks the service; raises if it does not work."""


async def ask_services(settings: Settings, documents: Callable[[], Awaitable[None]]) -> list[ServiceResult]:
    """Ask every service that the settings name, all at the same time.

    Args:
        settings: valid settings.
        documents: checks that the bucket can be used; raises if not.
    """
    return await asyncio.gather(*(_ask(service) for service in _services(settings, documents)))


def _services(settings: Settings, documents: Callable[[], Awaitable[None]]) -> Iterator[_Service]:
    if settings.redis_url is not None:
        yield from _of_redis("redis_url", settings.redis_url.get_secret_value())
    if settings.cache is CacheStore.REDIS and settings.cache_redis_url is not None:
        yield from _of_redis("cache_redis_url", settings.cache_redis_url.get_secret_value())
    for field, place in (("jwks", settings.jwks), ("france_connect_jwks", settings.france_connect_jwks)):
        if isinstance(place, str):
            yield _Service(environment_name(field), f"JWKS {shown_place(place)}", _keys(place))
    kept = settings.documents
    if kept is not None and "://" in kept:
        yield _Service(environment_name("documents"), f"bucket {shown_place(kept)}", documents)
    elif kept is not None:
        yield _Service(environment_name("documents"), f"folder {kept}", _folder(Path(kept)))


def _of_redis(field: str, url: str) -> Iterator[_Service]:
    from apientreprise_gateway.store.url import Form, parse_url  # noqa: PLC0415 - redis-py takes long

    setting, address = environment_name(field), parse_url(url)
    if address.form is Form.SENTINEL:
        for place in range(len(address.nodes)):
            host, port = address.nodes[place]
            yield _Service(setting, f"Sentinel {host}:{port}", _sentinel(url, place))
    yield _Service(setting, f"Redis {shown_place(url)}", _redis(url))


def _redis(url: str) -> Callable[[], Awaitable[None]]:
    async def ask() -> None:
        from apientreprise_gateway.store.client import client  # noqa: PLC0415
        from apientreprise_gateway.store.url import parse_url  # noqa: PLC0415 - as above

        connection = client(parse_url(url), timeout=ASK_SECONDS)
        try:
            # A call needs to write and to run a script.
            await connection.ask("SET", _PROBE_KEY, "1", "PX", 1000)
            await connection.ask("EVAL", "return redis.call('PTTL', KEYS[1])", 1, _PROBE_KEY)
        finally:
            await connection.close()

    return ask


def _sentinel(url: str, place: int) -> Callable[[], Awaitable[None]]:
    async def ask() -> None:
        from apientreprise_gateway.store.client import client  # noqa: PLC0415
        from apientreprise_gateway.store.url import parse_url  # noqa: PLC0415 - as above

        address = parse_url(url)
        connection = client(address, timeout=ASK_SECONDS)
        try:
            master = await connection.ask_sentinel(place, "SENTINEL", "GET-MASTER-ADDR-BY-NAME", address.service)
            if not master:
                raise LookupError(f"it knows no service {address.service}")
        finally:
            await connection.close()

    return ask


def _keys(url: str) -> Callable[[], Awaitable[None]]:
    async def ask() -> None:
        from apientreprise_gateway.auth.jwks import fetch  # noqa: PLC0415 - httpx takes long
        from apientreprise_gateway.auth.keys import read_jwks  # noqa: PLC0415

        if not read_jwks(await fetch(url), url).keys:
            raise LookupError("it holds no key that can be used")

    return ask


def _folder(folder: Path) -> Callable[[], Awaitable[None]]:
    def write() -> None:
        probe = folder / f".check-{secrets.token_hex(8)}"
        try:
            probe.write_bytes(b"1")
        finally:
            probe.unlink(missing_ok=True)

    async def ask() -> None:
        await asyncio.to_thread(write)

    return ask


async def _ask(service: _Service) -> ServiceResult:
    from apientreprise_gateway.store.words import redis_words  # noqa: PLC0415

    started, problem = time.perf_counter(), ""
    try:
        async with asyncio.timeout(ASK_SECONDS):
            await service.ask()
    except TimeoutError:
        problem = f"no answer within {ASK_SECONDS:g} s"
    except Exception as error:  # whatever a library raises is the problem to show
        problem = " ".join((redis_words(error) or type(error).__name__).split())
    return ServiceResult(
        setting=service.setting,
        service=service.name,
        status=FAILED if problem else OK,
        milliseconds=round((time.perf_counter() - started) * 1000),
        problem=problem,
    )
