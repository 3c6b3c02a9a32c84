"""What a process does besides answering calls goes on whatever happens, and what goes wrong is seen."""

import json
import re
from pathlib import Path
from typing import Any

import pytest

from support import programs
from support.fleet import Gateway, gateway
from support.issuer import Issuer, publishing
from support.site import fresh
from support.stores import Server, until
from support.stub import Stub, always, answer
from support.tokens import SECRET

METRICS = Path(__file__).resolve().parents[3] / "docs" / "metrics.md"
UNUSUAL = [
    {"NO_PROXY": "[::1]"},
    {"NO_PROXY": "2001:db8::/32,[fe80::1%25eth0]:80,::,/"},
    {"NO_PROXY": "*.internal,[::1]:80", "HTTPS_PROXY": "http://127.0.0.1:9"},
    {"no_proxy": "127.0.0.0/8", "all_proxy": "socks5://127.0.0.1:1080"},
]
"""Environments in which an issuer on this machine can be reached."""
BROKEN = [
    {"ALL_PROXY": "socks5://127.0.0.1:1080"},
    {"http_proxy": "http://[::1"},
    {"HTTP_PROXY": "ftp://proxy:S3CRET@127.0.0.1"},
    {"HTTP_PROXY": "http://user:S3CRET@proxy:99999"},
]
"""Environments in which no issuer can be."""


def _without_proxies(monkeypatch: pytest.MonkeyPatch, environment: dict[str, str]) -> None:
    for name in ("http_proxy", "https_proxy", "all_proxy", "no_proxy"):
        monkeypatch.delenv(name, raising=False)
        monkeypatch.delenv(name.upper(), raising=False)
    for name, value in environment.items():
        monkeypatch.setenv(name, value)


def _no_trace(member: Gateway) -> bool:
    return "Traceback" not in member.all_logged()


@pytest.mark.parametrize("environment", UNUSUAL, ids=str)
def test_unusual_words_about_proxies(
    tmp_path: Path, provider: Stub, monkeypatch: pytest.MonkeyPatch, environment: dict[str, str]
) -> None:
    """Whatever `NO_PROXY` holds, the key set is fetched at the start and after."""
    _without_proxies(monkeypatch, environment)
    issuer = Issuer()
    with (
        publishing(issuer.published("one")) as keys,
        gateway(tmp_path, upstream=provider.url, jwks=keys.url, jwks_refresh="1") as only,
    ):
        assert only.ask(token=issuer.token("one")).status == 200
        keys.handler = always(answer(issuer.published("two")))
        until(lambda: only.ask(token=issuer.token("one")).status == 401, "the withdrawn key is in force")
        assert only.ask(token=issuer.token("two")).status == 200
        assert _no_trace(only)


@pytest.mark.parametrize(("environment", "has_copy"), [*((each, True) for each in BROKEN), (BROKEN[0], False)], ids=str)
def test_a_proxy_that_is_none(
    tmp_path: Path, provider: Stub, monkeypatch: pytest.MonkeyPatch, environment: dict[str, str], has_copy: bool
) -> None:
    """A variable that names no proxy is told of by its name, again and again in the metric, and never by its value."""
    _without_proxies(monkeypatch, environment)
    issuer, copy = Issuer(), tmp_path / "copy.json"
    if has_copy:
        copy.write_bytes(issuer.published("one"))
    with (
        publishing(issuer.published("one")) as keys,
        gateway(tmp_path, upstream=provider.url, jwks=keys.url, jwks_copy=str(copy), jwks_refresh="1") as only,
    ):
        failed = 'gateway_jwks_fetches_total{outcome="failed"}'
        until(lambda: only.metrics()[failed] >= 2, "it is not tried again")
        (line,) = only.logged("jwks_unreadable", count=1)
        assert line["reason"].split()[0] in environment
        assert ("stay in force" in line["effect"]) == has_copy
        assert "S3CRET" not in only.all_logged()
        assert only.ask(token=issuer.token("one")).status == (200 if has_copy else 503)
        assert only.ask(token=fresh()).status == 200
        assert _no_trace(only)


def test_no_password_is_told(tmp_path: Path, provider: Stub, monkeypatch: pytest.MonkeyPatch) -> None:
    """The operators' log does not have the password of a proxy, though a library quotes it."""
    _without_proxies(monkeypatch, {"HTTP_PROXY": "http://user:S3CRET@proxy:99999"})
    traces = {"traces_url": "http://127.0.0.1:9/v1/traces", "traces_share": "1"}
    with gateway(tmp_path, upstream=provider.url, **traces) as only:
        assert only.ask(token=fresh()).status == 200
        until(lambda: "Failed to export" in only.errors.read_text(), "the traces are not told of")
        assert "S3CRET" not in only.errors.read_text()


ENTRIES: list[Any] = [
    {"kty": "oct"},
    {"kty": "RSA", "n": {}, "e": [1]},
    {"kty": "EC", "crv": "P-521", "x": "é", "y": 7},
    [],
    None,
    {"kty": "RSA", "n": "A" * 100_000, "e": "AQAB"},
    {"kty": "OKP", "crv": "Ed25519", "x": "*", "kid": {"a": "\ud800"}},
]


def _among_broken(issuer: Issuer, kid: str) -> bytes:
    return json.dumps({"keys": [*ENTRIES, issuer.entry(kid), *ENTRIES]}).encode()


