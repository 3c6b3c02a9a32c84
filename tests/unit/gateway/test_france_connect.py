"""Tests of the settings about FranceConnect, and of what is made of them."""

import json
from pathlib import Path
from typing import Any

import pytest

from apientreprise_gateway.gateway.app import Gateway
from apientreprise_gateway.gateway.configuration import Configuration
from apientreprise_gateway.gateway.settings import SettingsError, load
from apientreprise_gateway.gateway.verify import verify
from support.france_connect import CLIENT, KID, issuer, pem_of, rsa_key, settings_in
from support.site import hang
from support.stub import stub
from support.tokens import SECRET

URL = "https://france-connect.test/api/v2/checktoken"
SERVED: dict[str, Any] = {"jwt_secrets": SECRET, "upstream_url": "http://127.0.0.1:9"}


def _refused(**given: Any) -> str:
    """Why settings are refused."""
    with pytest.raises(SettingsError) as caught:
        verify(load(**SERVED, **given))
    assert CLIENT[1] not in str(caught.value)
    return str(caught.value)


@pytest.mark.parametrize(
    "url", [URL, "http://127.0.0.1:9/a?b=c", "http://localhost/a", "http://[::1]:8080/a", "https://a.test:8443"]
)
def test_where_it_is_asked(url: str, tmp_path: Path) -> None:
    """FranceConnect is asked by https, or by http on this machine."""
    verify(load(**SERVED, **settings_in(tmp_path, url=url)))


@pytest.mark.parametrize(
    "url",
    ["http://france-connect.test/a", "http://10.0.0.1/a", "ftp://127.0.0.1/a", "https://u:p@a.test/", "https:///a", "a",
     "https://a.test:0/", "https://a.test/#b", "https://a.test/é", "https://a.test:port/"],
)  # fmt: skip
def test_where_it_is_not_asked(url: str, tmp_path: Path) -> None:
    """Anything else stops the start with a line that names the setting."""
    assert _refused(**settings_in(tmp_path, url=url)).startswith("GATEWAY_FRANCE_CONNECT_URL: ")


def test_all_or_nothing(tmp_path: Path) -> None:
    """Each setting that is missing beside the others is named, with what to do; without any there is nothing to say."""
    given = settings_in(tmp_path, url=URL)
    for left_out in given:
        told = _refused(**{name: value for name, value in given.items() if name != left_out})
        assert told.startswith(f"GATEWAY_{left_out.upper()}: ")
        assert "Set all of" in told
        assert len(_refused(**{left_out: given[left_out]}).splitlines()) == len(given) - 1
    verify(load(**SERVED))


def test_the_secret_may_be_elsewhere(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The secret is a text, a variable or a file, as other secrets are."""
    (tmp_path / "secret").write_text(CLIENT[1] + "\n")
    monkeypatch.setenv("THE_SECRET", CLIENT[1])
    for place in ({"file": str(tmp_path / "secret")}, {"env": "THE_SECRET"}):
        for given in (place, json.dumps(place)):
            settings = load(**SERVED, **{**settings_in(tmp_path, url=URL), "france_connect_client_secret": given})
            assert settings.france_connect_client_secret is not None
            assert settings.france_connect_client_secret.get_secret_value() == CLIENT[1]


def test_files_that_cannot_serve(tmp_path: Path) -> None:
    """A key or a key set that is none stops the start, with words that show nothing of it."""
    given = settings_in(tmp_path, url=URL)
    key, jwks = Path(given["france_connect_key"]), Path(given["france_connect_jwks"])
    key.write_text("a-broken-key")
    told = _refused(**given)
    assert told.startswith("GATEWAY_FRANCE_CONNECT_KEY: ")
    assert "a-broken-key" not in told
    key.write_bytes(pem_of(rsa_key()))
    jwks.write_text("{}")
    assert _refused(**given).startswith("GATEWAY_FRANCE_CONNECT_JWKS: ")
    jwks.unlink()
    assert _refused(**given).startswith("GATEWAY_FRANCE_CONNECT_JWKS: ")


@pytest.mark.parametrize("timeout", ["0", "61", "soon"])
def test_the_deadline_is_bounded(timeout: str, tmp_path: Path) -> None:
    """The deadline is a number of seconds, up to a minute."""
    told = _refused(**settings_in(tmp_path, url=URL, france_connect_timeout=timeout))
    assert told.startswith("GATEWAY_FRANCE_CONNECT_TIMEOUT: ")


def test_a_reload_keeps_what_has_not_changed(tmp_path: Path) -> None:
    """The way to FranceConnect, its breaker included, outlives a reload; another key of ours makes another."""
    given = settings_in(tmp_path, url=URL)
    first = Gateway(load(**SERVED, **given, access_log=str(tmp_path / "log")))
    before = Configuration(first._settings)
    same = Gateway(first._settings, predecessor=first)
    assert same._parts.france_connect is first._parts.france_connect
    Path(given["france_connect_key"]).write_bytes(pem_of(rsa_key("newer")))
    assert Configuration(first._settings).changes_from(before) == ["GATEWAY_FRANCE_CONNECT_KEY"]
    other = Gateway(first._settings, predecessor=first)
    assert other._parts.france_connect is not first._parts.france_connect
    for gateway in (first, same, other):
        gateway.discard()


async def test_keys_are_followed(tmp_path: Path) -> None:
    """A key that is added to the file of FranceConnect's keys serves from then on."""
    given = settings_in(tmp_path, url=URL)
    gateway = Gateway(load(**SERVED, **given, access_log=str(tmp_path / "log")))
    part = gateway._parts.france_connect.part
    assert part is not None
    await part.service.follow()
    Path(given["france_connect_jwks"]).write_bytes(issuer.published(KID, "newer"))
    await part.service.keys.renew()
    assert [key.kid for key in part.service.keys.keys] == [KID, "newer"]
    assert [key.kid for key in part.service._ring._keys] == [KID, "newer"]
    gateway.discard()


async def test_a_start_waits_for_nobody(tmp_path: Path) -> None:
    """Keys at a URL are fetched once the gateway serves: nothing is asked for before."""
    with stub(hang) as server:
        given = settings_in(tmp_path, url=URL, france_connect_jwks=f"{server.url}/jwks")
        gateway = Gateway(load(**SERVED, **given, access_log=str(tmp_path / "log")))
        component = gateway._parts.france_connect
        assert component.start is not None
        await component.start()
        assert server.connections == 0
        assert list(component.background) == ["france_connect_keys"]
        gateway.discard()
