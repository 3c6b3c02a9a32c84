"""Tests of the components of a gateway: what a reload hands on, and what stays as it is if one fails."""

import gc
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from pydantic import SecretStr

from apientreprise_gateway.cache.memory import MemoryCache
from apientreprise_gateway.cache.redis import RedisCache
from apientreprise_gateway.cache.sealed import SealedCache
from apientreprise_gateway.contract.groups import Group
from apientreprise_gateway.gateway.app import Gateway
from apientreprise_gateway.gateway.components.limits import LimiterSettings, limiter, mode_of, policy
from apientreprise_gateway.gateway.components.observability import AccessFile
from apientreprise_gateway.gateway.settings import SettingsError, load
from apientreprise_gateway.observability.access_log import AccessLog
from apientreprise_gateway.observability.metrics import Metrics
from apientreprise_gateway.observability.sink import open_file
from apientreprise_gateway.providers.products import PRODUCTS
from support.issuer import Issuer
from support.tokens import SECRET

GROUPS = [group for product in PRODUCTS for group in product.groups]


@pytest.fixture(autouse=True)
def _thawed() -> Iterator[None]:
    """A gateway that starts freezes what there is; other tests want it collected."""
    yield
    gc.unfreeze()


def make(folder: Path, predecessor: Gateway | None = None, **given: Any) -> Gateway:
    """A gateway."""
    settings = load(
        **{"jwt_secrets": SECRET, "upstream_url": "http://127.0.0.1:9", "access_log": str(folder / "access")} | given
    )
    return Gateway(settings, predecessor=predecessor)


INHERITED = ("key_set", "limiter", "documents", "cache", "recorder", "access_log")


def handed_on(first: Gateway, second: Gateway) -> set[str]:
    """The components that a gateway has of its predecessor."""
    return {name for name in INHERITED if vars(first._parts)[name] is vars(second._parts)[name]}


def test_a_reload_without_changes(tmp_path: Path) -> None:
    """Whatever may be handed on is."""
    first = make(tmp_path)
    assert handed_on(first, make(tmp_path, first)) == set(INHERITED)


@pytest.mark.parametrize(
    ("changed", "component"),
    [
        ({"limit_ip": 7}, "limiter"),
        ({"ignored_429_limit": 7}, "limiter"),
        ({"window": "first-call"}, "limiter"),
        ({"limits": "shadow"}, "limiter"),
        ({"document_seconds": 60}, "documents"),
        ({"document_max_bytes": 2048}, "documents"),
        ({"cache": "memory"}, "cache"),
        ({"cache_bytes": 2**20}, "cache"),
        ({"jwks_refresh": 7}, "key_set"),
        ({"traces_share": 0.5}, "recorder"),
    ],
)
def test_a_reload_with_a_change(tmp_path: Path, changed: dict[str, Any], component: str) -> None:
    """The component that depends on the setting is made anew, and no other."""
    first = make(tmp_path)
    assert handed_on(first, make(tmp_path, first, **changed)) == set(INHERITED) - {component}


def test_a_reload_with_another_store(tmp_path: Path) -> None:
    """Whatever keeps something in Redis is made anew with another one."""
    first = make(tmp_path)
    second = make(tmp_path, first, redis_url=SecretStr("redis://127.0.0.1:1"))
    assert handed_on(first, second) == set(INHERITED) - {"limiter", "cache"}


RING = "ab" * 32
REDIS = {"redis_url": "redis://127.0.0.1:1", "cache": "redis"}


@pytest.mark.parametrize(
    ("given", "changed", "is_kept"),
    [
        (REDIS, {"cache_keys": RING}, False),
        (REDIS | {"cache_keys": RING}, {"cache_keys": f"{'cd' * 32},{RING}"}, False),
        (REDIS | {"cache_keys": RING}, {"pseudonym_key": RING}, False),
        (REDIS, {"pseudonym_key": RING}, True),
        ({"cache": "memory"}, {"cache_keys": RING, "pseudonym_key": RING}, True),
    ],
)
def test_a_reload_with_other_keys(
    tmp_path: Path, given: dict[str, Any], changed: dict[str, Any], is_kept: bool
) -> None:
    """The cache is made anew with other keys where it uses them, and handed on where it does not."""
    first = make(tmp_path, **given)
    second = make(tmp_path, first, **(given | changed))
    assert ("cache" in handed_on(first, second)) == is_kept


