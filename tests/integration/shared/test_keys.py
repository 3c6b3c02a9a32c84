"""Keys that change while the gateway serves: no call fails for it, and what is withdrawn opens nothing."""

import os
import time
from pathlib import Path

import httpx

from support.fleet import Gateway, gateway, load, together
from support.issuer import Issuer, publishing
from support.site import LONG, fresh
from support.stores import Server, until
from support.stub import Stub, always, answer
from support.wire import request


def _ready(member: Gateway) -> int:
    return httpx.get(f"{member.url}/readyz", timeout=LONG).status_code


def _know(both: Gateway, *kids: str) -> bool:
    """Whether both workers have told that these are their keys."""
    return [line["kids"] for line in both.logged("jwks_read")][-2:] == [list(kids)] * 2


def test_keys_at_a_url_rotate_under_load(tmp_path: Path, store: Server, provider: Stub) -> None:
    """A new key is published, then used, then the old one withdrawn: no call fails, until one comes with the old."""
    issuer, signing = Issuer(), ["old"]
    with (
        publishing(issuer.published("old")) as keys,
        gateway(
            tmp_path, 2, upstream=provider.url, redis_url=store.url, jwks=keys.url + "/jwks", jwks_refresh="1"
        ) as both,
    ):
        remembered = issuer.token("old")
        assert both.ask(token=remembered).status == 200
        with load([both], lambda: request(token=issuer.token(signing[0]))) as running:
            running.grows_by(50)
            keys.handler = always(answer(issuer.published("old", "new")))
            until(lambda: _know(both, "old", "new"), "the new key is not known")
            signing[0] = "new"
            running.grows_by(50)
            keys.handler = always(answer(issuer.published("new")))
            until(lambda: _know(both, "new"), "the old key is not forgotten")
            running.grows_by(50)
        assert (running.statuses(), running.broken, running.refused) == ({200}, 0, 0)
        refused = together([lambda: both.ask(token=remembered)] * 12)
        assert {each.status for each in refused} == {401}, "what was remembered is verified anew"
        assert both.ask(token=fresh()).status == 200, "secrets serve next to public keys"
        fetches = 'gateway_jwks_fetches_total{outcome="ok"}'
        until(lambda: both.metrics()[fetches] == len(keys.requests), "not each fetch is counted")
        assert abs(both.metrics()["gateway_jwks_fetched_timestamp_seconds"] - time.time()) < 60


def test_a_key_used_before_it_was_seen(tmp_path: Path, store: Server, provider: Stub) -> None:
    """A call signed with a key that was just published is answered; tokens of unknown keys cause one fetch in all."""
    issuer, copy = Issuer(), tmp_path / "jwks.json"
    settings = {"redis_url": store.url, "jwks_copy": str(copy)}
    with (
        publishing(issuer.published("old")) as keys,
        gateway(tmp_path, 2, upstream=provider.url, jwks=keys.url, **settings) as both,
    ):
        assert len(keys.requests) == 1, "one fetch for both workers"
        keys.handler = always(answer(issuer.published("old", "new")))
        tokens = [issuer.token("forged" if number % 2 else "new") for number in range(40)]
        assert both.ask(token=tokens[0]).status == 401, "the set was fetched less than a minute ago"
        _let_a_minute_pass(copy)
        answers = together([lambda token=token: both.ask(token=token) for token in tokens])  # type: ignore[misc]
        assert [each.status for each in answers] == [200, 401] * 20
        assert len(keys.requests) == 2


def _let_a_minute_pass(copy: Path) -> None:
    then = time.time() - 61
    os.utime(copy.with_name(copy.name + ".lock"), (then, then))


def test_an_issuer_that_is_away_at_the_start(tmp_path: Path, provider: Stub) -> None:
    """Without the key set the gateway says that it is not ready, and which calls it cannot judge; then it heals."""
    issuer = Issuer()
    with (
        publishing(b"", status=503) as keys,
        gateway(tmp_path, upstream=provider.url, jwks=keys.url, jwks_refresh="1") as only,
    ):
        assert _ready(only) == 503
        assert only.ask(token=fresh()).status == 200, "secrets can be judged"
        refused = only.ask(token=issuer.token("one"))
        assert (refused.status, refused.codes) == (503, ["00506"])
        assert len(only.logged("jwks_unreadable", count=1)) == 1
        keys.handler = always(answer(issuer.published("one")))
        until(lambda: _ready(only) == 200, "it is not ready")
        assert only.ask(token=issuer.token("one")).status == 200
        assert only.ask(token=issuer.token("two")).status == 401
        assert only.stop() == 0


def test_a_start_from_the_copy(tmp_path: Path, provider: Stub) -> None:
    """A gateway that keeps a copy starts without its issuer."""
    issuer, settings = Issuer(), {"jwks_copy": str(tmp_path / "jwks.json")}
    with (
        publishing(issuer.published("one")) as keys,
        gateway(tmp_path, upstream=provider.url, jwks=keys.url, **settings) as first,
    ):
        assert first.ask(token=issuer.token("one")).status == 200
    with gateway(tmp_path, upstream=provider.url, jwks=keys.url, **settings) as second:
        assert second.ask(token=issuer.token("one")).status == 200
        assert _ready(second) == 200


def test_keys_in_a_file_rotate_under_load(tmp_path: Path, store: Server, provider: Stub) -> None:
    """A file that is replaced takes effect on both workers, without a failed call."""
    issuer, signing, path = Issuer(), ["old"], tmp_path / "jwks.json"
    path.write_bytes(issuer.published("old"))
    with (
        gateway(tmp_path, 2, upstream=provider.url, redis_url=store.url, jwks=str(path)) as both,
        load([both], lambda: request(token=issuer.token(signing[0]))) as running,
    ):
        running.grows_by(50)
        new = tmp_path / "new"
        new.write_bytes(issuer.published("old", "new"))
        new.replace(path)
        until(lambda: _know(both, "old", "new"), "the new key is not known")
        signing[0] = "new"
        running.grows_by(50)
    assert (running.statuses(), running.broken, running.refused) == ({200}, 0, 0)
