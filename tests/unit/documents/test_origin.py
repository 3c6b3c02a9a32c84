"""What a caller reaches the gateway at."""

from typing import Any

import pytest

from apientreprise_gateway.documents.origin import Origin

PROXY = "10.0.0.9"


def base(*headers: tuple[str, str], peer: str | None = "203.0.113.5", public_url: str | None = None) -> str:
    """The base URL of a call."""
    scope: dict[str, Any] = {
        "scheme": "http",
        "client": None if peer is None else (peer, 1234),
        "server": ("192.0.2.1", 8080),
        "headers": [(name.encode(), value.encode("latin-1")) for name, value in headers],
    }
    return Origin(public_url=public_url, is_trusted=lambda address: address == PROXY).of(scope)


@pytest.mark.parametrize("host", ["api.example.fr", "api.example.fr:8443", "127.0.0.1:8080", "[::1]:8080", "a"])
def test_the_host_of_the_call(host: str) -> None:
    """Without a setting, a caller is answered with the host that it called."""
    assert base(("host", host)) == f"http://{host}"


@pytest.mark.parametrize(
    "host",
    ["", "a b", "a/b", "a?b", "a@b", "a#b", "-a", "a:b", "a:123456", "[x]", "a\\b", 'a"b', "é", "a,b c"],
)
def test_a_host_that_is_none(host: str) -> None:
    """What is no host name is not repeated: the address that the call came in by is."""
    assert base(("host", host)) == "http://192.0.2.1:8080"


def test_without_a_host() -> None:
    """HTTP/1.0 needs no host, and a Unix socket has no port."""
    assert base() == "http://192.0.2.1:8080"
    assert base(peer=None) == "http://192.0.2.1:8080"


def test_a_setting_says_it() -> None:
    """With a setting, nothing else counts."""
    assert base(("host", "a"), peer=PROXY, public_url="https://api.example.fr/x") == "https://api.example.fr/x"


def test_what_a_trusted_proxy_says() -> None:
    """A trusted proxy is believed about scheme and host; the last value is its own."""
    forwarded = (("x-forwarded-proto", "http, https"), ("x-forwarded-host", "evil.example, api.example.fr"))
    assert base(("host", "gateway:8080"), *forwarded, peer=PROXY) == "https://api.example.fr"
    assert base(("host", "a"), ("x-forwarded-proto", "HTTPS"), peer=PROXY) == "https://a"
    assert base(("host", "a"), ("x-forwarded-proto", "javascript"), peer=PROXY) == "http://a"


def test_what_anybody_says() -> None:
    """Nobody else is."""
    forwarded = (("x-forwarded-proto", "https"), ("x-forwarded-host", "evil.example"))
    assert base(("host", "api.example.fr"), *forwarded) == "http://api.example.fr"
