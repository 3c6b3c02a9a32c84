"""Tests of what differs between two configurations."""

from pathlib import Path
from typing import Any

from apientreprise_gateway.gateway.configuration import Configuration
from apientreprise_gateway.gateway.settings import load


def made(**given: Any) -> Configuration:
    """A configuration of settings, with its files as they are now."""
    return Configuration(load(**given))


def test_nothing_has_changed() -> None:
    """Two readings of the same settings are alike."""
    assert made(limit_ip=7).changes_from(made(limit_ip=7)) == []


def test_settings_that_have_changed() -> None:
    """Each setting is told by its variable, in the order of the documentation."""
    assert made(limit_ip=7, cache="memory").changes_from(made()) == ["GATEWAY_CACHE", "GATEWAY_LIMIT_IP"]


def test_a_file_that_has_changed(tmp_path: Path) -> None:
    """A file of the same name with other content is told of by the setting that names it."""
    certificate, key = tmp_path / "cert.pem", tmp_path / "key.pem"
    certificate.write_text("one")
    key.write_text("key")
    files = {"tls_certificate": certificate, "tls_key": key}
    before = made(**files)
    certificate.write_text("another")
    assert made(**files).changes_from(before) == ["GATEWAY_TLS_CERTIFICATE"]


def test_a_file_of_a_provider(tmp_path: Path) -> None:
    """Files that a provider's settings name are told of by the provider."""
    authority = tmp_path / "ca.pem"
    authority.write_text("one")
    providers = {"insee": {"ca": str(authority)}}
    before = made(providers=providers)
    authority.write_text("another")
    assert made(providers=providers).changes_from(before) == ["GATEWAY_PROVIDERS__INSEE"]


def test_a_file_that_is_gone(tmp_path: Path) -> None:
    """A file that cannot be read any more has changed."""
    certificate, key = tmp_path / "cert.pem", tmp_path / "key.pem"
    for path in (certificate, key):
        path.write_text("content")
    files = {"tls_certificate": certificate, "tls_key": key}
    before = made(**files)
    key.unlink()
    assert made(**files).changes_from(before) == ["GATEWAY_TLS_KEY"]


def test_a_setting_and_its_file(tmp_path: Path) -> None:
    """A setting that names another file is told of once."""
    one, other = tmp_path / "one.pem", tmp_path / "other.pem"
    one.write_text("one")
    other.write_text("other")
    before = made(tls_certificate=one, tls_key=one)
    assert made(tls_certificate=other, tls_key=one).changes_from(before) == ["GATEWAY_TLS_CERTIFICATE"]
