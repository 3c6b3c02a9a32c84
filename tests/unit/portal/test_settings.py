"""The settings of the account side."""

import os
import re
from pathlib import Path

import pytest

from apientreprise_gateway.config.environment import SettingsError
from apientreprise_gateway.portal.settings import Settings, environment_name, load

SECRET = "s" * 32
NAMES = [
    *("DATABASE_URL", "SECRET_KEYS", "JWT_SECRETS", "REDIS_URL", "PUBLIC_URL", "GATEWAY_URL", "API_URL", "SMTP_URL"),
    *("MAIL_FROM", "DATAPASS_SECRETS", "PROCONNECT_ISSUER", "PROCONNECT_CLIENT_ID", "PROCONNECT_CLIENT_SECRET"),
    *("OPERATORS", "AUDITORS", "THEME", "TRUSTED_PROXIES", "METRICS_PORT", "STATUS_SECONDS"),
    "STATUS_GATEWAYS",
    *("TECHNICAL_CONTACT_SEES_TOKENS", "KEEP_CALLS_MONTHS", "KEEP_CONTACTS_MONTHS", "KEEP_ACTIVITY_MONTHS"),
    *("KEEP_WEBHOOKS_MONTHS", "LOG_LEVEL"),
]


@pytest.fixture(autouse=True)
def _no_settings(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in [name for name in os.environ if name.startswith("PORTAL_")]:
        monkeypatch.delenv(name)


def test_the_names_that_others_rely_on_are_known() -> None:
    """None of them is missing."""
    known = {environment_name(field) for field in Settings.model_fields}
    assert {f"PORTAL_{name}" for name in NAMES} <= known


def test_nothing_has_to_be_set() -> None:
    """The database is then a file, and months are those that the terms ask for."""
    settings = load()
    assert settings.database_url.get_secret_value().startswith("sqlite:////")
    assert (settings.keep_calls_months, settings.keep_contacts_months) == (36, 18)


@pytest.mark.parametrize(
    ("name", "value", "complaint"),
    [
        ("DATABASE_URL", "mysql://user:hidden@host/x", "neither sqlite"),
        ("SECRET_KEYS", "hidden", "secret 1 has fewer than 32 bytes"),
        ("JWT_SECRETS", f"{SECRET},hidden", "secret 2 has fewer than 32 bytes"),
        ("REDIS_URL", "http://hidden", "Expected"),
        ("SMTP_URL", "http://hidden", "no mail server"),
        ("OPERATORS", "a@b.fr,hidden", "address 2 is no mail address"),
        ("REPORTERS", "a@b.fr,hidden", "reporter 2 has no mail address"),
        ("REPORTERS", "a@b.fr=hidden scope", "reporter 1 names no scopes"),
        ("REPORTERS", "a@b.fr=hidden,A@b.fr", "reporter 2 is there twice"),
        ("KEEP_CALLS_MONTHS", "0", "greater than or equal"),
        ("THEME", "hidden", "neutral"),
        ("TRUSTED_PROXIES", "0.0.0.0/0", "everybody"),
        ("METRICS_PORT", "hidden", "integer"),
        ("MAIL_FROM", "hidden", "pattern"),
        ("PROCONNECT_CLIENT_ID", "hidden", "PROCONNECT_ISSUER"),
    ],
)
def test_a_wrong_value_is_named_and_not_shown(
    monkeypatch: pytest.MonkeyPatch, name: str, value: str, complaint: str
) -> None:
    """One line says which setting, what is wrong and what is expected."""
    monkeypatch.setenv(f"PORTAL_{name}", value)
    with pytest.raises(SettingsError, match=re.escape(complaint)) as caught:
        load()
    assert "hidden" not in str(caught.value)


def test_an_unknown_name_is_refused_with_the_nearest(monkeypatch: pytest.MonkeyPatch) -> None:
    """A misspelt setting would be a silent default."""
    monkeypatch.setenv("PORTAL_DATABASE_ULR", "x")
    with pytest.raises(SettingsError, match="Did you mean PORTAL_DATABASE_URL"):
        load()


def test_variables_of_kubernetes_do_not_count(monkeypatch: pytest.MonkeyPatch) -> None:
    """It adds them to every pod beside a service that is called portal."""
    monkeypatch.setenv("PORTAL_SERVICE_HOST", "192.0.2.1")
    monkeypatch.setenv("PORTAL_PORT_8081_TCP_ADDR", "192.0.2.1")
    load()


def test_lists_are_separated_by_commas(monkeypatch: pytest.MonkeyPatch) -> None:
    """Rings, addresses and networks alike."""
    monkeypatch.setenv("PORTAL_SECRET_KEYS", f"{SECRET}, {SECRET}2")
    monkeypatch.setenv("PORTAL_OPERATORS", "A@b.fr, c@d.fr")
    settings = load()
    assert [key.get_secret_value() for key in settings.secret_keys] == [SECRET, f"{SECRET}2"]
    assert settings.operators == ("a@b.fr", "c@d.fr")


def test_reporters_name_the_scopes_they_are_told_of(monkeypatch: pytest.MonkeyPatch) -> None:
    """Whoever names none is told of all."""
    monkeypatch.setenv("PORTAL_REPORTERS", "A@b.fr, c@d.fr=unites_legales+open_data")
    assert load().reporters == {"a@b.fr": (), "c@d.fr": ("unites_legales", "open_data")}


def test_the_page_of_settings_lists_them(pytestconfig: pytest.Config) -> None:
    """What is documented is what there is."""
    page = Path(pytestconfig.rootpath, "docs", "settings.md").read_text()
    assert all(f"| `PORTAL_{name}` |" in page for name in NAMES)
