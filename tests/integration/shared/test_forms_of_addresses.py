"""IPv4 written as IPv6, in settings, files and headers: what counts is the IPv4 address."""

import json
import uuid
from pathlib import Path

import pytest

from support import programs
from support.fleet import gateway
from support.site import fresh
from support.stub import Stub
from support.tokens import SECRET
from support.wire import request

LOOPBACK = ["127.0.0.0/8", "::ffff:127.0.0.0/104", "::ffff:7f00:0/104", "64:ff9b::127.0.0.0/104", "::ffff:127.0.0.1"]


@pytest.mark.parametrize("trusted", LOOPBACK)
def test_trusted_proxies_and_allowlist(tmp_path: Path, provider: Stub, trusted: str) -> None:
    """A proxy is trusted and a client exempt in whatever form its network is written; a ban closes all forms of one."""
    allowed = "::ffff:198.51.100.0/120"
    with gateway(tmp_path, upstream=provider.url, trusted_proxies=trusted, ip_allowlist=allowed, limit_ip="4") as only:

        def ask(client: str) -> bytes:
            return only.says(request(token=fresh(), headers={"X-Forwarded-For": client, "Connection": "close"}))[:12]

        for client in ("198.51.100.7", "::ffff:198.51.100.7", "64:ff9b::198.51.100.7") * 3:
            assert ask(client) == b"HTTP/1.1 200", "it is exempt"
        forms = ("192.0.2.7", "::ffff:192.0.2.7", "64:ff9b::192.0.2.7", "64:ff9b::c000:207")
        assert [ask(form) for form in forms] == [b"HTTP/1.1 200"] * 4
        assert [ask(form) for form in forms] == [b""] * 4, "the fifth call bans all forms"
        assert ask("192.0.2.8") == b"HTTP/1.1 200"
        assert {line["client_ip"] for line in only.access_lines(count=14)} == {"198.51.100.7", "192.0.2.7", "192.0.2.8"}


def test_a_translator_of_ones_own(tmp_path: Path, provider: Stub) -> None:
    """Of the addresses that it makes, each is a client: the ban of one is not that of all."""
    with gateway(tmp_path, upstream=provider.url, trusted_proxies="127.0.0.1", limit_ip="2") as only:

        def ask(client: str) -> bytes:
            return only.says(request(token=fresh(), headers={"X-Forwarded-For": client}))[:12]

        assert [ask("64:ff9b:1::192.0.2.7") for _ in range(4)] == [b"HTTP/1.1 200"] * 2 + [b""] * 2
        assert ask("64:ff9b:1::192.0.2.8") == b"HTTP/1.1 200"
        assert [ask(f"2001:db8::{number}") for number in range(1, 5)] == [b"HTTP/1.1 200"] * 2 + [b""] * 2


@pytest.mark.parametrize("allowed", LOOPBACK)
def test_allowed_addresses(tmp_path: Path, provider: Stub, allowed: str) -> None:
    """A token works from the addresses that its record allows, in whatever form they are written."""
    here, elsewhere = str(uuid.uuid4()), str(uuid.uuid4())
    path = tmp_path / "tokens.json"
    records = {
        here: {"allowed_addresses": [allowed]},
        elsewhere: {"allowed_addresses": ["::ffff:192.0.2.0/120", "::/0"]},
    }
    path.write_text(json.dumps(records))
    with gateway(tmp_path, upstream=provider.url, tokens=str(path)) as only:
        assert only.ask(token=fresh(jti=here)).status == 200
        refused = only.ask(token=fresh(jti=elsewhere))
        assert (refused.status, refused.codes) == (403, ["00107"])


@pytest.mark.parametrize("setting", ["trusted_proxies", "ip_allowlist"])
@pytest.mark.parametrize(
    ("network", "why"),
    [
        ("::ffff:0:0/96", "everybody"),
        ("64:ff9b::/96", "everybody"),
        ("0.0.0.0/0", "everybody"),
        ("::/0", "everybody"),
        ("::/80", "apart"),
        ("::/64", "apart"),
        ("64:ff9b::/32", "apart"),
        ("::ffff:10.0.0.1/104", "host bits"),
    ],
)
def test_networks_that_stop_the_start(setting: str, network: str, why: str) -> None:
    """A network of everybody, or of both families, is refused with a line that names the setting and the remedy."""
    usual = {"jwt_secrets": SECRET, "upstream_url": "http://127.0.0.1:1", setting: f"10.0.0.0/8,{network}"}
    refused = programs.run("check", **usual)
    assert refused.returncode == 2
    assert refused.stderr.count("\n") == 1
    assert f"GATEWAY_{setting.upper()}" in refused.stderr
    assert why in refused.stderr


def test_a_record_of_both_families_stops_the_start(tmp_path: Path) -> None:
    """The same holds for the file of tokens."""
    path = tmp_path / "tokens.json"
    path.write_text(json.dumps({str(uuid.uuid4()): {"allowed_addresses": ["::/64"]}}))
    settings = {"jwt_secrets": SECRET, "upstream_url": "http://127.0.0.1:1", "tokens": str(path)}
    refused = programs.run("serve", "--port", "0", **settings)
    assert refused.returncode == 2
    assert refused.stderr.count("\n") == 1
    assert "GATEWAY_TOKENS" in refused.stderr
    assert "apart" in refused.stderr
