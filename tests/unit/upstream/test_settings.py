"""Tests of the settings of single providers."""

import os
from datetime import UTC, datetime, time
from pathlib import Path

import pytest

from apientreprise_gateway.gateway.settings import Settings, SettingsError, load, require_for_serving
from apientreprise_gateway.providers.products import PRODUCTS
from apientreprise_gateway.upstream.breaker import BreakerPolicy
from apientreprise_gateway.upstream.maintenance import Once, Weekly
from apientreprise_gateway.upstream.settings import (
    BasicAuth,
    BearerAuth,
    HeaderAuth,
    NoAuth,
    OAuth2Auth,
    ProviderSettings,
)

PROVIDERS = [provider for product in PRODUCTS for provider in product.providers]
SECRET = "s3cr3t-s3cr3t-s3cr3t"
PREFIX = "GATEWAY_PROVIDERS__INSEE__"


@pytest.fixture(autouse=True)
def _no_ambient_settings(monkeypatch: pytest.MonkeyPatch) -> None:
    """The settings of whoever runs the tests are none of theirs."""
    for name in os.environ:
        if name.upper().startswith("GATEWAY_"):
            monkeypatch.delenv(name)


class Given:
    """The places where settings may stand."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch, folder: Path) -> None:
        self._monkeypatch = monkeypatch
        self.folder = folder

    def toml(self, content: str) -> "Given":
        """Write the file."""
        path = self.folder / "gateway.toml"
        path.write_text(content)
        return self.variable("GATEWAY_CONFIG", str(path))

    def variable(self, name: str, value: str) -> "Given":
        """Set a variable."""
        self._monkeypatch.setenv(name, value)
        return self

    def insee(self) -> ProviderSettings:
        """What they make of INSEE's."""
        return load().providers["insee"]

    def refusal(self) -> str:
        """The one line that refuses them, in which no secret is."""
        with pytest.raises(SettingsError) as caught:
            load()
        text = str(caught.value)
        assert "\n" not in text
        assert SECRET not in text
        return text


