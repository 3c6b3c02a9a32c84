"""A store with something else under our names, or with gateways that count otherwise: nobody but one call notices."""

import uuid
from pathlib import Path

import pytest

from support.fleet import Gateway, fleet, gateway, load, undisturbed
from support.site import ATTESTATION_FISCALE, UNITE_LEGALE, fresh
from support.stores import Server, until
from support.stub import Stub
from support.wire import request

LIMIT = 5
FAULTS = 'gateway_store_faults_total{{about="key",part="{}"}}'
SPOILT = [
    ("sliding", ("HSET", "start", "abc")),
    ("sliding", ("SET", "99999999999999999")),
    ("first-call", ("RPUSH", "1", "abc")),
    ("first-call", ("SADD", "abc")),
]


def _spoil(store: Server, key: str, spoilt: tuple[str, ...]) -> None:
    store.command("DEL", key)
    store.command(spoilt[0], key, *spoilt[1:])


def _statuses(member: Gateway, token: str, *, times: int = LIMIT + 2) -> list[int]:
    return [member.ask(token=token, path=ATTESTATION_FISCALE).status for _ in range(times)]


def _blames_the_store(member: Gateway) -> list[str]:
    """Why a gateway has left its store, but for a machine that stood still."""
    left = [line["reason"] for line in member.logged("store_mode") if line["mode"] != "shared"]
    left += [line["reason"] for line in member.logged("cache_state") if not line["available"]]
    left += [line["reason"] for line in member.logged("pings_not_shared")]
    return [reason for reason in left if "did not answer within" not in reason and "Timeout" not in reason]


def test_gateways_with_two_kinds_of_windows(tmp_path: Path, store: Server, provider: Stub) -> None:
    """Gateways that differ in their window share a store: each counts its way, and no mode changes."""
    usual = {"redis_url": store.url, "limit_json": str(LIMIT)}
    with (
        gateway(tmp_path / "one", upstream=provider.url, window="sliding", **usual) as one,
        gateway(tmp_path / "two", upstream=provider.url, window="first-call", **usual) as two,
    ):

        def attempt() -> list[list[int]]:
            token = fresh()
            return [[member.ask(token=token).status for member in (one, two)] for _ in range(LIMIT + 1)]

        assert undisturbed([one, two], attempt) == [[200, 200]] * LIMIT + [[429, 429]]
        assert [_blames_the_store(member) for member in (one, two)] == [[], []]


@pytest.mark.parametrize(("window", "spoilt"), SPOILT, ids=str)
def test_spoilt_keys(tmp_path: Path, store: Server, provider: Stub, window: str, spoilt: tuple[str, ...]) -> None:
    """Whatever lies under a name of ours is removed by the call that meets it; under load no other call notices."""
    jti = str(uuid.uuid4())
    form = {"sliding": "s1", "first-call": "f1"}[window]
    keys = [f"gw:{{{jti}}}:attestation_fiscale:{form}"]
    keys += [f"gw:{{127.0.5.1}}:{name}" for name in ("ban", "calls:s1", "refused:s1")]
    keys += [f"gwc:{{{shard}}}:entries" for shard in range(16)]
    keys += ["gw:{pings}:seen", "gw:{pings}:answer:insee/sirene"]
    settings = {"redis_url": store.url, "window": window, "limit_strict": str(LIMIT), "cache": "redis"}
    with (
        fleet(tmp_path, 2, upstream=provider.url, **settings) as members,
        load(members, lambda: request(token=fresh()), clients=4) as running,
    ):
        running.grows_by(20)
        for key in keys:
            _spoil(store, key, spoilt)
        assert members[0].ask(token=fresh(), source="127.0.5.1").status == 200
        assert _statuses(members[1], fresh(jti=jti))[0] == 200
        assert members[1].ask(token=fresh(), source="127.0.5.1").status == 200
        running.grows_by(20)
        until(lambda: _has_found(store, "gw:{pings}:seen", b"hash"), "the pings are not shared again")
        members[0].ask(token=fresh(), path=UNITE_LEGALE)
        assert running.statuses() == {200}
        for member in members:
            assert "Traceback" not in member.all_logged()
            assert _blames_the_store(member) == []
        until(lambda: sum(member.metrics()[FAULTS.format("limits")] for member in members) > 0, "it is not counted")
        assert undisturbed(members, lambda: _statuses(members[1], fresh())) == [200] * LIMIT + [429] * 2
        assert running.broken == 0


def _has_found(store: Server, key: str, kind: bytes) -> bool:
    found: bytes = store.command("TYPE", key)
    return found == kind