@pytest.mark.parametrize(
    ("given", "common", "persons"),
    [
        ({}, None, None),
        ({"cache": "memory"}, MemoryCache, MemoryCache),
        (REDIS, RedisCache, None),
        (REDIS | {"cache_keys": RING}, RedisCache, SealedCache),
    ],
)
def test_answers_about_persons_leave_no_process_unsealed(
    tmp_path: Path, given: dict[str, Any], common: type | None, persons: type | None
) -> None:
    """What is kept of persons is in the memory of the process, sealed in Redis, or not kept."""
    part = make(tmp_path, **given)._parts.cache.part
    assert (part.common and type(part.common), part.persons and type(part.persons)) == (common, persons)
    assert part.persons is part.common or persons is not MemoryCache


async def test_keys_after_a_reload_that_fails(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The gateway that stays in force learns of new keys as before."""
    issuer, published = Issuer(), tmp_path / "keys.json"
    published.write_bytes(issuer.published("old"))

    async def fail(_cache: MemoryCache) -> None:
        raise OSError("no room")

    monkeypatch.setattr(MemoryCache, "start", fail)
    first = make(tmp_path, jwks=str(published))
    await first.start()
    with pytest.raises(OSError, match="no room"):
        await make(tmp_path, first, jwks=str(published), cache="memory").start()
    published.write_bytes(issuer.published("old", "new"))
    tokens = first._parts.tokens.part
    await tokens.renew_keys()
    assert tokens.verifier.verify(issuer.token("new")).scopes
    await first.stop()


def test_settings_do_not_show_a_password() -> None:
    """What a component is made of may stand in a trace: the password of Redis does not."""
    settings = load(redis_url="redis://:hunter2@127.0.0.1:1")
    assert "hunter2" not in repr(LimiterSettings.of(settings))


def test_the_mode_of_one_process() -> None:
    """A limiter that counts by itself says so."""
    assert mode_of(limiter(LimiterSettings.of(load()), Metrics())) == "memory"


@pytest.mark.parametrize("group", GROUPS, ids=lambda group: group.name)
def test_every_group_has_a_limit(group: Group) -> None:
    """The policy knows the setting of each group of endpoints, at its published figure."""
    (endpoint,) = [each for product in PRODUCTS for each in product.endpoints if each.group is group][:1]
    assert policy(load(), PRODUCTS).limit_of(endpoint) == group.limit.calls


# The file of the access lines.


@pytest.fixture
def log(tmp_path: Path) -> AccessLog:
    """An access log that writes to a file, and is not started."""
    return AccessLog(open_file(tmp_path / "first"))


def open_files() -> int:
    """How many files this process has open."""
    return len(list(Path("/proc/self/fd").iterdir()))


def test_the_first_file_is_the_log_s_own(log: AccessLog, tmp_path: Path) -> None:
    """The file of a first gateway is not opened twice."""
    before = open_files()
    AccessFile(log, tmp_path / "first")
    assert open_files() == before


def test_a_file_that_is_not_put_in_force(log: AccessLog, tmp_path: Path) -> None:
    """What was opened for a gateway that is discarded is closed, once."""
    former = AccessFile(log, tmp_path / "first")
    before = open_files()
    new = AccessFile(log, tmp_path / "second", former=former)
    assert open_files() == before + 1
    new.discard()
    new.discard()
    assert open_files() == before


def test_a_file_that_cannot_be_opened(log: AccessLog, tmp_path: Path) -> None:
    """It is refused with the name of the setting."""
    former = AccessFile(log, tmp_path / "first")
    with pytest.raises(SettingsError, match=r"^GATEWAY_ACCESS_LOG: .*missing/file: No such file"):
        AccessFile(log, tmp_path / "missing" / "file", former=former)
