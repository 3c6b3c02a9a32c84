"""`check`, `check --online` and the first words of a start, as an operator uses them."""

import json
import os
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from support import france_connect, programs
from support.issuer import Issuer, publishing
from support.site import LONG
from support.site import site as started
from support.stores import Replicated, Server, free_port, replicated, server, valkey_server
from support.stub import always, answer, stub
from support.tokens import SECRET

PASSWORD = "a:secret/of@redis"  # signs that a URL writes otherwise
QUOTED = "a%3Asecret%2Fof%40redis"


@pytest.fixture(scope="module")
def sandbox(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """The address of fictive providers."""
    with programs.sandbox(tmp_path_factory.mktemp("sandbox")) as providers:
        yield providers.url


@pytest.fixture(scope="module")
def guarded(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """A Redis with a password, and a user who may do little."""
    folder = tmp_path_factory.mktemp("guarded")
    with server(folder, valkey_server()) as store:
        store.command("ACL", "SETUSER", "reader", "on", f">{PASSWORD}", "~*", "&*", "+@read", "+ping", "+client")
        store.command("ACL", "SETUSER", "default", "resetpass", f">{PASSWORD}")
        yield store


def check(*arguments: str, **settings: str) -> tuple[int, str, str]:
    """Exit status, standard output and standard error of a check."""
    done = programs.run("check", *arguments, **({"jwt_secrets": SECRET} | settings))
    return done.returncode, done.stdout, done.stderr


def row(output: str, *words: str) -> str:
    """The one line of a table that has all of some words."""
    lines = [line for line in output.splitlines() if " = " not in line and " not work" not in line]
    (found,) = [line for line in lines if all(word in line for word in words)]
    return found


def test_what_is_named_is_shown(tmp_path: Path) -> None:
    """`check` shows where everything is, with no password, and asks nobody."""
    nowhere = free_port()
    status, output, errors = check(
        upstream_url=f"http://127.0.0.1:{nowhere}",
        redis_url=f"rediss+sentinel://gw:{QUOTED}@s1.example:26379,s2.example/main/3",
        cache="redis",
        cache_redis_url=f"redis://:{QUOTED}@cache.example:6380/1",
        jwks="https://issuer.example/jwks",
        documents=str(tmp_path / "documents"),
    )
    assert (status, errors) == (0, "")
    assert "GATEWAY_REDIS_URL = rediss+sentinel://gw:***@s1.example:26379,s2.example/main/3\n" in output
    assert "GATEWAY_CACHE_REDIS_URL = redis://:***@cache.example:6380/1\n" in output
    assert "GATEWAY_JWKS = https://issuer.example/jwks\n" in output
    assert f"GATEWAY_DOCUMENTS = {tmp_path / 'documents'}\n" in output
    assert "secret" not in output


def test_what_will_not_be_done(sandbox: str, tmp_path: Path) -> None:
    """`check` says what a gateway does without for lack of keys; with them it says nothing, nor shows them."""
    connected = france_connect.settings_in(tmp_path, url=f"{sandbox}/france_connect/introspection")
    given = {"upstream_url": sandbox, "redis_url": "redis://127.0.0.1:1", "cache": "redis"}
    status, output, _ = check(**given)
    assert status == 0
    assert "\nGATEWAY_PSEUDONYM_KEY is not set: " in output
    assert "\nGATEWAY_CACHE_KEYS is not set: answers about persons are not kept" in output
    assert "\nGATEWAY_FRANCE_CONNECT_URL is not set: calls with an access token" in output
    for unconcerned in (
        given | connected | {"pseudonym_key": "5e" * 32, "cache_keys": f"{'7d' * 32},{'9c' * 32}"},
        given | {"products": "entreprise"},
    ):
        status, output, _ = check(**unconcerned)
        assert status == 0
        assert "is not set" not in output
        assert not any(key in output for key in ("5e" * 32, "7d" * 32, "9c" * 32, france_connect.CLIENT[1]))


def test_all_that_works(sandbox: str, guarded: Server, tmp_path: Path) -> None:
    """`check --online` has a line for each service, and ends well if all answer."""
    issuer = Issuer()
    with publishing(issuer.published("one")) as keys:
        status, output, errors = check(
            "--online",
            upstream_url=sandbox,
            ping_probes="all",
            redis_url=f"redis://:{QUOTED}@127.0.0.1:{guarded.port}",
            cache="redis",
            cache_redis_url=f"redis://default:{QUOTED}@127.0.0.1:{guarded.port}/1",
            jwks=f"{keys.url}/jwks",
            documents=str(tmp_path / "documents"),
        )
    assert (status, errors) == (0, "")
    for words in (("GATEWAY_REDIS_URL",), ("GATEWAY_CACHE_REDIS_URL",), ("GATEWAY_JWKS",), ("GATEWAY_DOCUMENTS",)):
        assert " ok " in row(output, *words)
    assert "secret" not in output
    assert re.search(r"\nAll \d+ sources answer\.\n$", output)


REFUSED = {
    "no password": ("redis://127.0.0.1:{port}", "NOAUTH"),
    "a wrong one": ("redis://:wrong@127.0.0.1:{port}", "WRONGPASS"),
    "a wrong user": (f"redis://nobody:{QUOTED}@127.0.0.1:{{port}}", "WRONGPASS"),
    "a user who may not": (f"redis://reader:{QUOTED}@127.0.0.1:{{port}}", "NOPERM"),
}


@pytest.mark.parametrize("name", REFUSED)
def test_a_redis_that_refuses(sandbox: str, guarded: Server, tmp_path: Path, name: str) -> None:
    """What is wrong with user or password is said as such: by a check, by commands, and by a gateway that starts."""
    url, word = REFUSED[name]
    given = {"redis_url": url.format(port=guarded.port)}
    status, output, _ = check("--online", upstream_url=sandbox, **given)
    assert status == 1
    assert " failed " in row(output, "GATEWAY_REDIS_URL")
    assert word in row(output, "GATEWAY_REDIS_URL")
    assert output.splitlines()[-1].startswith("GATEWAY_REDIS_URL does not work; All ")
    if word != "NOPERM":
        listed = programs.run("bans", "list", **given)
        assert (listed.returncode, len(listed.stderr.splitlines())) == (2, 1)
        assert word in listed.stderr
        assert "Is it running" not in listed.stderr
    with started(tmp_path, **given) as site:
        (told,) = site.program.logged("store_mode", count=1)
        assert word in told["reason"]
        ready = site.client.get(f"{site.program.url}/readyz").json()
        assert ready["store"] == "local"
    assert PASSWORD not in output + site.program.errors.read_text()


def test_the_mode_of_the_store(guarded: Server, tmp_path: Path) -> None:
    """`/readyz` names the mode of the store."""
    with started(tmp_path) as site:
        assert site.client.get(f"{site.program.url}/readyz").json()["store"] == "memory"
    with started(tmp_path, redis_url=f"redis://:{QUOTED}@127.0.0.1:{guarded.port}") as site:
        assert site.client.get(f"{site.program.url}/readyz").json()["store"] == "shared"


def test_what_does_not_work(sandbox: str, tmp_path: Path) -> None:
    """Each service that fails has its line and its reason, and the check fails."""
    nowhere = free_port()
    folder = tmp_path / "documents"
    with stub(always(answer(b"{}", status=503))) as keys:
        status, output, _ = check(
            "--online",
            upstream_url=sandbox,
            redis_url=f"redis+sentinel://127.0.0.1:{nowhere}/main",
            cache="redis",
            cache_redis_url=f"redis://127.0.0.1:{nowhere}",
            jwks=f"{keys.url}/jwks",
            documents=str(folder),
        )
    assert status == 1
    for words in (
        ("GATEWAY_REDIS_URL", "  Sentinel 127"),
        ("GATEWAY_REDIS_URL", "  Redis redis+sentinel"),
        ("GATEWAY_CACHE_REDIS_URL",),
        ("GATEWAY_JWKS", "503"),
    ):
        assert " failed " in row(output, *words)
    assert " ok " in row(output, "GATEWAY_DOCUMENTS")
    last = output.splitlines()[-1]
    assert last.startswith("GATEWAY_CACHE_REDIS_URL, GATEWAY_JWKS, GATEWAY_REDIS_URL do not work; All ")


def test_sentinels(sandbox: str, tmp_path: Path) -> None:
    """Each Sentinel is asked for the service, and the master that they name."""
    with replicated(tmp_path, valkey_server()) as group:
        assert isinstance(group, Replicated)
        status, output, _ = check("--online", upstream_url=sandbox, redis_url=group.url)
        assert status == 0
        assert " ok " in row(output, f"Sentinel 127.0.0.1:{group.sentinel.port}")
        assert " ok " in row(output, "Redis redis+sentinel")
        status, output, _ = check("--online", upstream_url=sandbox, redis_url=group.url.replace("/main", "/other"))
        assert status == 1
        assert "other" in row(output, f"Sentinel 127.0.0.1:{group.sentinel.port}")


def test_a_bucket_that_is_away(sandbox: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """A bucket is asked as well."""
    for name, value in (("ENDPOINT_URL", f"http://127.0.0.1:{free_port()}"), ("ACCESS_KEY_ID", "key"), ("REGION", "r")):
        monkeypatch.setenv(f"AWS_{name}", value)
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "the-secret-of-s3")
    status, output, _ = check("--online", upstream_url=sandbox, documents="s3://a-bucket/x")
    assert status == 1
    assert " failed " in row(output, "GATEWAY_DOCUMENTS", "s3://a-bucket/x")
    assert "the-secret-of-s3" not in output


def test_maintenance_is_told_apart(sandbox: str) -> None:
    """Providers in maintenance are counted as such, neither as working nor as failing."""
    window = json.dumps([{"start": "2020-01-01T00:00:00Z", "end": "2099-01-01T00:00:00Z"}])
    status, output, _ = check("--online", upstream_url=sandbox, ping_probes="all", providers__insee__maintenance=window)
    assert status == 0
    sources = re.findall(r"^INSEE .* maintenance ", output, re.MULTILINE)
    assert sources
    assert re.search(rf"\n\d+ of \d+ sources answer; {len(sources)} in planned maintenance\.\n$", output)


@pytest.mark.parametrize(
    "reader", ["grep -v ' ok '", "tail -1", "head -1", "grep -q INSEE", "true", "grep -m1 insee/sirene"]
)
def test_a_check_in_a_pipe(sandbox: str, reader: str) -> None:
    """A check can be read by any program, also one that leaves before its end."""
    command = f"{sys.executable} -m apientreprise_gateway check --online | {reader}"
    environment = programs.environment(jwt_secrets=SECRET, upstream_url=sandbox, ping_probes="all")
    done = subprocess.run(
        ["bash", "-c", command], env=environment, capture_output=True, text=True, timeout=LONG * 2, check=False
    )
    assert (done.returncode, done.stderr) == (0, "")
    if reader == "tail -1":
        assert re.fullmatch(r"All \d+ sources answer\.\n", done.stdout)
    if reader.startswith("grep -v"):
        assert "insee/sirene" not in done.stdout


@pytest.mark.parametrize("command", ["catalogue", "openapi", "check"])
def test_a_reader_that_leaves_at_once(command: str) -> None:
    """Whatever a command prints, a reader that has gone is no error that is told."""
    environment = programs.environment(jwt_secrets=SECRET, upstream_url="http://127.0.0.1:1")
    reading, writing = os.pipe()
    os.close(reading)
    done = subprocess.run(
        [sys.executable, "-m", "apientreprise_gateway", command],
        env=environment,
        stdout=writing,
        stderr=subprocess.PIPE,
        timeout=LONG,
        check=False,
    )
    os.close(writing)
    assert (done.returncode, done.stderr) == (1, b"")


# What is wrong is told together.

WRONG: dict[str, tuple[dict[str, str], list[str]]] = {
    "two values": ({"limit_ip": "0", "window": "round"}, ["GATEWAY_LIMIT_IP", "GATEWAY_WINDOW"]),
    "a name and a value": ({"limit_jsn": "5", "limit_ip": "x"}, ["GATEWAY_LIMIT_JSN", "GATEWAY_LIMIT_IP"]),
    "two names": ({"limit_jsn": "5", "windo": "sliding"}, ["GATEWAY_LIMIT_JSN", "GATEWAY_WINDO"]),
    "two providers": (
        {"providers__insee__timeout": "0", "providers__rna__max_calls": "-1"},
        ["GATEWAY_PROVIDERS__INSEE__TIMEOUT", "GATEWAY_PROVIDERS__RNA__MAX_CALLS"],
    ),
    "nothing set": ({"jwt_secrets": "", "upstream_url": ""}, ["GATEWAY_JWT_SECRETS", "GATEWAY_UPSTREAM_URL"]),
    "a secret and TLS": (
        {"jwt_secrets": "short", "tls_key": "/etc/hostname"},
        ["GATEWAY_JWT_SECRETS", "GATEWAY_TLS_CERTIFICATE"],
    ),
    "two files": (
        {"tokens": "/etc/hostname", "jwks": "/etc/hostname"},
        ["GATEWAY_JWKS", "GATEWAY_TOKENS"],
    ),
}


@pytest.mark.parametrize("command", ["check", "serve"])
@pytest.mark.parametrize("name", WRONG)
def test_all_that_is_wrong_is_told(command: str, name: str) -> None:
    """One start tells everything that is wrong, each in a line of its own."""
    settings, names = WRONG[name]
    done = programs.run(command, **({"jwt_secrets": SECRET, "upstream_url": "http://127.0.0.1:1"} | settings))
    lines = done.stderr.splitlines()
    assert done.returncode == 2
    assert sorted(line.split(": ")[1] for line in lines) == sorted(names)
    assert all(line.startswith("apientreprise-gateway: ") for line in lines)


@pytest.mark.parametrize("level", ["debug", "Info", "WARNING", "error"])
def test_levels_of_the_log(level: str) -> None:
    """A level of the log may be written in any case."""
    status, output, _ = check(upstream_url="http://127.0.0.1:1", log_level=level)
    assert status == 0
    assert f"GATEWAY_LOG_LEVEL = {level.upper()}\n" in output
