"""Tests of the settings."""

import os
from ipaddress import ip_network
from pathlib import Path

import pytest
from pydantic import SecretStr

from apientreprise_gateway.gateway.settings import (
    BanAction,
    Settings,
    SettingsError,
    UserIdRequired,
    WindowKind,
    environment_name,
    fields_of,
    load,
    require_for_serving,
)
from apientreprise_gateway.providers.products import PRODUCTS

SECRET = "a-secret-for-tests-that-is-long-enough-to-be-accepted"


@pytest.fixture(autouse=True)
def _no_ambient_settings(monkeypatch: pytest.MonkeyPatch) -> None:
    """The settings of whoever runs the tests are none of theirs."""
    for name in os.environ:
        if name.upper().startswith("GATEWAY_"):
            monkeypatch.delenv(name)


def given(monkeypatch: pytest.MonkeyPatch, **settings: str) -> Settings:
    """The settings that these variables make (names without the prefix)."""
    for name, value in settings.items():
        monkeypatch.setenv(f"GATEWAY_{name}", value)
    return load()


def message(monkeypatch: pytest.MonkeyPatch, **settings: str) -> str:
    """The one line that refuses these variables."""
    with pytest.raises(SettingsError) as caught:
        given(monkeypatch, **settings)
    text = str(caught.value)
    assert "\n" not in text
    assert caught.value.__cause__ is None or SECRET not in str(caught.value.__cause__)
    return text


def toml(folder: Path, content: str | bytes) -> str:
    """The path of a TOML file with this content."""
    path = folder / "gateway.toml"
    path.write_bytes(content if isinstance(content, bytes) else content.encode())
    return str(path)


# Values.


def test_defaults() -> None:
    """Without any variable, the figures are those of the contract."""
    settings = load()
    assert (
        settings.limit_ip,
        settings.limit("limit_json"),
        settings.limit("limit_documents"),
        settings.limit("limit_strict"),
    ) == (
        1000,
        250,
        50,
        5,
    )
    assert (settings.limit("limit_effectifs"), settings.limit("limit_agefiph"), settings.ignored_429_limit) == (
        250,
        250,
        100,
    )
    assert settings.upstream_timeout == 10
    assert (settings.window, settings.ban_action) == (WindowKind.SLIDING, BanAction.CLOSE)
    assert settings.user_id_required is UserIdRequired.ALL
    assert (settings.jwt_secrets, settings.jwks, settings.upstream_url) == ((), None, None)
    assert (settings.trusted_proxies, settings.ip_allowlist) == ((), ())
    assert settings.access_log is None


