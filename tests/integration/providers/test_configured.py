"""Providers as an operator configures them: a TOML file, variables, files with secrets, and a started gateway."""

import base64
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import httpx
import pytest

from support import programs
from support.certificates import Authority
from support.programs import Program
from support.proxy import proxy
from support.site import EXTRAIT_RCS, GOOD, LONG, ROOMY, Site, codes, fresh, wait_until
from support.stub import Stub, always, answer, stub
from support.token_server import CLIENT, CLIENT_SECRET, token_server

SECRET = "never-to-be-seen-0123456789"


@pytest.fixture
def ca(tmp_path: Path) -> Authority:
    """An authority."""
    return Authority(tmp_path)


@dataclass
class Configured:
    """A gateway, and what it was told."""

    site: Site
    settings: dict[str, str]

    def check(self) -> str:
        """What `check` says of the configuration."""
        checked = programs.run("check", jwt_secrets="x" * 40, upstream_url="http://127.0.0.1:9", **self.settings)
        assert checked.returncode == 0, checked.stderr
        return checked.stdout + checked.stderr

    def everything(self) -> str:
        """All that it wrote, and what `check` says."""
        program = self.site.program
        return program.output.read_text() + program.errors.read_text() + self.check()


@contextmanager
def configured(folder: Path, provider: Stub, toml: str, **settings: str) -> Iterator[Configured]:
    """Start a gateway with a TOML file, in which `URL` is the address of the provider."""
    path = folder / "gateway.toml"
    path.write_text(toml.replace("URL", provider.url))
    given = ROOMY | {"config": str(path)} | settings
    (folder / "out").mkdir()
    with (
        programs.gateway(folder / "out", upstream="http://127.0.0.1:9", **given) as program,
        httpx.Client(timeout=LONG) as client,
    ):
        yield Configured(Site(program, provider, client), given)


def header(provider: Stub, name: str) -> str | None:
    """A header of the last request that a provider got."""
    lines = [line.partition(": ") for line in provider.requests[-1].split("\r\n")]
    return next((value for given, _, value in lines if given.lower() == name), None)


def test_a_header_with_a_key(tmp_path: Path) -> None:
    """A key from a file goes along with each call to its provider, and with no other's."""
    (tmp_path / "key").write_text(SECRET + "\n")
    toml = f"""
        [providers.insee]
        base_url = "URL/prefix"
        auth = {{ kind = "header", name = "X-Api-Key", value = {{ file = "{tmp_path / "key"}" }} }}
        [providers.infogreffe]
        base_url = "URL"
    """
    with stub(GOOD) as provider, configured(tmp_path, provider, toml) as it:
        assert it.site.call(token=fresh()).status_code == 200
        assert header(provider, "x-api-key") == SECRET
        assert provider.requests[-1].startswith("GET /prefix/v4/insee/")
        assert it.site.call(EXTRAIT_RCS, token=fresh()).status_code == 200
        assert header(provider, "x-api-key") is None
        assert codes(it.site.call("/v4/urssaf/unites_legales/130025265/attestation_vigilance", token=fresh())) == [
            "04001"
        ]
        assert "auth header" in it.check()
        assert SECRET not in it.everything()


def test_user_and_password(tmp_path: Path) -> None:
    """User and password may come from variables."""
    settings = {"auth__kind": "basic", "auth__username": "us", "auth__password": SECRET}
    variables = {f"providers__insee__{name}": value for name, value in settings.items()}
    with (
        stub(GOOD) as provider,
        configured(tmp_path, provider, "[providers.insee]\nbase_url = 'URL'", **variables) as it,
    ):
        assert it.site.call(token=fresh()).status_code == 200
        assert header(provider, "authorization") == "Basic " + base64.b64encode(f"us:{SECRET}".encode()).decode()
        assert SECRET not in it.everything()