def test_broken_entries_at_a_url(tmp_path: Path, provider: Stub) -> None:
    """Entries of any shape are left out and told of, at the first fetch, at a later one, and in the copy."""
    issuer, copy = Issuer(), tmp_path / "copy.json"
    settings = {"jwks_copy": str(copy), "jwks_refresh": "1"}
    with publishing(_among_broken(issuer, "one")) as keys:
        with gateway(tmp_path, upstream=provider.url, jwks=keys.url, **settings) as only:
            assert only.ask(token=issuer.token("one")).status == 200
            (line,) = only.logged("jwks_keys_left_out", count=1)
            assert line["keys"] == 2 * len(ENTRIES)
            keys.handler = always(answer(_among_broken(issuer, "two")))
            until(lambda: only.ask(token=issuer.token("one")).status == 401, "the withdrawn key is in force")
            assert only.ask(token=issuer.token("two")).status == 200
            assert _no_trace(only)
        keys.handler = always(answer(b"", status=500))
        with gateway(tmp_path, upstream=provider.url, jwks=keys.url, **settings) as again:
            assert again.ask(token=issuer.token("two")).status == 200
            assert len(again.logged("jwks_keys_left_out", count=1)) == 1
            assert _no_trace(again)


def test_broken_entries_in_a_file(tmp_path: Path, provider: Stub) -> None:
    """The same holds for a file, at the start and when it changes; one without a good key leaves those before."""
    issuer, path = Issuer(), tmp_path / "jwks.json"
    path.write_bytes(_among_broken(issuer, "one"))
    with gateway(tmp_path, upstream=provider.url, jwks=str(path)) as only:
        assert only.ask(token=issuer.token("one")).status == 200
        path.write_bytes(json.dumps({"keys": ENTRIES}).encode())
        until(lambda: len(only.logged("jwks_unreadable")) == 1, "it is not told of")
        assert only.ask(token=issuer.token("one")).status == 200
        path.write_bytes(json.dumps({"keys": [*ENTRIES, issuer.entry("two")]}).encode())
        until(lambda: only.ask(token=issuer.token("one")).status == 401, "the withdrawn key is in force")
        assert only.ask(token=issuer.token("two")).status == 200
        assert _no_trace(only)


def test_a_file_without_a_good_key_stops_the_start(tmp_path: Path) -> None:
    """It is one line, which names the setting and the first key that cannot serve."""
    path = tmp_path / "jwks.json"
    path.write_bytes(json.dumps({"keys": ENTRIES}).encode())
    settings = {"jwt_secrets": SECRET, "upstream_url": "http://127.0.0.1:1", "jwks": str(path)}
    refused = programs.run("serve", "--port", "0", **settings)
    assert refused.returncode == 2
    assert refused.stderr.count("\n") == 1
    assert "GATEWAY_JWKS" in refused.stderr
    assert "key 1" in refused.stderr


def test_every_task_is_shown_before_it_fails(tmp_path: Path, store: Server, provider: Stub) -> None:
    """The tasks of a process are in the metric from the start, at zero, and docs/metrics.md names each."""
    row = re.search(r"^\| `gateway_background_failures_total` .*`task` is (.*)$", METRICS.read_text(), re.MULTILINE)
    assert row is not None
    issuer = Issuer()
    settings = {"redis_url": store.url, "cache": "redis"}
    with (
        publishing(issuer.published("one")) as keys,
        gateway(tmp_path, 2, upstream=provider.url, jwks=keys.url, **settings) as both,
    ):
        shown = {name: value for name, value in both.metrics().items() if "background_failures" in name}
        names = {name.split('"')[1] for name in shown}
        assert names >= {
            *("tokens", "keys", "revocations", "levels", "expiry", "event_loop", "pings", "documents"),
            *("store", "store_probe", "cache", "cache_probe", "kept_answers", "callbacks", "threads"),
        }
        assert names == set(re.findall(r"`(\w+)`", row[1]))
        assert set(shown.values()) == {0.0}


FAILING = """
import asyncio

from apientreprise_gateway.auth.jwks import FileKeySet

real, tries = FileKeySet.watch, []


async def watch(self):
    tries.append(None)
    if len(tries) == 1:
        raise RuntimeError("a fault\\nof ours")
    if len(tries) == 2:
        raise asyncio.CancelledError
    if len(tries) > 3:
        await real(self)


FileKeySet.watch = watch
"""
"""A program that is read at the start of Python, and spoils the first three runs of a watcher."""


def test_a_watcher_that_fails_is_seen_and_goes_on(
    tmp_path: Path, store: Server, provider: Stub, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A watcher that raises, is cancelled by accident, or ends, is told of, counted, and begun again."""
    issuer, path = Issuer(), tmp_path / "jwks.json"
    path.write_bytes(issuer.published("one"))
    (tmp_path / "sitecustomize.py").write_text(FAILING)
    monkeypatch.setenv("PYTHONPATH", str(tmp_path))
    with gateway(tmp_path, 2, upstream=provider.url, redis_url=store.url, jwks=str(path)) as both:
        failed = 'gateway_background_failures_total{task="keys"}'
        until(lambda: both.metrics()[failed] == 6, "it is not counted")
        told = [(line["task"], line["reason"].split(":")[0]) for line in both.logged("background_failed", count=4)]
        assert sorted(told) == [("keys", "EndedError")] * 2 + [("keys", "RuntimeError")] * 2
        path.write_bytes(issuer.published("two"))
        until(lambda: {both.ask(token=issuer.token("one")).status for _ in range(8)} == {401}, "it is not seen")
        assert _no_trace(both)