@pytest.fixture
def given(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Given:
    """No settings yet."""
    return Given(monkeypatch, tmp_path)


def test_nothing_given() -> None:
    """A provider without settings has none, and all defaults hold."""
    assert load().providers == {}
    own = ProviderSettings()
    assert (own.base_url, own.dialect, own.timeout, own.max_calls, own.proxy) == (None,) * 5
    assert (own.auth, own.maintenance, own.breaker.policy()) == (NoAuth(), (), BreakerPolicy())


def test_file(given: Given) -> None:
    """Each provider has a table in the file."""
    own = given.toml(
        f"""
        [providers.insee]
        base_url = "https://api.insee.fr/entreprises/sirene/V3.11"
        timeout = 5
        max_calls = 30
        proxy = "http://user:{SECRET}@proxy.example:3128"
        auth = {{ kind = "basic", username = "us", password = "{SECRET}" }}
        breaker = {{ calls = 5, share = 0.2, wait = 1 }}
        maintenance = [
            {{ days = ["saturday", "sunday"], from = 22:00:00, to = "06:00" }},
            {{ start = 2026-12-01T20:00:00+01:00, end = "2026-12-02T02:00:00Z" }},
        ]
        [providers.urssaf.auth]
        kind = "header"
        name = "X-Key"
        value = "{SECRET}"
        """
    ).insee()
    assert str(own.base_url) == "https://api.insee.fr/entreprises/sirene/V3.11"
    assert (own.timeout, own.max_calls) == (5, 30)
    assert own.proxy is not None
    assert own.proxy.get_secret_value() == f"http://user:{SECRET}@proxy.example:3128"
    assert isinstance(own.auth, BasicAuth)
    assert (own.auth.username, own.auth.password.get_secret_value()) == ("us", SECRET)
    assert own.breaker.policy() == BreakerPolicy(calls=5, share=0.2, wait=1)
    assert [window.window() for window in own.maintenance] == [
        Weekly(frozenset({5, 6}), time(22), time(6)),
        Once(datetime(2026, 12, 1, 19, tzinfo=UTC), datetime(2026, 12, 2, 2, tzinfo=UTC)),
    ]
    assert isinstance(load().providers["urssaf"].auth, HeaderAuth)


def test_variables(given: Given) -> None:
    """Each field has a variable, those of tables within as well, and of providers whose key is of several words."""
    given.variable(PREFIX + "BASE_URL", "http://127.0.0.1:1/x")
    given.variable(PREFIX + "MAX_CALLS", "7").variable(PREFIX + "TIMEOUT", "2.5")
    given.variable(PREFIX + "AUTH__KIND", "bearer").variable(PREFIX + "AUTH__TOKEN", SECRET)
    given.variable(PREFIX + "BREAKER__SILENT", "3")
    given.variable(PREFIX + "MAINTENANCE", '[{"days": "monday, friday", "from": "01:00", "to": "02:30"}]')
    given.variable("GATEWAY_PROVIDERS__GIP_MDS__BASE_URL", "http://127.0.0.1:2")
    own = given.insee()
    assert (str(own.base_url), own.max_calls, own.timeout) == ("http://127.0.0.1:1/x", 7, 2.5)
    assert isinstance(own.auth, BearerAuth)
    assert own.auth.token.get_secret_value() == SECRET
    assert own.breaker.silent == 3
    assert own.maintenance[0].window() == Weekly(frozenset({0, 4}), time(1), time(2, 30))
    assert str(load().providers["gip_mds"].base_url) == "http://127.0.0.1:2/"


def test_variables_win(given: Given) -> None:
    """Where file and variables both speak of a field, the variable counts; a variable set to nothing does not speak."""
    given.toml("[providers.insee]\ntimeout = 1\nmax_calls = 2\nauth = { kind = 'bearer', token = 'from-the-file' }")
    given.variable(PREFIX + "TIMEOUT", "3").variable(PREFIX + "MAX_CALLS", "")
    given.variable(PREFIX + "AUTH__TOKEN", SECRET)
    own = given.insee()
    assert (own.timeout, own.max_calls) == (3, 2)
    assert isinstance(own.auth, BearerAuth)
    assert own.auth.token.get_secret_value() == SECRET


def test_oauth2(given: Given) -> None:
    """Client credentials have their further fields."""
    given.toml(
        f"""[providers.insee.auth]
        kind = "oauth2"
        token_url = "https://auth.example/token"
        client_id = "us"
        client_secret = "{SECRET}"
        scope = "a b"
        client_auth = "post"
        """
    )
    auth = given.insee().auth
    assert isinstance(auth, OAuth2Auth)
    assert (auth.client_id, auth.scope, auth.audience, auth.client_auth) == ("us", "a b", None, "post")


# Secrets.


def test_secret_from_a_variable(given: Given) -> None:
    """A secret may be in a variable of any name, which the file names."""
    given.variable("INSEE_TOKEN", SECRET)
    given.toml("[providers.insee]\nauth = { kind = 'bearer', token = { env = 'INSEE_TOKEN' } }")
    auth = given.insee().auth
    assert isinstance(auth, BearerAuth)
    assert auth.token.get_secret_value() == SECRET


@pytest.mark.parametrize("ending", ["", "\n", "\r\n"])
@pytest.mark.parametrize("named_by", ["file", "variable"])
def test_secret_from_a_file(given: Given, ending: str, named_by: str) -> None:
    """A secret may be in a file, whose last line break does not count; file and variables can both name it."""
    path = given.folder / "token"
    path.write_bytes((SECRET + ending).encode())
    if named_by == "file":
        given.toml(f"[providers.insee]\nauth = {{ kind = 'bearer', token = {{ file = '{path}' }} }}")
    else:
        given.variable(PREFIX + "AUTH__KIND", "bearer").variable(PREFIX + "AUTH__TOKEN__FILE", str(path))
    auth = given.insee().auth
    assert isinstance(auth, BearerAuth)
    assert auth.token.get_secret_value() == SECRET


@pytest.mark.parametrize(
    ("token", "words"),
    [
        ("{ env = 'NOWHERE' }", "the environment variable NOWHERE is unset or empty"),
        ("{ file = '/nowhere/token' }", "the file /nowhere/token cannot be read (No such file or directory)"),
        ("{ file = '/' }", "the file / cannot be read"),
        ("{ file = 'empty' }", "the file empty is empty"),
        ("{ file = 'blank' }", "the file blank is empty"),
        ("{ file = 'binary' }", "the file binary is not UTF-8"),
        ("{ file = 'lines' }", "it has a line break"),
        ("{ file = 'token', env = 'TOKEN' }", "give a text, {"),
        ("{ path = 'token' }", "give a text, {"),
        ("{ }", "give a text, {"),
        (f"['{SECRET}']", "give a text, {"),
        ("5", "give a text, {"),
        ("''", "it is empty"),
        (f'"{SECRET}\\u000a"', "it has a line break"),
    ],
)
def test_secret_that_cannot_be_had(given: Given, monkeypatch: pytest.MonkeyPatch, token: str, words: str) -> None:
    """A secret that is not where it should be is refused: provider, setting and remedy are named."""
    monkeypatch.chdir(given.folder)
    for name, content in {"empty": b"", "blank": b"\n", "binary": b"\xff\xfe", "lines": b"a\nb"}.items():
        (given.folder / name).write_bytes(content)
    given.toml(f"[providers.insee]\nauth = {{ kind = 'bearer', token = {token} }}")
    text = given.refusal()
    assert text.startswith(PREFIX + "AUTH__TOKEN: ")
    assert words in text


def test_secrets_are_not_printed(given: Given) -> None:
    """Settings may be printed: the secrets are not in it."""
    given.toml(
        f"""[providers.insee]
        proxy = "http://u:{SECRET}@p:1"
        client_certificate = "gateway.toml"
        client_key_password = "{SECRET}"
        auth = {{ kind = "header", name = "K", value = "{SECRET}" }}
        [providers.dgfip]
        auth = {{ kind = "oauth2", token_url = "http://a", client_id = "us", client_secret = "{SECRET}" }}
        """.replace("gateway.toml", str(given.folder / "gateway.toml"))
    )
    settings = load()
    assert SECRET not in f"{settings} {settings!r} {settings.model_dump()} {settings.model_dump_json()}"


# What is wrong.


@pytest.mark.parametrize(
    ("content", "line"),
    [
        ("[providers.inse]\ntimeout = 1", "GATEWAY_PROVIDERS__INSE: there is no such provider. Did you mean insee?"),
        ("[providers.INSEE]\ntimeout = 1", "GATEWAY_PROVIDERS__INSEE: there is no such provider. "),
        ("[providers.qqqqqq]", "GATEWAY_PROVIDERS__QQQQQQ: there is no such provider. Those that exist: insee, "),
        ("[provider.insee]", "GATEWAY_CONFIG: provider is no setting. Did you mean providers?"),
        ("providers = 5", "GATEWAY_PROVIDERS: "),
        ("[providers]\ninsee = 5", "GATEWAY_PROVIDERS__INSEE: "),
        (
            "[providers.insee]\nbase_ulr = 'SECRET'",
            PREFIX + "BASE_ULR: there is no such setting. Did you mean base_url?",
        ),
        ("[providers.insee]\nport = 1", PREFIX + "PORT: there is no such setting. "),
        ("[providers.insee]\nbase_url = 'SECRET'", PREFIX + "BASE_URL: "),
        ("[providers.insee]\nbase_url = 'ftp://SECRET'", PREFIX + "BASE_URL: "),
        ("[providers.insee]\nbase_url = 'http://u:SECRET@h'", PREFIX + "BASE_URL: credentials do not belong"),
        ("[providers.insee]\nbase_url = 'http://h?key=SECRET'", PREFIX + "BASE_URL: an address has neither a query"),
        ("upstream_url = 'http://u:SECRET@h'", "GATEWAY_UPSTREAM_URL: credentials do not belong"),
        ("[providers.insee]\ntimeout = 0", PREFIX + "TIMEOUT: "),
        ("[providers.insee]\ntimeout = 61", PREFIX + "TIMEOUT: "),
        ("[providers.insee]\nmax_calls = 0", PREFIX + "MAX_CALLS: "),
        ("[providers.insee]\nmax_calls = 'SECRET'", PREFIX + "MAX_CALLS: "),
        ("[providers.insee]\nproxy = 'SECRET'", PREFIX + "PROXY: a proxy is given as http://"),
        ("[providers.insee]\nproxy = 'https://u:SECRET@h'", PREFIX + "PROXY: a proxy is given as http://"),
        ("[providers.insee]\nca = '/nowhere.pem'", PREFIX + "CA: "),
        ("[providers.insee]\nclient_certificate = '/nowhere.pem'", PREFIX + "CLIENT_CERTIFICATE: "),
        ("[providers.insee]\nclient_key = 'gateway.toml'", "GATEWAY_PROVIDERS__INSEE: client_key and "),
        ("[providers.insee]\nclient_key_password = 'SECRET'", "GATEWAY_PROVIDERS__INSEE: client_key and "),
        ("[providers.insee]\nauth = 'SECRET'", PREFIX + "AUTH: "),
        ("[providers.insee]\nauth = { token = 'SECRET' }", PREFIX + "AUTH: its kind is missing or unknown. Expected: "),
        ("[providers.insee]\nauth = { kind = 'SECRET' }", PREFIX + "AUTH: its kind is missing or unknown. Expected: "),
        ("[providers.insee]\nauth = { kind = 'bearer' }", PREFIX + "AUTH__TOKEN: Field required"),
        (
            "[providers.insee]\nauth = { kind = 'bearer', tokn = 'SECRET', token = 'x' }",
            PREFIX + "AUTH__TOKN: there is no such setting. Did you mean token?",
        ),
        ("[providers.insee]\nauth = { kind = 'header', name = 'a b', value = 'SECRET' }", PREFIX + "AUTH__NAME: "),
        (
            "[providers.insee]\nauth = { kind = 'basic', username = 'a:b', password = 'SECRET' }",
            PREFIX + "AUTH__USERNAME: ",
        ),
        (
            "[providers.insee.auth]\nkind = 'oauth2'\ntoken_url = 'SECRET'\nclient_id = 'us'\nclient_secret = 'SECRET'",
            PREFIX + "AUTH__TOKEN_URL: ",
        ),
        ("[providers.insee]\nbreaker = { share = 50 }", PREFIX + "BREAKER__SHARE: "),
        ("[providers.insee]\nbreaker = { wait = 9, longest_wait = 8 }", PREFIX + "BREAKER: longest_wait is shorter"),
        ("[providers.insee]\nbreaker = { figure = 1 }", PREFIX + "BREAKER__FIGURE: there is no such setting. "),
        ("[providers.insee]\nmaintenance = 'SECRET'", PREFIX + "MAINTENANCE: it is not valid JSON"),
        ("[providers.insee]\nmaintenance = [ 5 ]", PREFIX + "MAINTENANCE: window 1: "),
        (
            "[providers.insee]\nmaintenance = [ { start = 2026-12-01T20:00:00, end = 2026-12-01T21:00:00Z } ]",
            PREFIX + "MAINTENANCE__START: window 1: ",
        ),
        (
            "[providers.insee]\nmaintenance = [ { start = 2026-12-01T20:00:00Z, end = 2026-12-01T19:00:00Z } ]",
            PREFIX + "MAINTENANCE: window 1: it ends before it begins",
        ),
        (
            "[providers.insee]\nmaintenance = [ { days = ['sunday'], from = '22:00', until = '23:00' } ]",
            PREFIX + "MAINTENANCE__TO: window 1: Field required",
        ),
        (
            "[providers.insee]\nmaintenance = [ { days = ['dimanche'], from = '22:00', to = '23:00' } ]",
            PREFIX + "MAINTENANCE__DAYS: window 1: ",
        ),
        (
            "[providers.insee]\nmaintenance = [ { days = [], from = '22:00', to = '23:00' } ]",
            PREFIX + "MAINTENANCE__DAYS: window 1: ",
        ),
        (
            "[providers.insee]\nmaintenance = [ { days = ['sunday'], from = '22:00Z', to = '23:00' } ]",
            PREFIX + "MAINTENANCE: window 1: weekly windows are in French legal time",
        ),
        ("[providers.insee]\ndialect = 'klingon'", PREFIX + "DIALECT: there is no such dialect. "),
    ],
)
def test_what_is_wrong(given: Given, monkeypatch: pytest.MonkeyPatch, content: str, line: str) -> None:
    """What is wrong is refused with one line that names provider and setting, with what was probably meant."""
    monkeypatch.chdir(given.folder)
    given.toml(content.replace("SECRET", SECRET))
    assert given.refusal().startswith(line)


@pytest.mark.parametrize(
    ("name", "line"),
    [
        ("GATEWAY_PROVIDERS__INSE__TIMEOUT", "GATEWAY_PROVIDERS__INSE: there is no such provider. Did you mean insee?"),
        ("GATEWAY_PROVIDERS__INSEE__TIMEUOT", PREFIX + "TIMEUOT: there is no such setting. Did you mean timeout?"),
        ("GATEWAY_PROVIDERS__INSEE__SERVICE_PORT", PREFIX + "SERVICE_PORT: there is no such setting. "),
        ("GATEWAY_PROVIDERS__INSEE", "GATEWAY_PROVIDERS__INSEE: "),
        ("GATEWAY_PROVIDERS__INSEE__AUTH", PREFIX + "AUTH: "),
        ("GATEWAY_PROVIDERS__", "GATEWAY_PROVIDERS__: there is no such provider."),
        ("GATEWAY_PROVIDERS", "GATEWAY_PROVIDERS: each field of each provider has a variable of its own"),
        (
            "GATEWAY_PROVIDER__INSEE__TIMEOUT",
            "GATEWAY_PROVIDER__INSEE__TIMEOUT: there is no such setting. Did you mean ",
        ),
        ("GATEWAY_PROVIDERS_INSEE_TIMEOUT", "GATEWAY_PROVIDERS_INSEE_TIMEOUT: there is no such setting. "),
    ],
)
def test_wrong_variables(given: Given, name: str, line: str) -> None:
    """A variable that names nothing is refused, and its value is not shown."""
    assert given.variable(name, SECRET).refusal().startswith(line)


def test_variables_that_contradict(given: Given) -> None:
    """A variable for the whole and one for a part of it are refused together."""
    given.variable(PREFIX + "AUTH__TOKEN", SECRET).variable(PREFIX + "AUTH__TOKEN__FILE", "/nowhere")
    assert given.refusal().startswith(PREFIX + "AUTH__TOKEN__FILE: ")


def test_settings_of_another_kind_of_auth(given: Given) -> None:
    """A variable that changes the kind does not silently drop what the file says of the other kind."""
    given.toml(f"[providers.insee]\nauth = {{ kind = 'bearer', token = '{SECRET}' }}")
    given.variable(PREFIX + "AUTH__KIND", "none")
    assert given.refusal().startswith(PREFIX + "AUTH__TOKEN: there is no such setting.")


# Enough to serve.


def _serves(**settings: object) -> Settings:
    settings = {"jwt_secrets": "x" * 32, **settings}
    made = load(**settings)
    require_for_serving(made)
    return made


def test_addresses_of_all_providers(given: Given) -> None:
    """Each provider needs an address: its own, or that of all; those that have none are named."""
    given.variable(PREFIX + "BASE_URL", "http://127.0.0.1:1")
    with pytest.raises(
        SettingsError, match=r"^GATEWAY_UPSTREAM_URL: infogreffe, dgfip, .* have no address\."
    ) as caught:
        _serves()
    assert "insee" not in str(caught.value)
    _serves(upstream_url="http://127.0.0.1:2")
    for provider in PROVIDERS:
        given.variable(f"GATEWAY_PROVIDERS__{provider.key.upper()}__BASE_URL", "http://127.0.0.1:1")
    _serves()
