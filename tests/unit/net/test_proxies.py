"""Tests of the choice of a proxy."""

import pytest

from apientreprise_gateway.net.proxies import ProxyError, proxy_for

PROXY = "http://proxy.example:3128"


@pytest.mark.parametrize(
    ("environment", "chosen"),
    [
        ({}, None),
        ({"HTTPS_PROXY": PROXY}, PROXY),
        ({"https_proxy": PROXY, "HTTPS_PROXY": "http://other:1"}, PROXY),
        ({"HTTPS_PROXY": "proxy.example:3128"}, PROXY),
        ({"HTTPS_PROXY": " "}, None),
        ({"HTTP_PROXY": PROXY}, None),
        ({"ALL_PROXY": PROXY}, PROXY),
        ({"ALL_PROXY": "socks5://one:1", "HTTPS_PROXY": PROXY}, PROXY),
        ({"HTTPS_PROXY": "https://user:p%40ss@proxy.example"}, "https://user:p%40ss@proxy.example"),
    ],
)
def test_the_variable_that_counts(environment: dict[str, str], chosen: str | None) -> None:
    """That of the scheme comes before the one for all, the lower case before the upper; an empty one says nothing."""
    assert proxy_for("https://issuer.example/jwks", environment) == chosen


@pytest.mark.parametrize(
    "value",
    [
        "socks5://127.0.0.1:1080",
        "socks5h://user:S3CRET@127.0.0.1:1080",
        "http://[::1",
        "http://",
        "http://:3128",
        "http://user:S3CRET@",
        "http://proxy:99999",
        "http://proxy:0",
        "http://proxy:S3CRET",
        "http://pro xy:1",
        "http://proxy\x00:1",
        "ftp://proxy",
        "://",
        "[::1",
    ],
)
@pytest.mark.parametrize("variable", ["HTTPS_PROXY", "https_proxy", "ALL_PROXY", "all_proxy"])
def test_what_is_no_proxy(variable: str, value: str) -> None:
    """A value that cannot be used is told of by the name of its variable, without the value."""
    with pytest.raises(ProxyError, match=rf"^{variable} ") as caught:
        proxy_for("https://issuer.example/jwks", {variable: value})
    assert "S3CRET" not in str(caught.value)


@pytest.mark.parametrize(
    ("url", "entry"),
    [
        ("https://issuer.example", "*"),
        ("https://issuer.example", "issuer.example"),
        ("https://issuer.example", "ISSUER.example"),
        ("https://issuer.example", "example"),
        ("https://issuer.example", ".example"),
        ("https://issuer.example", "*.example"),
        ("https://issuer.example", "other, issuer.example"),
        ("https://issuer.example", "other issuer.example"),
        ("https://issuer.example", "issuer.example:443"),
        ("https://issuer.example:8443", "issuer.example:8443"),
        ("https://192.0.2.7", "192.0.2.7"),
        ("https://192.0.2.7", "192.0.2.0/24"),
        ("https://192.0.2.7", "192.0.2.7:443"),
        ("https://[::1]", "::1"),
        ("https://[::1]", "[::1]"),
        ("https://[::1]:8443", "[::1]:8443"),
        ("https://[2001:db8::7]", "2001:db8::/32"),
        ("https://[2001:db8::7]", "[2001:db8::]/32"),
        ("https://[2001:db8::7]", "[2001:db8::/32]"),
        ("https://[2001:DB8:0::7]", "2001:db8::7"),
    ],
)
def test_what_is_reached_directly(url: str, entry: str) -> None:
    """An entry that covers the host sends it past the proxy, even past one that could not be used."""
    for proxy in (PROXY, "socks5://127.0.0.1:1"):
        assert proxy_for(url, {"ALL_PROXY": proxy, "NO_PROXY": entry}) is None
        assert proxy_for(url, {"ALL_PROXY": proxy, "no_proxy": entry}) is None


@pytest.mark.parametrize(
    ("url", "entry"),
    [
        ("https://issuer.example", "ssuer.example"),
        ("https://issuer.example", "issuer.example:80"),
        ("https://issuer.example", "[::1]"),
        ("https://issuer.example", "2001:db8::/32"),
        ("https://192.0.2.7", "2001:db8::/32"),
        ("https://192.0.2.7", "192.0.2.0/33"),
        ("https://192.0.2.7", "192.0.2"),
        ("https://[::1]", "127.0.0.1"),
        ("https://[::1]", "[::1]:80"),
        ("https://[::1]", "]["),
        ("https://[::1]", ":::"),
        ("https://[::1]", "/"),
        ("https://issuer.example", "."),
        ("https://issuer.example", "*."),
        ("https://issuer.example", ","),
        ("https://issuer.example", "\x00é"),
    ],
)
def test_what_is_not_covered(url: str, entry: str) -> None:
    """An entry that covers something else, or nothing that can be understood, exempts nobody, and breaks nothing."""
    assert proxy_for(url, {"HTTPS_PROXY": PROXY, "NO_PROXY": entry}) == PROXY