def test_values(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """Each setting is read from its variable."""
    settings = given(
        monkeypatch,
        JWT_SECRETS=f"{SECRET}, {SECRET[::-1]},",
        TRUSTED_PROXIES="10.0.0.0/8, 192.0.2.1,2001:db8::/32",
        LIMIT_STRICT="7",
        WINDOW="first-call",
        BAN_ACTION="forbid",
        USER_ID_REQUIRED="v2",
        UPSTREAM_URL="http://127.0.0.1:8081/base",
        UPSTREAM_TIMEOUT="2.5",
        ACCESS_LOG=str(tmp_path / "log"),
        METRICS_PORT="9100",
        LOG_LEVEL="DEBUG",
    )
    assert [secret.get_secret_value() for secret in settings.jwt_secrets] == [SECRET, SECRET[::-1]]
    assert settings.trusted_proxies == tuple(map(ip_network, ("10.0.0.0/8", "192.0.2.1", "2001:db8::/32")))
    assert (settings.limit("limit_strict"), settings.upstream_timeout, settings.metrics_port) == (7, 2.5, 9100)
    assert (settings.window, settings.ban_action) == (WindowKind.FIRST_CALL, BanAction.FORBID)
    assert settings.user_id_required is UserIdRequired.V2
    assert str(settings.upstream_url) == "http://127.0.0.1:8081/base"
    assert settings.access_log == tmp_path / "log"


@pytest.mark.parametrize("field", list(fields_of(PRODUCTS)))
def test_empty_is_unset(monkeypatch: pytest.MonkeyPatch, field: str) -> None:
    """A variable that is set to nothing is not set, whatever the setting."""
    monkeypatch.setenv(environment_name(field), "")
    assert getattr(load(), field) == fields_of(PRODUCTS)[field].default


def test_empty_unknown_variable(monkeypatch: pytest.MonkeyPatch) -> None:
    """A variable that does not exist and is set to nothing disturbs nobody."""
    assert given(monkeypatch, LIMIT_JSN="", CONFIG="") == load()


def test_given_in_code_counts_most(monkeypatch: pytest.MonkeyPatch) -> None:
    """What a command gives counts more than the environment."""
    monkeypatch.setenv("GATEWAY_LIMIT_JSON", "7")
    assert load(limit_json=8).limit("limit_json") == 8


def test_settings_cannot_be_changed() -> None:
    """Settings are read once."""
    with pytest.raises(ValueError, match="frozen"):
        load().limit_ip = 5


@pytest.mark.parametrize("field", list(fields_of(PRODUCTS)))
def test_described(field: str) -> None:
    """Every setting says what it is."""
    assert fields_of(PRODUCTS)[field].description
    assert environment_name(field) == f"GATEWAY_{field.upper()}"


# Wrong names.


@pytest.mark.parametrize(
    ("name", "near"),
    [
        ("LIMIT_JSN", "GATEWAY_LIMIT_JSON"),
        ("JWT_SECRET", "GATEWAY_JWT_SECRETS"),
        ("UPSTREAM", "GATEWAY_UPSTREAM_URL"),
        ("TRUSTED_PROXY", "GATEWAY_TRUSTED_PROXIES"),
        ("CONFIGURATION", "GATEWAY_CONFIG"),
    ],
)
def test_misspelt_name(monkeypatch: pytest.MonkeyPatch, name: str, near: str) -> None:
    """A name that does not exist is refused, with the one that was probably meant, and without its value."""
    text = message(monkeypatch, **{name: SECRET})
    assert text == f"GATEWAY_{name}: there is no such setting. Did you mean {near}?"


def test_name_like_no_other(monkeypatch: pytest.MonkeyPatch) -> None:
    """A name that is like none of ours is refused without a suggestion."""
    assert message(monkeypatch, QQQQQQQQQQQQQQQQQQQQQQQQQQQQQQ="1").endswith("docs/settings.md lists those that exist.")


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("SERVICE_HOST", "10.0.0.1"),
        ("SERVICE_PORT", "80"),
        ("SERVICE_PORT_HTTP", "80"),
        ("SERVICE_PORT_METRICS_2", "80"),
        ("PORT", "tcp://10.0.0.1:80"),
        ("PORT_80_TCP", "tcp://10.0.0.1:80"),
        ("PORT_80_TCP_ADDR", "10.0.0.1"),
        ("PORT_80_TCP_PORT", "80"),
        ("PORT_80_TCP_PROTO", "tcp"),
        ("PORT_53_UDP", "udp://10.0.0.1:53"),
        ("REDIS_SERVICE_HOST", "10.0.0.1"),
        ("REDIS_SERVICE_PORT", "6379"),
        ("REDIS_PORT", "tcp://10.0.0.1:6379"),
        ("REDIS_PORT_6379_TCP_ADDR", "10.0.0.1"),
    ],
)
def test_service_links(monkeypatch: pytest.MonkeyPatch, name: str, value: str) -> None:
    """What Kubernetes adds for services called `gateway` or `gateway-redis` is no setting of ours."""
    assert given(monkeypatch, **{name: value}) == load()


@pytest.mark.parametrize("name", ["SERVICE", "SERVICE_HOSTS", "PORTS", "PORT_80", "PORT_TCP"])
def test_nearly_service_links(monkeypatch: pytest.MonkeyPatch, name: str) -> None:
    """What only looks like it is refused."""
    assert message(monkeypatch, **{name: "80"}).startswith(f"GATEWAY_{name}: there is no such setting.")


