"""The addresses that a provider gives for its files."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from apientreprise_gateway.upstream.file_hosts import MAX_ADDRESS, BadAddressError, FileHosts, Origin, host_origin

FILES = FileHosts("https://api.example/base/", hosts=("files.example", "cdn.example:8443"), timeout=1)
PLAIN = FileHosts("http://127.0.0.1:8081", timeout=1)


@pytest.mark.parametrize(
    ("address", "origin", "target", "own"),
    [
        ("https://api.example/base/a.pdf", ("https", "api.example", 443), "/base/a.pdf", "/a.pdf"),
        ("https://API.example:443/base/a.pdf", ("https", "api.example", 443), "/base/a.pdf", "/a.pdf"),
        ("https://api.example/other/a.pdf", ("https", "api.example", 443), "/other/a.pdf", None),
        ("https://api.example/based/a.pdf", ("https", "api.example", 443), "/based/a.pdf", None),
        ("https://api.example", ("https", "api.example", 443), "/", None),
        ("https://files.example/a?b=c&d#e", ("https", "files.example", 443), "/a?b=c&d", None),
        ("https://cdn.example:8443/é t/?[1]", ("https", "cdn.example", 8443), "/%C3%A9%20t/?%5B1%5D", None),
        ("https://files.example/%2e%2e/a", ("https", "files.example", 443), "/%2e%2e/a", None),
    ],
)
def test_what_is_called(address: str, origin: tuple[str, str, int], target: str, own: str | None) -> None:
    """The provider's own server is, and the hosts that are named; what is below the base URL is known to be."""
    assert FILES.locate(address) == (Origin(*origin), target, own)


@pytest.mark.parametrize(
    "address",
    [
        "",
        "a.pdf",
        "/a.pdf",
        "//files.example/a",
        "files.example/a",
        "http://files.example/a",
        "http://api.example/base/a.pdf",
        "https://api.example:8443/base/a.pdf",
        "https://cdn.example/a",
        "https://files.example.evil.example/a",
        "https://evil.example/files.example",
        "https://files.example@evil.example/a",
        "https://user@files.example/a",
        "https://:secret@files.example/a",
        "https://files.example\\@evil.example/a",
        "https://evil.example#files.example/",
        "https://files.example:99999/a",
        "https://files.example:x/a",
        "https://[files.example/a",
        "https://127.0.0.1/a",
        "https://[::1]/a",
        "https://169.254.169.254/latest/meta-data",
        "https://2130706433/a",
        "ftp://files.example/a",
        "file:///etc/passwd",
        "gopher://files.example/a",
        "data:application/pdf;base64,JVBE",
        "javascript:alert(1)",
        "https://files.example/a\r\nX-Evil: 1",
        "https://files.example/\x00",
        "https://files.example/a\u2028b",
        "https://files.example/" + "a" * MAX_ADDRESS,
    ],
)
def test_what_is_not(address: str) -> None:
    """Nothing else is called, however an address dresses it up."""
    with pytest.raises(BadAddressError):
        FILES.locate(address)


@given(st.text(max_size=60))
def test_any_address_leads_where_it_may(text: str) -> None:
    """Whatever an address says, it leads to a server that is allowed, by a target that is one line of ASCII."""
    for address in (text, f"https://{text}", f"https://files.example{text}", f"https://files.example/{text}"):
        try:
            place = FILES.locate(address)
        except BadAddressError:
            continue
        assert place.origin.url in {"https://api.example", "https://files.example", "https://cdn.example:8443"}
        assert place.target.startswith("/")
        assert place.target.isascii()
        assert place.target.isprintable()
        assert " " not in place.target


def test_a_provider_without_tls() -> None:
    """A provider that is called over HTTP may give addresses of its own over HTTP, on its own port."""
    assert PLAIN.locate("http://127.0.0.1:8081/a").own == "/a"
    for address in (
        "http://127.0.0.1:8082/a",
        "http://127.0.0.1/a",
        "https://127.0.0.1:8081/a",
        "http://localhost:8081/a",
    ):
        with pytest.raises(BadAddressError):
            PLAIN.locate(address)


def test_hosts_of_the_settings() -> None:
    """A host stands with or without a port, and nothing else."""
    assert host_origin("a.example").url == "https://a.example"
    assert host_origin("[::1]:8443").url == "https://[::1]:8443"
    for wrong in ("", "https://a.example", "a.example/x", "u@a.example", "a.example:x", "a b/c", "a?b", "a#b", "a\n"):
        with pytest.raises(ValueError, match=r"."):
            host_origin(wrong)
