"""Sentinels that want a user, a password or TLS, and those that want none: and all that is done with Redis."""

import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, NamedTuple

import pytest

from support import programs, stores
from support.certificates import Authority
from support.fleet import Gateway, gateway, undisturbed
from support.site import ATTESTATION_FISCALE, UNITE_LEGALE, fresh
from support.stores import Guarded, until
from support.stub import Stub

USER = "gateway"
PASSWORD = "p/w@d:#?"
LIMIT = 5


class Demand(NamedTuple):
    """What the URL says, and what a Sentinel wants."""

    user: str = ""
    password: str = ""
    sentinel: tuple[str, ...] = ()
    options: dict[str, Any] = {}  # noqa: RUF012 - nobody changes it


_ACL = f"user {USER} on >{PASSWORD} ~* &* +@all"
_OFF = "user default off"
DEMANDS = {
    "none": Demand(),
    "none-of-the-sentinel": Demand(password=PASSWORD),
    "none-of-the-sentinel-but-a-user": Demand(USER, PASSWORD),
    "a-password": Demand("", PASSWORD, (f"requirepass {PASSWORD}",), {"password": PASSWORD}),
    "a-password-alone": Demand(USER, PASSWORD, (f"requirepass {PASSWORD}",), {"password": PASSWORD}),
    "a-user": Demand(USER, PASSWORD, (_ACL, _OFF), {"username": USER, "password": PASSWORD}),
}


@contextmanager
def guarded(folder: Path, demand: Demand, *, binary: str | None = None, tls: bool = False) -> Iterator[Guarded]:
    """Start a master and a Sentinel that want this."""
    authority = Authority(folder) if tls else None
    with stores.guarded(
        folder,
        binary or stores.valkey_server(),
        user=demand.user,
        password=demand.password,
        sentinel=demand.sentinel,
        sentinel_options=demand.options,
        tls=None if authority is None else authority.sign("redis"),
        authority=None if authority is None else authority.file,
    ) as group:
        yield group


def _works(member: Gateway, url: str) -> None:
    """All that uses Redis does: limits, the cache, pings, revocations, bans, and the commands."""
    member.settles_in("shared")

    def limited() -> list[int]:
        token = fresh()
        return [member.ask(token=token, path=ATTESTATION_FISCALE).status for _ in range(LIMIT + 2)]

    assert undisturbed([member], limited) == [200] * LIMIT + [429] * 2
    until(
        lambda: member.ask(token=fresh(), path=UNITE_LEGALE).headers["x-response-cached"] == "true",
        "no answer is kept",
    )
    until(lambda: member.metrics()["gateway_cache_available"] == 1, "the cache is away")
    assert member.faults("pings_not_shared") == []
    jti = str(uuid.uuid4())
    revoked = programs.run("token", "revoke", jti, redis_url=url)
    assert revoked.returncode == 0, revoked.stderr
    until(lambda: member.ask(token=fresh(jti=jti)).status == 401, "the revocation is not seen")
    banned = programs.run("bans", "list", "--json", redis_url=url)
    assert banned.returncode == 0, banned.stderr
    assert member.faults("revocations_unreadable") == []


@pytest.mark.parametrize("name", DEMANDS)
def test_what_sentinels_want(tmp_path: Path, provider: Stub, name: str) -> None:
    """User and password of the URL hold for the Sentinels too, and one that wants none is used all the same."""
    settings = {"limit_strict": str(LIMIT), "cache": "redis"}
    with (
        guarded(tmp_path, DEMANDS[name]) as group,
        gateway(tmp_path, upstream=provider.url, redis_url=group.url, **settings) as member,
    ):
        _works(member, group.url)


@pytest.mark.parametrize("name", ["none", "a-password", "a-user"])
def test_sentinels_in_tls(tmp_path: Path, provider: Stub, name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Sentinels that speak nothing but TLS are asked in TLS, and their certificates are looked at."""
    monkeypatch.setenv("SSL_CERT_FILE", str(tmp_path / "ca.pem"))
    settings = {"limit_strict": str(LIMIT), "cache": "redis"}
    with (
        guarded(tmp_path, DEMANDS[name], binary=stores.redis_server(), tls=True) as group,
        gateway(tmp_path, 2, upstream=provider.url, redis_url=group.url, **settings) as member,
    ):
        assert group.url.startswith("rediss+sentinel://")
        _works(member, group.url)


def test_a_certificate_of_somebody_else(tmp_path: Path, provider: Stub) -> None:
    """A Sentinel whose certificate nobody vouches for is not told the password."""
    with (
        guarded(tmp_path, DEMANDS["a-password"], binary=stores.redis_server(), tls=True) as group,
        gateway(tmp_path, upstream=provider.url, redis_url=group.url, revocations_unknown="accept") as member,
    ):
        assert member.modes() == ["local"]
        assert member.ask(token=fresh()).status == 200


@pytest.mark.parametrize("name", ["a-password", "a-user"])
def test_a_wrong_password(tmp_path: Path, provider: Stub, name: str) -> None:
    """A Sentinel that takes neither the password nor none is not used, the command says why, and shows no password."""
    with guarded(tmp_path, DEMANDS[name]) as group:
        url = Guarded(group.master, group.sentinel, group.user, "not-this-one").url
        with gateway(tmp_path, upstream=provider.url, redis_url=url) as member:
            assert member.modes() == ["local"]
        refused = programs.run("bans", "list", redis_url=url)
    assert refused.returncode != 0
    assert "not-this-one" not in refused.stderr + refused.stdout + member.errors.read_text()


def test_the_machines_own_redis(tmp_path: Path, provider: Stub) -> None:
    """Redis behaves like Valkey here."""
    with (
        guarded(tmp_path, DEMANDS["a-user"], binary=stores.redis_server()) as group,
        gateway(tmp_path, upstream=provider.url, redis_url=group.url, limit_strict=str(LIMIT), cache="redis") as member,
    ):
        _works(member, group.url)
