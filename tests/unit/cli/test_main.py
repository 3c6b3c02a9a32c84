"""Tests of the command line."""

import io
import json
import os
import re
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import NamedTuple

import jwt
import pytest

from apientreprise_gateway import __version__
from apientreprise_gateway.cli.main import main
from apientreprise_gateway.contract.person.identity import Identity
from apientreprise_gateway.contract.pseudonym import Pseudonyms
from apientreprise_gateway.contract.token_life import default_expiry
from apientreprise_gateway.controlplane.openapi import document, to_yaml
from apientreprise_gateway.gateway.settings import environment_name, fields_of
from apientreprise_gateway.providers.entreprise.product import ENTREPRISE
from apientreprise_gateway.providers.products import PRODUCTS
from support import programs
from support.stub import always, answer, stub
from support.tokens import JTI, SECRET, token

UPSTREAM = "http://127.0.0.1:1"
PROVIDERS = [provider for product in PRODUCTS for provider in product.providers]
ENDPOINTS = [endpoint for provider in PROVIDERS for endpoint in provider.endpoints]


class Result(NamedTuple):
    """What a command did."""

    status: int
    out: str
    err: str


class Command:
    """Runs commands in this process."""

    def __init__(self, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:
        self._capsys = capsys
        self._monkeypatch = monkeypatch

    def __call__(self, *arguments: str, **settings: str) -> Result:
        """Run a command with these settings (names without the prefix)."""
        for name, value in settings.items():
            self._monkeypatch.setenv(f"GATEWAY_{name.upper()}", value)
        with pytest.raises(SystemExit) as caught:
            main(arguments)
        captured = self._capsys.readouterr()
        return Result(int(caught.value.code or 0), captured.out, captured.err)


@pytest.fixture
def command(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> Command:
    """Commands without the settings of whoever runs the tests."""
    for name in os.environ:
        if name.upper().startswith("GATEWAY_"):
            monkeypatch.delenv(name)
    return Command(capsys, monkeypatch)


@contextmanager
def taken_port() -> Iterator[int]:
    """A port that another program listens on."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        yield listener.getsockname()[1]


def one_line(result: Result | subprocess.CompletedProcess[str]) -> str:
    """The only line of a refusal, after the program's name."""
    status, text = (result.status, result.err) if isinstance(result, Result) else (result.returncode, result.stderr)
    assert status == 2, text
    (line,) = text.splitlines()
    name, _, said = line.partition(": ")
    assert name == "apientreprise-gateway"
    return said


# Tokens.


def test_issue_and_inspect(command: Command) -> None:
    """A token that was issued is valid, and says what it was issued for."""
    issued = command(
        "token",
        "issue",
        "--scope",
        "open_data",
        "probtp",
        "--scope",
        "qualibat",
        "--subject",
        "Mairie d'Évry",
        jwt_secrets=SECRET,
    )
    assert (issued.status, issued.err) == (0, "")
    text = issued.out.strip()
    assert issued.out == f"{text}\n"
    inspected = command("token", "inspect", text)
    assert (inspected.status, inspected.err) == (0, "")
    shown = json.loads(inspected.out)
    assert shown["verdict"] == "valid"
    assert shown["claims"]["scopes"] == ["open_data", "probtp", "qualibat"]
    assert shown["claims"]["sub"] == "Mairie d'Évry"
    assert "Évry" in inspected.out
    assert shown["header"]["alg"] == "HS256"
    issued_at = datetime.fromisoformat(shown["issued"])
    assert datetime.fromisoformat(shown["expires"]) == default_expiry(issued_at)
    assert abs(datetime.now(UTC) - issued_at) < timedelta(minutes=1)


def test_first_secret_signs(command: Command) -> None:
    """Of several secrets the first signs."""
    issued = command("token", "issue", "--scope", "probtp", "--subject", "s", jwt_secrets=f"{SECRET},{SECRET[::-1]}")
    assert jwt.decode(issued.out.strip(), SECRET, algorithms=["HS256"])["sub"] == "s"


def test_issue_without_a_secret(command: Command) -> None:
    """Without a secret no token is issued."""
    assert one_line(command("token", "issue", "--scope", "probtp", "--subject", "s")).startswith(
        "GATEWAY_JWT_SECRETS: "
    )


def test_chosen_end(command: Command) -> None:
    """A token may end on an earlier day, at its first moment in UTC."""
    day = (datetime.now(UTC) + timedelta(days=30)).date()
    issued = command("token", "issue", "--scope", "probtp", "--subject", "s", "--expires", str(day), jwt_secrets=SECRET)
    end = jwt.decode(issued.out.strip(), SECRET, algorithms=["HS256"])["exp"]
    assert datetime.fromtimestamp(end, UTC).isoformat() == f"{day}T00:00:00+00:00"


def test_end_with_a_zone(command: Command) -> None:
    """An end that names its zone is that instant."""
    end = (datetime.now(UTC) + timedelta(days=30)).replace(microsecond=0)
    text = end.astimezone(datetime.strptime("+0500", "%z").tzinfo).isoformat()
    issued = command("token", "issue", "--scope", "probtp", "--subject", "s", "--expires", text, jwt_secrets=SECRET)
    assert jwt.decode(issued.out.strip(), SECRET, algorithms=["HS256"])["exp"] == end.timestamp()


@pytest.mark.parametrize("days", [-1, 551, 10_000])
def test_wrong_end(command: Command, days: int) -> None:
    """An end in the past, or more than 18 months ahead, is refused."""
    day = str((datetime.now(UTC) + timedelta(days=days)).date())
    refused = command("token", "issue", "--scope", "probtp", "--subject", "s", "--expires", day, jwt_secrets=SECRET)
    assert one_line(refused).startswith("--expires: ")
    assert refused.out == ""


@pytest.mark.parametrize("text", ["tomorrow", "2027-13-01", "01/02/2027", ""])
def test_end_that_is_no_date(command: Command, text: str) -> None:
    """What is no date is refused, with the spelling that is expected."""
    refused = command("token", "issue", "--scope", "probtp", "--subject", "s", "--expires", text, jwt_secrets=SECRET)
    assert refused.status == 2
    assert "YYYY-MM-DD" in refused.err


@pytest.mark.parametrize("arguments", [("--scope", "a"), ("--subject", "s"), ("--scope", "--subject", "s")])
def test_issue_for_nothing_or_nobody(command: Command, arguments: tuple[str, ...]) -> None:
    """A token is for somebody, and opens something."""
    assert command("token", "issue", *arguments, jwt_secrets=SECRET).status == 2


@pytest.mark.parametrize(
    ("text", "code"),
    [
        (token(exp=1), "00103"),
        (token(secret=SECRET[::-1]), "00101"),
        (token(jti="x"), "00101"),
        (token(iat=4_000_000_000), "00101"),
        (jwt.encode({"a": 1}, "", algorithm="none"), "00101"),
    ],
)
def test_inspect_what_is_not_valid(command: Command, text: str, code: str) -> None:
    """A token that is refused is shown all the same, with the answer that it gets."""
    inspected = command("token", "inspect", text, jwt_secrets=SECRET)
    assert inspected.status == 1
    assert json.loads(inspected.out)["verdict"] == f"refused with 401 {code}"


def test_inspect_what_is_revoked(command: Command, tmp_path: Path) -> None:
    """A token that the gateway's file revokes is not valid here."""
    path = tmp_path / "tokens.json"
    path.write_text(json.dumps({JTI: {"revoked_at": "2020-01-01T00:00:00Z"}}))
    inspected = command("token", "inspect", token(), jwt_secrets=SECRET, tokens=str(path))
    assert inspected.status == 1
    assert json.loads(inspected.out)["verdict"] == "refused with 401 00105"


def test_inspect_without_keys(command: Command) -> None:
    """Without keys a token is shown, and said not to be verified."""
    inspected = command("token", "inspect", token())
    assert inspected.status == 0
    assert json.loads(inspected.out)["verdict"].startswith("not verified")


@pytest.mark.parametrize("exp", ["soon", 1e300, -1e300, True, None, [], 4_000_000_000])
def test_inspect_any_instant(command: Command, exp: object) -> None:
    """A token with whatever as its end can be shown."""
    inspected = command("token", "inspect", jwt.encode({"exp": exp}, SECRET, algorithm="HS256"))
    assert json.loads(inspected.out)["claims"]["exp"] == exp


@pytest.mark.parametrize("text", ["", "x", "a.b.c", "é", "\udce9", jwt.PyJWS().encode(b"[]", SECRET)])
def test_inspect_what_is_no_token(command: Command, text: str) -> None:
    """What is no token at all is said to be none, in one line."""
    inspected = command("token", "inspect", text, jwt_secrets=SECRET)
    assert (inspected.status, inspected.out) == (1, "")
    assert inspected.err.startswith("apientreprise-gateway: this is no JWT")
    assert inspected.err.count("\n") == 1


# The catalogue, the OpenAPI file.


def test_catalogue_as_json(command: Command) -> None:
    """The endpoints, each with provider, limit, scopes, lifetime of answers; limits are those of the settings."""
    rows = json.loads(command("catalogue", "--json", limit_strict="7").out)
    assert [row["path"] for row in rows] == [endpoint.path for endpoint in ENDPOINTS]
    by_path = {row["path"]: row for row in rows}
    row = by_path["/v4/dgfip/unites_legales/{siren}/attestation_fiscale"]
    assert (row["provider"], row["answer"], row["group"]) == ("DGFIP - Adélie", "document", "attestation_fiscale")
    assert (row["limit"], row["seconds"], row["product"]) == (7, 60, "api_entreprise")
    assert row["scopes"] == ["attestations_fiscales", "attestation_fiscale_dgfip"]
    assert by_path["/v4/insee/sirene/unites_legales/{siren}"]["limit"] == 250
    students = by_path["/v3/mesri/statut_etudiant/ine"]
    assert (students["limit"], students["seconds"], students["product"]) == (20, 1, "api_particulier")
    assert row["cache"] == "jusqu'à 8 h, heure de Paris"
    assert by_path["/v2/entreprises/{siren}"]["cache"] is None


def test_catalogue_of_use_cases(command: Command) -> None:
    """The use cases of all products, each with its product, words and operations."""
    cases = json.loads(command("catalogue", "--use-cases").out)
    assert [case["key"] for case in cases] == [case.key for product in PRODUCTS for case in product.use_cases]
    assert cases[0]["product"] == "api_entreprise"
    assert "api_entreprise_v4_dgfip_attestations_fiscales" in cases[0]["operations"]


def test_catalogue_as_a_collection(command: Command) -> None:
    """The collection of a product, by either of its names."""
    whole = json.loads(command("catalogue", "--collection", "particulier").out)
    assert whole["info"]["name"] == "API Particulier"
    assert json.loads(command("catalogue", "--collection", "api_particulier").out) == whole
    assert "choose one of entreprise, particulier" in one_line(command("catalogue", "--collection", "autre"))


def test_catalogue_as_a_table(command: Command) -> None:
    """One line per endpoint under one of titles, in columns, without blanks at the end."""
    result = command("catalogue")
    assert (result.status, result.err) == (0, "")
    titles, *lines = result.out.splitlines()
    assert titles.split() == ["path", "provider", "answer", "group", "limit", "seconds", "scopes"]
    assert [line.split()[0] for line in lines] == [endpoint.path for endpoint in ENDPOINTS]
    column = titles.index("provider")
    assert {line[column - 2 : column] for line in lines} == {"  "}
    assert all(line == line.rstrip() for line in lines)


def test_openapi(command: Command) -> None:
    """The OpenAPI file, and nothing else."""
    result = command("openapi")
    assert (result.status, result.err) == (0, "")
    assert result.out == to_yaml(document(ENTREPRISE))
    assert command("openapi", "--product", "particulier").out == to_yaml(document(PRODUCTS[1]))
    assert json.loads(command("openapi", "--json", "--current").out) == document(ENTREPRISE, current=True)
    assert "choose one of entreprise, particulier" in one_line(command("openapi", "--product", "autre"))


@pytest.mark.parametrize("arguments", [["catalogue"], ["openapi"]])
def test_reader_has_seen_enough(arguments: list[str]) -> None:
    """A reader that goes away (`| head`) is no reason to complain."""
    reader, writer = os.pipe()
    os.close(reader)
    try:
        ended = subprocess.run(
            [sys.executable, "-m", "apientreprise_gateway", *arguments],
            env=programs.environment(),
            stdout=writer,
            stderr=subprocess.PIPE,
            check=False,
        )
    finally:
        os.close(writer)
    assert (ended.returncode, ended.stderr) == (1, b"")


# The journal.

KEY = "0a" * 32


@pytest.mark.parametrize(
    "spelling",
    [
        ["nomNaissance=Durand", "prenoms=Zoé,Anne", "dateNaissance=2001-07-04"],
        ["prenoms=Zoé", "prenoms=Anne", "dateNaissance=2001-07-04", "nomNaissance=Durand"],
        [
            "nomNaissance=Durand",
            "prenoms[]=Zoé",
            "prenoms[]=Anne",
            "anneeDateNaissance=2001",
            "moisDateNaissance=07",
            "jourDateNaissance=4",
        ],
    ],
)
def test_journal_digest(command: Command, monkeypatch: pytest.MonkeyPatch, spelling: list[str]) -> None:
    """However a civil status is written, as arguments or on standard input, its digest is that of its identity."""
    identity = Identity(birth_name="Durand", first_names=("Zoé", "Anne"), birth_year=2001, birth_month=7, birth_day=4)
    expected = f"{Pseudonyms(bytes.fromhex(KEY)).of(identity)}\n"
    assert command("journal", "digest", *spelling, pseudonym_key=KEY).out == expected
    monkeypatch.setattr("sys.stdin", io.StringIO("\n".join(spelling)))
    assert command("journal", "digest", pseudonym_key=KEY).out == expected


def test_journal_digest_of_a_number(command: Command) -> None:
    """A number alone is enough; its digest is another under another key."""
    first = command("journal", "digest", "ine=0123456789A", pseudonym_key=KEY)
    second = command("journal", "digest", "ine=0123456789A", pseudonym_key="0b" * 32)
    assert re.fullmatch(r"[0-9a-f]{64}\n", first.out)
    assert first.out != second.out


@pytest.mark.parametrize("given", [["nobody"], ["nom=DURAND"], ["ine=SECRET"], ["ine=0123456789A", "prenoms=SECRET"]])
def test_journal_digest_of_nobody(command: Command, given: list[str]) -> None:
    """What names nobody is refused in a line that repeats no value."""
    result = command("journal", "digest", *given, pseudonym_key=KEY)
    assert "SECRET" not in one_line(result)


def test_journal_digest_needs_the_key(command: Command) -> None:
    """Without the key the command says which setting is missing."""
    assert one_line(command("journal", "digest", "ine=0123456789A")).startswith("GATEWAY_PSEUDONYM_KEY: ")


# Check.


def test_check(command: Command) -> None:
    """A configuration that can be served is shown in full, but for its secrets."""
    result = command("check", jwt_secrets=f"{SECRET},{SECRET[::-1]}", upstream_url=UPSTREAM, limit_ip="77")
    assert (result.status, result.err) == (0, "")
    shown, _, advice = result.out.partition("\n\n")
    *lines, verdict = [*shown.splitlines(), *advice.splitlines()[-1:]]
    assert verdict == "This configuration can be served."
    assert {line.partition(" = ")[0] for line in lines} == {environment_name(field) for field in fields_of(PRODUCTS)}
    assert "\nGATEWAY_PSEUDONYM_KEY is not set: " in result.out
    assert "GATEWAY_LIMIT_IP = 77" in lines
    assert "GATEWAY_JWT_SECRETS = (2 set)" in lines
    assert SECRET not in result.out


def test_check_of_providers(command: Command) -> None:
    """What is set for single providers is shown in a line each, but for its secrets."""
    insee = {
        "base_url": "https://insee.example/x",
        "timeout": "2.5",
        "max_calls": "30",
        "proxy": f"http://us:{SECRET}@proxy.example",
        "auth__kind": "oauth2",
        "auth__token_url": "https://tokens.example",
        "auth__client_id": "us",
        "auth__client_secret": SECRET,
        "breaker__silent": "4",
        "maintenance": '[{"days": "sunday", "from": "22:00", "to": "06:00"}]',
    }
    settings = {f"providers__insee__{name}": value for name, value in insee.items()}
    result = command("check", jwt_secrets=SECRET, upstream_url=UPSTREAM, providers__rna__auth__kind="none", **settings)
    assert (result.status, result.err) == (0, "")
    lines = dict(line.partition(" = ")[::2] for line in result.out.splitlines())
    assert lines["GATEWAY_PROVIDERS"] == "insee, rna"
    assert lines["GATEWAY_PROVIDERS__INSEE"] == (
        "base_url https://insee.example/x; auth oauth2; timeout 2.5 s; max_calls 30; proxy (set); breaker silent 4; "
        "maintenance sunday 22:00 to 06:00"
    )
    assert lines["GATEWAY_PROVIDERS__RNA"] == "(nothing)"
    assert SECRET not in result.out


@pytest.mark.parametrize(
    ("settings", "name"),
    [
        ({"jwt_secrets": ""}, "GATEWAY_JWT_SECRETS"),
        ({"jwt_secrets": "short"}, "GATEWAY_JWT_SECRETS"),
        ({"upstream_url": ""}, "GATEWAY_UPSTREAM_URL"),
        ({"limit_ip": "0"}, "GATEWAY_LIMIT_IP"),
        ({"limit_jsn": "5"}, "GATEWAY_LIMIT_JSN"),
        ({"trusted_proxies": "*"}, "GATEWAY_TRUSTED_PROXIES"),
        ({"config": "/nowhere.toml"}, "GATEWAY_CONFIG"),
        ({"jwks": "/nowhere.json"}, "GATEWAY_JWKS"),
        ({"jwks": "wrong.json"}, "GATEWAY_JWKS"),
        ({"tokens": "wrong.json"}, "GATEWAY_TOKENS"),
        ({"access_log": "/nowhere/access.log"}, "GATEWAY_ACCESS_LOG"),
        ({"providers__inse__timeout": "1"}, "GATEWAY_PROVIDERS__INSE"),
        ({"providers__insee__timeout": "0"}, "GATEWAY_PROVIDERS__INSEE__TIMEOUT"),
        ({"providers__insee__ca": "wrong.json"}, "GATEWAY_PROVIDERS__INSEE"),
        ({"upstream_url": "", "providers__insee__base_url": UPSTREAM}, "GATEWAY_UPSTREAM_URL"),
    ],
)
def test_check_what_is_wrong(
    command: Command, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, settings: dict[str, str], name: str
) -> None:
    """A configuration that cannot be served is refused with one line, which names the setting."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "wrong.json").write_text("[]")
    result = command("check", **({"jwt_secrets": SECRET, "upstream_url": UPSTREAM} | settings))
    assert one_line(result).startswith(f"{name}: ")
    assert "can be served" not in result.out


def _rows(result: Result) -> list[list[str]]:
    """The table of an online check, as provider, source, status, milliseconds and problem."""
    lines = result.out.partition("This configuration can be served.\n\n")[2].splitlines()
    return [re.split(r" {2,}", line, maxsplit=4) for line in lines[1:-2]]


def test_check_online(command: Command, tmp_path: Path) -> None:
    """Every source is asked, those without a ping as well, and all of the sandbox answer."""
    with programs.sandbox(tmp_path) as providers:
        result = command("check", "--online", jwt_secrets=SECRET, upstream_url=providers.url, ping_probes="all")
    assert (result.status, result.err) == (0, "")
    rows = _rows(result)
    assert {row[0] for row in rows} == {provider.name for provider in PROVIDERS}
    assert {ping.key for provider in PROVIDERS for ping in provider.pings} < {row[1] for row in rows}
    # Where FranceConnect says who it is there is no example, so nobody is found.
    assert {(row[2], len(row)) for row in rows if not row[1].endswith("france_connect")} == {("ok", 4)}
    assert {row[2] for row in rows} == {"ok"}
    assert all(row[3].isdigit() for row in rows)
    assert result.out.endswith(f"\nAll {len(rows)} sources answer.\n")


def test_check_online_of_providers_that_are_away(command: Command) -> None:
    """Of a source that does not work the table says why, and the command fails."""
    result = command("check", "--online", jwt_secrets=SECRET, upstream_url=UPSTREAM, ping_probes="all")
    assert result.status == 1
    rows = _rows(result)
    assert {row[2] for row in rows} == {"bad_gateway"}
    insee = next(row for row in rows if row[1] == "insee/sirene")
    assert insee[4].startswith("01001 Le service du fournisseur INSEE est indisponible. (the connection was refused")
    assert result.out.endswith(f"\n{len(rows)} of {len(rows)} sources do not work.\n")


def test_check_online_asks_for_nobody_invented(command: Command) -> None:
    """A provider of people's data is asked for its example only where all may be; it is told how many were not."""
    with stub(always(answer(b"{}", status=404))) as provider:
        result = command("check", "--online", jwt_secrets=SECRET, upstream_url=provider.url)
        assert not [request for request in provider.requests if "MARTIN" in request]
    rows = _rows(result)
    asked = [row for row in rows if row[2] != "unknown"]
    names = {provider.name for provider in ENTREPRISE.providers}
    assert {row[0] for row in asked} == names
    assert result.out.endswith(f"\nAll {len(asked)} sources answer; {len(rows) - len(asked)} not asked.\n")


def test_check_online_with_credentials_that_are_refused(command: Command) -> None:
    """Of refused credentials the table says so, and shows neither them nor what the provider says of them."""
    words = b'{"message":"le jeton %s est inconnu"}' % SECRET.encode()
    with stub(always(answer(words, status=401))) as provider:
        result = command(
            *("check", "--online"),
            jwt_secrets=SECRET[::-1],
            upstream_url=provider.url,
            providers__insee__auth__kind="bearer",
            providers__insee__auth__token=SECRET,
        )
        assert [request for request in provider.requests if f"Authorization: Bearer {SECRET}\r\n" in request]
    assert result.status == 1
    insee = next(row for row in _rows(result) if row[1] == "insee/sirene")
    assert insee[4] == "01006 INSEE a refusé l'authentification de la passerelle."
    assert SECRET not in result.out + result.err


def test_check_online_of_providers_that_do_not_know_the_example(command: Command) -> None:
    """A provider that answers 404 works, but the table says so: a wrong address may look like that."""
    with stub(always(answer(b"{}", status=404))) as provider:
        result = command("check", "--online", jwt_secrets=SECRET, upstream_url=provider.url)
    assert result.status == 0
    insee = next(row for row in _rows(result) if row[1] == "insee/sirene")
    assert (insee[2], insee[4]) == ("ok", "01003 INSEE ne connaît pas l'entité demandée, ou n'a rien à son sujet.")


def test_check_online_in_maintenance(command: Command) -> None:
    """A provider in planned maintenance is not asked, and is not what makes the command fail."""
    year = datetime.now(UTC).year
    window = {"start": f"{year - 1}-01-01T00:00:00Z", "end": f"{year + 1}-12-31T00:00:00Z"}
    with stub(always(answer(b"{}", status=404))) as provider:
        result = command(
            *("check", "--online"),
            jwt_secrets=SECRET,
            upstream_url=provider.url,
            providers__insee__maintenance=json.dumps([window]),
        )
        assert not [request for request in provider.requests if "insee" in request]
    assert result.status == 0
    insee = next(row for row in _rows(result) if row[1] == "insee/sirene")
    assert (insee[2], insee[4]) == ("maintenance", "01020 Le service du fournisseur INSEE est en maintenance.")


def test_check_online_of_a_slow_provider(command: Command, tmp_path: Path) -> None:
    """All are asked at the same time: a check of slow providers takes no longer than one of them."""
    with programs.sandbox(tmp_path, "--latency-ms", "1500") as providers:
        begun = time.monotonic()
        result = command("check", "--online", jwt_secrets=SECRET, upstream_url=providers.url, ping_probes="all")
        seconds = time.monotonic() - begun
    assert result.status == 0
    assert all(int(row[3]) >= 1500 for row in _rows(result))
    assert seconds < 1.5 * len(_rows(result)) / 2


# Serve, and the sandbox.


def test_serve_without_a_secret() -> None:
    """There is no default secret: without one the gateway does not start."""
    assert one_line(programs.run("serve", upstream_url=UPSTREAM)).startswith("GATEWAY_JWT_SECRETS: ")


def test_serve_nobody() -> None:
    """Without the providers' address the gateway does not start."""
    assert one_line(programs.run("serve", jwt_secrets=SECRET)).startswith("GATEWAY_UPSTREAM_URL: ")


@pytest.mark.parametrize("workers", ["2", "0", "-1"])
def test_serve_with_workers(workers: str) -> None:
    """Limits in memory are those of one process: more are refused, and less than one as well."""
    refused = programs.run("serve", "--port", "0", "--workers", workers, jwt_secrets=SECRET, upstream_url=UPSTREAM)
    assert one_line(refused).startswith(f"--workers {workers}: ")


def test_serve_on_a_taken_port() -> None:
    """A port that another program has is refused with one line."""
    with taken_port() as port:
        refused = programs.run("serve", "--port", str(port), jwt_secrets=SECRET, upstream_url=UPSTREAM)
    assert one_line(refused).startswith(f"127.0.0.1:{port} cannot be used")


@pytest.mark.parametrize("port", ["65536", "-1"])
def test_serve_on_what_is_no_port(port: str) -> None:
    """A number that is no port is refused, not stumbled over."""
    refused = programs.run("serve", "--port", port, jwt_secrets=SECRET, upstream_url=UPSTREAM)
    assert refused.returncode == 2
    assert "Traceback" not in refused.stderr


def test_serve_metrics_on_a_taken_port() -> None:
    """A port for metrics that another program has is refused with one line, which names the setting."""
    with taken_port() as port:
        refused = programs.run(
            "serve", "--port", "0", jwt_secrets=SECRET, upstream_url=UPSTREAM, metrics_port=str(port)
        )
    assert one_line(refused).startswith("GATEWAY_METRICS_PORT: ")


def test_sandbox_on_a_taken_port() -> None:
    """The sandbox refuses a taken port in the same way."""
    with taken_port() as port:
        assert one_line(programs.run("sandbox", "--port", str(port))).startswith(f"127.0.0.1:{port} cannot be used")


@pytest.mark.parametrize("name", ["unknown", "", "Timeout"])
def test_unknown_fault(command: Command, name: str) -> None:
    """A fault that does not exist is refused, with those that do."""
    refused = command("sandbox", "--fault", name)
    assert refused.status == 2
    assert "is none of" in refused.err
    assert "timeout" in refused.err


@pytest.mark.parametrize("share", ["-0.1", "1.1", "nan", "often"])
def test_share_of_errors(command: Command, share: str) -> None:
    """A share of failing calls is a number from 0 to 1."""
    refused = command("sandbox", f"--error-rate={share}")
    assert refused.status == 2
    assert "--error-rate" in refused.err


# The program.


def test_version(command: Command) -> None:
    """The program tells its version."""
    assert command("--version").out == f"apientreprise-gateway {__version__}\n"


def test_as_a_module() -> None:
    """`python -m` is the same program."""
    assert programs.run("--version").stdout == f"apientreprise-gateway {__version__}\n"


@pytest.mark.parametrize(
    "arguments", [(), ("unknown",), ("token",), ("serve", "--unknown"), ("serve", "--port", "http")]
)
def test_unknown_commands(command: Command, arguments: tuple[str, ...]) -> None:
    """What cannot be run as asked ends with 2 and the usage."""
    refused = command(*arguments)
    assert (refused.status, refused.out) == (2, "")
    assert refused.err.startswith("usage: ")


@pytest.mark.parametrize(
    "arguments", [("--help",), ("serve", "--help"), ("token", "--help"), ("token", "issue", "--help")]
)
def test_help(command: Command, arguments: tuple[str, ...]) -> None:
    """Every command explains itself."""
    helped = command(*arguments)
    assert (helped.status, helped.err) == (0, "")
    assert helped.out.startswith("usage: ")