# Wrong values.


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("LIMIT_JSON", "many"),
        ("LIMIT_JSON", "0"),
        ("LIMIT_JSON", "-5"),
        ("LIMIT_JSON", "2.5"),
        ("LIMIT_IP", "1000000001"),
        ("LIMIT_IP", "0"),
        ("LIMIT_IP_PARTICULIER", "-1"),
        ("LIMIT_PARTICULIER", "0"),
        ("IGNORED_429_LIMIT", "0"),
        ("UPSTREAM_TIMEOUT", "0"),
        ("UPSTREAM_TIMEOUT", "-1"),
        ("UPSTREAM_TIMEOUT", "61"),
        ("UPSTREAM_TIMEOUT", "nan"),
        ("UPSTREAM_TIMEOUT", "inf"),
        ("UPSTREAM_URL", "127.0.0.1:8081"),
        ("UPSTREAM_URL", "ftp://127.0.0.1"),
        ("WINDOW", "fixed"),
        ("WINDOW", "Sliding"),
        ("BAN_ACTION", "drop"),
        ("USER_ID_REQUIRED", "v3"),
        ("DUPLICATES", "allow"),
        ("LOG_LEVEL", "INFO\n"),
        ("METRICS_PORT", "0"),
        ("METRICS_PORT", "65536"),
        ("METRICS_PORT", "tcp://10.0.0.1:9100"),
        ("PRODUCTS", "particulier,entreprises"),
        ("PRODUCTS", ","),
        ("PSEUDONYM_KEY", "0a" * 31),
        ("PSEUDONYM_KEY", '{"file": "/nowhere/key"}'),
        ("JWKS", "/nowhere/jwks.json"),
        ("JWKS", "/"),
        ("JWKS", "http://issuer.example/jwks"),
        ("JWKS", "http://127.0.0.1.example/jwks"),
        ("JWKS", "ftp://127.0.0.1/jwks"),
        ("JWKS", "file:///etc/hosts"),
        ("JWKS", "https://user:password@issuer.example/jwks"),
        ("JWKS", "https:///jwks"),
        ("JWKS", "https://issuer.example:port/jwks"),
        ("JWKS", "https://[::1/jwks"),
        ("JWKS_REFRESH", "0"),
        ("TOKENS", "/nowhere/tokens.json"),
        ("TRUSTED_PROXIES", "proxy.example.org"),
        ("TRUSTED_PROXIES", "10.0.0.0/33"),
        ("TRUSTED_PROXIES", "10.0.0.0/8 192.0.2.1"),
        ("IP_ALLOWLIST", "10.0.0.256"),
    ],
)
def test_wrong_value(monkeypatch: pytest.MonkeyPatch, name: str, value: str) -> None:
    """A wrong value is refused with one line that begins with its name and says what is expected."""
    text = message(monkeypatch, **{name: value})
    assert text.startswith(f"GATEWAY_{name}: ")
    assert text.endswith(f"Expected: {fields_of(PRODUCTS)[name.lower()].description}")


@pytest.mark.parametrize("name", ["TRUSTED_PROXIES", "IP_ALLOWLIST"])
@pytest.mark.parametrize(
    "value",
    [
        "*",
        "0.0.0.0/0",
        "::/0",
        "10.0.0.0/8, *",
        "127.0.0.1,0.0.0.0/0",
        "0::0/0",
        "0.0.0.0/00",
        "0.0.0.0/0.0.0.0",
        "::/00",
    ],
)
def test_everybody(monkeypatch: pytest.MonkeyPatch, name: str, value: str) -> None:
    """Neither proxies nor exempt clients may be everybody, however that is written."""
    text = message(monkeypatch, **{name: value})
    assert text.startswith(f"GATEWAY_{name}: ")
    assert "means everybody" in text


# Secrets.


@pytest.mark.parametrize("secrets", ["hunter2-short", f"{SECRET},hunter2-short"])
def test_short_secret(monkeypatch: pytest.MonkeyPatch, secrets: str) -> None:
    """A secret that is too short is refused, without being shown."""
    text = message(monkeypatch, JWT_SECRETS=secrets)
    assert text.startswith("GATEWAY_JWT_SECRETS: ")
    assert "32 bytes" in text
    assert "hunter2" not in text
    assert SECRET not in text


def test_secrets_are_not_printed(monkeypatch: pytest.MonkeyPatch) -> None:
    """Settings may be printed: the secrets are not in it."""
    settings = given(monkeypatch, JWT_SECRETS=SECRET)
    assert SECRET not in f"{settings} {settings!r} {settings.model_dump()}"
    assert settings.jwt_secrets == (SecretStr(SECRET),)


@pytest.mark.parametrize("line", [f"jwt_secrets = ['{SECRET}', 5]", f"jwt_secrets = {{a = '{SECRET}'}}"])
def test_wrong_secrets_are_not_shown(monkeypatch: pytest.MonkeyPatch, tmp_path: Path, line: str) -> None:
    """What is wrong with the secrets is said without the secrets."""
    text = message(monkeypatch, CONFIG=toml(tmp_path, line))
    assert text.startswith("GATEWAY_JWT_SECRETS: ")
    assert SECRET not in text