def test_a_token_that_does_not_change(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A token may be in a variable that the file names; it is not shown where the provider refuses it."""
    monkeypatch.setenv("INSEE_TOKEN", SECRET)
    toml = "[providers.insee]\nbase_url = 'URL'\nauth = { kind = 'bearer', token = { env = 'INSEE_TOKEN' } }"
    refusing = always(answer(b'{"message": "who are you?"}', status=401))
    with stub(refusing) as provider, configured(tmp_path, provider, toml) as it:
        response = it.site.call(token=fresh())
        assert (response.status_code, codes(response)) == (502, ["01006"])
        assert header(provider, "authorization") == f"Bearer {SECRET}"
        assert SECRET not in response.text + it.everything()


def test_oauth2_over_tls(tmp_path: Path, ca: Authority) -> None:
    """Client credentials are exchanged for a token, once; both servers may be of an authority that the file names."""
    server = ca.sign("server").server_context()
    toml = f"""
        [providers.insee]
        base_url = "URL"
        ca = "{ca.file}"
        [providers.insee.auth]
        kind = "oauth2"
        token_url = "TOKENS"
        client_id = "{CLIENT}"
        scope = "sirene"
        client_auth = "post"
    """
    secret = {"providers__insee__auth__client_secret": CLIENT_SECRET}
    with (
        token_server(tls=server) as tokens,
        stub(GOOD, tls=server) as provider,
        configured(tmp_path, provider, toml.replace("TOKENS", tokens.url), **secret) as it,
    ):
        for _ in range(3):
            assert it.site.call(token=fresh()).status_code == 200
            assert header(provider, "authorization") == "Bearer token-1"
        (form,) = tokens.forms
        assert (form["by"], form["scope"], form["secret"]) == ("post", "sirene", CLIENT_SECRET)
        assert CLIENT_SECRET not in it.everything()
        assert "token-1" not in it.everything()


def test_oauth2_without_a_token_server(tmp_path: Path) -> None:
    """While no token can be had the provider is not asked; that says nothing about the provider."""
    toml = f"""
        [providers.insee]
        base_url = "URL"
        breaker = {{ silent = 1, calls = 1 }}
        auth = {{ kind = "oauth2", token_url = "http://127.0.0.1:9/", client_id = "us", client_secret = "{SECRET}" }}
    """
    with stub(GOOD) as provider, configured(tmp_path, provider, toml) as it:
        assert [codes(it.site.call(token=fresh())) for _ in range(3)] == [["01001"]] * 3
        assert provider.requests == []
        assert it.site.metric('gateway_breaker_state{provider="insee",state="closed"}') == 1
        assert SECRET not in it.everything()


@pytest.mark.parametrize("password", [None, SECRET])
def test_mutual_tls(tmp_path: Path, ca: Authority, password: str | None) -> None:
    """A provider that demands a certificate gets ours, also with an encrypted key."""
    ours = ca.sign("ours", password=password)
    toml = f"""
        [providers.insee]
        base_url = "URL"
        ca = "{ca.file}"
        client_certificate = "{ours.certificate}"
        client_key = "{ours.key}"
    """
    variables = {} if password is None else {"providers__insee__client_key_password": password}
    demanding = ca.sign("server").server_context(clients=ca.file)
    with stub(GOOD, tls=demanding) as provider, configured(tmp_path, provider, toml, **variables) as it:
        assert it.site.call(token=fresh()).status_code == 200
        assert SECRET not in it.everything()


def test_an_unknown_authority(tmp_path: Path, ca: Authority) -> None:
    """A certificate of an authority that nobody named is an error of its own, as often as it comes."""
    toml = "[providers.insee]\nbase_url = 'URL'\nbreaker = { silent = 1, calls = 1 }"
    server = ca.sign("server").server_context()
    with stub(GOOD, tls=server) as provider, configured(tmp_path, provider, toml) as it:
        for _ in range(3):
            response = it.site.call(token=fresh())
            assert (response.status_code, codes(response)) == (502, ["01009"])


def test_a_proxy_of_one_provider(tmp_path: Path) -> None:
    """A proxy is for its provider only; its password is shown nowhere."""
    with proxy(credentials=f"us:{SECRET}") as between, stub(GOOD) as provider:
        toml = f"[providers.insee]\nbase_url = 'URL'\nproxy = '{between.url}'\n[providers.infogreffe]\nbase_url = 'URL'"
        with configured(tmp_path, provider, toml) as it:
            assert it.site.call(EXTRAIT_RCS, token=fresh()).status_code == 200
            assert between.heads == []
            assert it.site.call(token=fresh()).status_code == 200
            assert len(between.heads) == 1
            assert "proxy (set)" in it.check()
            assert SECRET not in it.everything()


@pytest.mark.parametrize(
    ("toml", "words"),
    [
        ("auth = { kind = 'header', name = 'Host', value = 'SECRET' }", "auth: the header Host is set by the gateway"),
        ("auth = { kind = 'header', name = 'X', value = ' SECRET' }", "auth: the value of the header X"),
        ("auth = { kind = 'bearer', token = 'SECRET SECRET' }", "auth: a token cannot have a blank"),
        ("base_url = 'http://h'\nca = 'ca.pem'", "ca and client_certificate are for https"),
        ("base_url = 'https://h'\nca = 'gateway.toml'", "gateway.toml: it holds no certificate"),
        ("base_url = 'https://h'\nclient_certificate = 'ca.pem'", "they do not hold a certificate and its key"),
        (
            "base_url = 'https://h'\nclient_certificate = 'us.pem'\nclient_key = 'us.key'",
            "us.key: the key is encrypted, and no password is given",
        ),
        (
            "base_url='https://h'\nclient_certificate='us.pem'\nclient_key='us.key'\nclient_key_password='SECRET'",
            "us.key: the password does not open this key",
        ),
    ],
)
def test_what_cannot_be_used(
    tmp_path: Path, ca: Authority, monkeypatch: pytest.MonkeyPatch, toml: str, words: str
) -> None:
    """What turns out to be wrong as it is put together stops the start with one line, and `check` with the same."""
    monkeypatch.chdir(tmp_path)
    ca.sign("us", password="another")
    path = tmp_path / "gateway.toml"
    path.write_text("[providers.insee]\n" + toml.replace("SECRET", SECRET))
    for command in (["check"], ["serve", "--port", "0"]):
        ended = programs.run(*command, jwt_secrets="x" * 40, upstream_url="http://127.0.0.1:9", config=str(path))
        assert ended.returncode == 2
        assert ended.stderr.count("\n") == 1
        assert "GATEWAY_PROVIDERS__INSEE: " in ended.stderr
        assert words in ended.stderr
        assert SECRET not in ended.stderr + ended.stdout


def test_workers_say_what_is_wrong_once(tmp_path: Path) -> None:
    """With several workers, a provider that cannot be set up stops the start before any of them is made."""
    ended = programs.run(
        *("serve", "--port", "0", "--workers", "2"),
        jwt_secrets="x" * 40,
        upstream_url="http://127.0.0.1:9",
        redis_url="redis://127.0.0.1:9",
        providers__insee__auth__kind="bearer",
        providers__insee__auth__token=f"{SECRET} {SECRET}",
    )
    assert (ended.returncode, ended.stderr.count("\n")) == (2, 1)
    assert ended.stderr.startswith("apientreprise-gateway: GATEWAY_PROVIDERS__INSEE: auth: ")


def test_the_demo_asks_fictive_providers_only(tmp_path: Path) -> None:
    """`demo` plays, whatever real providers the environment knows."""
    with (
        stub(GOOD) as provider,
        programs.start(
            tmp_path,
            "demo",
            providers__insee__base_url=provider.url,
            providers__insee__auth__kind="bearer",
            providers__insee__auth__token=SECRET,
        ) as demo,
        httpx.Client(timeout=LONG) as client,
    ):
        assert Site(demo, provider, client).call(token=_token_of(demo)).json()["data"]["siren"] == "130025265"
        assert provider.requests == []


def _token_of(demo: Program) -> str:
    wait_until(lambda: "Bearer " in demo.output.read_text())
    return demo.output.read_text().partition("Bearer ")[2].partition("'")[0]