def test_secret_as_a_name(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """A TOML file in which a secret stands where it should not is refused without showing it."""
    assert SECRET not in message(monkeypatch, CONFIG=toml(tmp_path, f"jwt_secrets = {SECRET}"))


# The file.


def test_file(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """Settings may stand in a TOML file, as values of its own kinds."""
    path = toml(
        tmp_path, f"jwt_secrets = ['{SECRET}']\nlimit_ip = 7\ntrusted_proxies = ['10.0.0.0/8']\nwindow = 'first-call'"
    )
    settings = given(monkeypatch, CONFIG=path)
    assert settings.jwt_secrets == (SecretStr(SECRET),)
    assert (settings.limit_ip, settings.window) == (7, WindowKind.FIRST_CALL)
    assert settings.trusted_proxies == (ip_network("10.0.0.0/8"),)


def test_lists_as_texts(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """A list in the file may be written as in the environment."""
    settings = given(monkeypatch, CONFIG=toml(tmp_path, "ip_allowlist = '10.0.0.0/8, 192.0.2.1'"))
    assert len(settings.ip_allowlist) == 2


def test_environment_wins(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """Where both speak, the environment counts; a variable set to nothing does not speak."""
    path = toml(tmp_path, "limit_ip = 7\nlimit_json = 8\nlimit_strict = 9")
    settings = given(monkeypatch, CONFIG=path, LIMIT_IP="70", LIMIT_STRICT="")
    assert (settings.limit_ip, settings.limit("limit_json"), settings.limit("limit_strict")) == (70, 8, 9)


@pytest.mark.parametrize(
    ("content", "name", "remedy"),
    [
        ("limit_jsn = 5", "limit_jsn", "Did you mean limit_json?"),
        ("qqqqqqqq = 5", "qqqqqqqq", "lists those that exist."),
        ("[gateway]\nlimit_ip = 5", "gateway", "lists those that exist."),
    ],
)
def test_unknown_key(monkeypatch: pytest.MonkeyPatch, tmp_path: Path, content: str, name: str, remedy: str) -> None:
    """A key that is no setting is refused, with the one that was probably meant."""
    text = message(monkeypatch, CONFIG=toml(tmp_path, content))
    assert text.startswith(f"GATEWAY_CONFIG: {name} is no setting.")
    assert text.endswith(remedy)


@pytest.mark.parametrize(
    "content", ["limit_ip = ", "limit_ip", "[", "a = 1\na = 2", "limit_ip = 5 6", b"limit_ip = '\xff'"]
)
def test_no_toml(monkeypatch: pytest.MonkeyPatch, tmp_path: Path, content: str | bytes) -> None:
    """A file that is no TOML is refused, and named."""
    path = toml(tmp_path, content)
    text = message(monkeypatch, CONFIG=path)
    assert text.startswith(f"GATEWAY_CONFIG: {path} is not valid TOML")


@pytest.mark.parametrize("content", ["limit_ip = 0", "limit_ip = 'many'", "window = 5", "trusted_proxies = ['*']"])
def test_wrong_value_in_the_file(monkeypatch: pytest.MonkeyPatch, tmp_path: Path, content: str) -> None:
    """A wrong value in the file is refused like one in the environment."""
    text = message(monkeypatch, CONFIG=toml(tmp_path, content))
    assert text.startswith(f"GATEWAY_{content.partition(' ')[0].upper()}: ")


def test_missing_file(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """A file that does not exist is refused, and named; a folder is none."""
    for path in (tmp_path / "nowhere.toml", tmp_path):
        assert message(monkeypatch, CONFIG=str(path)).startswith(f"GATEWAY_CONFIG: there is no file {path}.")


# Enough to serve.


def test_nothing_verifies_tokens() -> None:
    """There is no default secret: without a key the gateway does not serve."""
    with pytest.raises(SettingsError, match=r"^GATEWAY_JWT_SECRETS: .*GATEWAY_JWKS"):
        require_for_serving(load(upstream_url="http://127.0.0.1:1"))


def test_nobody_to_ask() -> None:
    """Without an address of the providers the gateway does not serve."""
    with pytest.raises(SettingsError, match=r"^GATEWAY_UPSTREAM_URL: "):
        require_for_serving(load(jwt_secrets=SECRET))


@pytest.mark.parametrize(
    "url",
    [
        "https://issuer.example/jwks?tenant=1",
        "http://127.0.0.1:8080/jwks",
        "http://localhost/jwks",
        "http://[::1]/jwks",
    ],
)
def test_keys_at_a_url(url: str) -> None:
    """A key set may be at an https URL, or at an http one of this machine, and is enough to serve."""
    settings = load(jwks=url, upstream_url="http://127.0.0.1:1")
    require_for_serving(settings)
    assert settings.jwks == url


def test_enough(tmp_path: Path) -> None:
    """A secret or a key set, and an address: that is enough."""
    require_for_serving(load(jwt_secrets=SECRET, upstream_url="http://127.0.0.1:1"))
    path = tmp_path / "jwks.json"
    path.write_text('{"keys": []}')
    require_for_serving(load(jwks=path, upstream_url="http://127.0.0.1:1"))


@pytest.mark.parametrize(
    ("value", "names"),
    [
        ("", ["entreprise", "particulier"]),
        ("particulier", ["particulier"]),
        (" particulier , entreprise,particulier", ["particulier", "entreprise"]),
        ("api_entreprise", ["entreprise"]),
    ],
)
def test_products(monkeypatch: pytest.MonkeyPatch, value: str, names: list[str]) -> None:
    """The products that are served, by their names or the keys that lines have; all of them by default."""
    settings = given(monkeypatch, PRODUCTS=value)
    assert [product.name for product in settings.served(PRODUCTS)] == [
        product.name for product in PRODUCTS if product.name in names
    ]
    assert list(settings.products) == names


def test_a_product_that_is_not_served_needs_no_address() -> None:
    """Only the providers of the products that are served must have addresses."""
    addresses = {
        provider.key: {"base_url": "https://p.example"} for product in PRODUCTS[:1] for provider in product.providers
    }
    given_all = {"jwt_secrets": SECRET, "providers": addresses}
    require_for_serving(load(products="entreprise", **given_all))
    with pytest.raises(SettingsError, match=r"^GATEWAY_UPSTREAM_URL: cnaf, .*GATEWAY_PRODUCTS"):
        require_for_serving(load(**given_all))


# Documents.


@pytest.mark.parametrize("place", ["/srv/documents", "documents", "s3://bucket", "s3://bucket.name/some/prefix/"])
def test_places_of_documents(monkeypatch: pytest.MonkeyPatch, place: str) -> None:
    """Documents are kept in a folder or in a bucket."""
    assert given(monkeypatch, DOCUMENTS=place).documents == place


@pytest.mark.parametrize(
    "place",
    ["s3://", "s3:///prefix", "s3://Bucket", "s3://b", "s3://bucket/../x y", "gs://bucket", "https://a.example"],
)
def test_what_is_no_place_of_documents(monkeypatch: pytest.MonkeyPatch, place: str) -> None:
    """Anything else is refused, in a line that names the setting."""
    assert message(monkeypatch, DOCUMENTS=place).startswith("GATEWAY_DOCUMENTS: ")


def test_the_public_address_is_an_address(monkeypatch: pytest.MonkeyPatch) -> None:
    """What links start with is a scheme, a host, and a path if need be."""
    assert str(given(monkeypatch, PUBLIC_URL="https://api.example.fr/x").public_url) == "https://api.example.fr/x"
    for wrong in ("api.example.fr", "ftp://a", "https://a?b=c", "https://user:pass@a"):
        assert message(monkeypatch, PUBLIC_URL=wrong).startswith("GATEWAY_PUBLIC_URL: ")


def test_hosts_of_documents(monkeypatch: pytest.MonkeyPatch) -> None:
    """A provider's other hosts stand in one variable, separated by commas."""
    monkeypatch.setenv("GATEWAY_PROVIDERS__URSSAF__DOCUMENT_HOSTS", "files.example, cdn.example:8443")
    assert load().providers["urssaf"].document_hosts == ("files.example", "cdn.example:8443")
    monkeypatch.setenv("GATEWAY_PROVIDERS__URSSAF__DOCUMENT_HOSTS", "https://files.example/x")
    with pytest.raises(SettingsError, match="neither a host nor a host and a port"):
        load()
