"""The compose file describes a site whose parts fit together."""

import json
import os
import re
import shutil
import ssl
import subprocess
from ipaddress import ip_address, ip_network
from pathlib import Path
from typing import Any

import pytest
import yaml

from apientreprise_gateway.cli.main import make_parser
from apientreprise_gateway.database.url import parse_database_url
from apientreprise_gateway.portal.settings import load, require_for_serving
from support import programs
from support.programs import START_SECONDS
from support.prometheus import promtool
from support.tokens import SECRET

ROOT = Path(__file__).resolve().parents[2]
DEPLOY = ROOT / "deploy"
CERTIFICATES = "./certificates"
"""What is made on the machine, by `make-certificate`."""
GIVEN = {
    "GATEWAY_JWT_SECRETS": SECRET,
    "GRAFANA_PASSWORD": "a password",
    "JOURNAL_PASSWORD": "secret",
    "PORTAL_SECRET_KEYS": SECRET,
}
_VARIABLE = re.compile(r"\$(?:(\$)|\{(\w+)(?::([-?])([^}]*))?\})")


class _UnsetError(Exception):
    """A variable that must be set is not."""


def _interpolated(value: Any, given: dict[str, str]) -> Any:
    """Fill in variables as compose does."""

    def fill(found: re.Match[str]) -> str:
        dollar, name, rule, text = found.groups()
        if dollar:
            return "$"
        if rule == "?" and not given.get(name):
            raise _UnsetError(name)
        return given.get(name) or (text if rule == "-" else "")

    match value:
        case str():
            return _VARIABLE.sub(fill, value)
        case dict():
            return {key: _interpolated(each, given) for key, each in value.items()}
        case list():
            return [_interpolated(each, given) for each in value]
    return value


WRITTEN: dict[str, Any] = yaml.safe_load((DEPLOY / "compose.yaml").read_text())
FILE: dict[str, Any] = _interpolated(WRITTEN, GIVEN)
SERVICES: dict[str, dict[str, Any]] = FILE["services"]
GATEWAYS = ("gateway-1", "gateway-2")
TEMPLATE = (DEPLOY / "nginx" / "gateway.conf.template").read_text()
TEMPLATES = TEMPLATE + (DEPLOY / "nginx" / "portal.conf.template").read_text()


def _seconds(text: str) -> float:
    return float(text.removesuffix("s"))


def _address(service: str) -> str:
    return str(SERVICES[service]["networks"]["edge"]["ipv4_address"])


def test_it_follows_the_compose_specification() -> None:
    """Another reader of the specification accepts every line."""
    compose_spec = pytest.importorskip("compose_spec", reason="`make check` installs compose-spec")
    read = compose_spec.PyCompose.from_json(json.dumps(FILE))
    read.validate()
    assert set(read.service_names()) == set(SERVICES)
    compose_spec.ComposeSpecification.model_validate(FILE)


@pytest.mark.parametrize("missing", GIVEN)
def test_it_does_not_start_without_secrets(missing: str) -> None:
    """Neither the secret of the tokens nor a password has a default."""
    with pytest.raises(_UnsetError, match=missing):
        _interpolated(WRITTEN, {name: value for name, value in GIVEN.items() if name != missing})


@pytest.mark.parametrize("service", GATEWAYS)
def test_a_gateway_can_be_served_as_configured(service: str, tmp_path: Path) -> None:
    """The environment of each gateway is one that `check` accepts, its command one of ours."""
    settings = {
        name.removeprefix("GATEWAY_").lower(): value for name, value in SERVICES[service]["environment"].items()
    }
    targets = [Path(volume["target"]) for volume in SERVICES[service]["volumes"]]
    assert [Path(settings[name]).parent for name in ("documents", "access_log")] == targets
    settings |= {"documents": str(tmp_path / "documents"), "access_log": str(tmp_path / "access.log")}
    checked = programs.run("check", **settings)
    assert checked.returncode == 0, checked.stderr
    options = make_parser().parse_args(SERVICES[service]["command"])
    assert (options.host, options.port) == ("0.0.0.0", 8080)


def test_the_sandbox_is_where_the_gateways_look() -> None:
    """The sandbox's command is one of ours, on the port of the gateways' settings."""
    options = make_parser().parse_args(SERVICES["sandbox"]["command"])
    for gateway in GATEWAYS:
        assert SERVICES[gateway]["environment"]["GATEWAY_UPSTREAM_URL"] == f"http://sandbox:{options.port}"
        assert SERVICES[gateway]["environment"]["GATEWAY_REDIS_URL"] == "redis://redis:6379"


@pytest.mark.parametrize("service", SERVICES)
def test_every_service_is_confined(service: str) -> None:
    """No service can write to its image, gain rights, or fail unnoticed; what is not built here is pinned."""
    described = SERVICES[service]
    assert described["read_only"] is True
    assert described["cap_drop"] == ["ALL"]
    assert not described.get("cap_add")
    assert "no-new-privileges:true" in described["security_opt"]
    assert "healthcheck" in described or service in GATEWAYS, "the gateways' is in the image"
    assert not described.get("privileged")
    assert "build" in described or re.fullmatch(r"[a-z]+(/[a-z-]+)?:v?\d+\.\d+(\.\d+)?(-[a-z]+)?", described["image"])


def test_every_file_is_there() -> None:
    """What is mounted is in the project, or made by `make-certificate`; without it compose refuses to start."""
    binds = [mount for each in SERVICES.values() for mount in each.get("volumes", ()) if mount["type"] == "bind"]
    for mount in binds:
        assert mount["read_only"] is True
        if mount["source"] == CERTIFICATES:
            assert mount["bind"] == {"create_host_path": False}
        else:
            assert (DEPLOY / mount["source"]).is_dir()
    assert CERTIFICATES in {mount["source"] for mount in binds}
    named = {
        mount["source"] for each in SERVICES.values() for mount in each.get("volumes", ()) if mount["type"] == "volume"
    }
    assert named == set(FILE["volumes"])


def test_nginx_and_the_gateways_name_each_other() -> None:
    """nginx asks the gateways at their addresses, and they believe its address alone."""
    network = ip_network(FILE["networks"]["edge"]["ipam"]["config"][0]["subnet"])
    environment = SERVICES["nginx"]["environment"]
    for place, gateway in enumerate(GATEWAYS, start=1):
        assert environment[f"GATEWAY_{place}"] == f"{_address(gateway)}:8080"
        assert SERVICES[gateway]["environment"]["GATEWAY_TRUSTED_PROXIES"] == _address("nginx")
        assert SERVICES[gateway]["environment"]["GATEWAY_BAN_ACTION"] == "forbid"
    addresses = [_address(service) for service in ("nginx", *GATEWAYS)]
    assert len(set(addresses)) == len(addresses)
    assert all(ip_address(address) in network for address in addresses)


def test_the_journal_follows_what_the_gateways_write() -> None:
    """Each gateway has a file of its own, of which the follower frees what is stored, once the tables are made."""
    follower = SERVICES["journal"]
    options = make_parser().parse_args(follower["command"])
    written = [SERVICES[gateway]["environment"]["GATEWAY_ACCESS_LOG"] for gateway in GATEWAYS]
    assert [str(file) for file in options.files] == written
    assert len(set(written)) == len(GATEWAYS)
    (volume,) = follower["volumes"]
    assert options.free
    assert "read_only" not in volume
    for gateway in GATEWAYS:
        assert {(each["source"], each["target"]) for each in SERVICES[gateway]["volumes"]} >= {
            (volume["source"], volume["target"])
        }
    assert f"{volume['target']}\n" in (ROOT / "Dockerfile").read_text(), "a new volume gets the owner of that folder"
    assert follower["depends_on"] == {"journal-tables": {"condition": "service_completed_successfully"}}
    make_parser().parse_args(SERVICES["journal-tables"]["command"])


@pytest.mark.parametrize("service", ["journal", "journal-tables", "portal"])
def test_the_journal_is_given_its_database(service: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Its settings are accepted, and name the server, user and database that are made."""
    for name, value in SERVICES[service]["environment"].items():
        monkeypatch.setenv(name, value)
    url = parse_database_url(load().database_url.get_secret_value())
    made = SERVICES["postgres"]["environment"]
    names = ("POSTGRES_USER", "POSTGRES_PASSWORD", "POSTGRES_DB")
    assert [url.username, url.password, url.database] == [made[name] for name in names]
    assert url.host == "postgres"
    assert set(SERVICES[service]["networks"]) & set(SERVICES["postgres"]["networks"])


def test_the_portal_can_be_served_as_configured(monkeypatch: pytest.MonkeyPatch) -> None:
    """Its settings are accepted; nginx asks it at its address, and it believes nginx's alone."""
    described = SERVICES["portal"]
    for name, value in described["environment"].items():
        monkeypatch.setenv(name, value)
    options = make_parser().parse_args(described["command"])
    require_for_serving(load(), host=options.host)
    assert SERVICES["nginx"]["environment"]["PORTAL"] == f"{_address('portal')}:{options.port}"
    assert described["environment"]["PORTAL_TRUSTED_PROXIES"] == _address("nginx")
    assert described["environment"]["PORTAL_GATEWAY_URL"] == f"http://{_address('gateway-1')}:8080"


def test_nginx_is_given_what_its_template_needs() -> None:
    """Every variable of the templates is set, and the ports it listens on are those that are published."""
    environment = SERVICES["nginx"]["environment"]
    assert set(re.findall(r"\$\{(\w+)\}", TEMPLATES)) == set(environment)
    assert SERVICES["nginx"]["ports"] == [f"8443:{environment['LISTEN']}", f"8444:{environment['PORTAL_LISTEN']}"]
    mounts = {mount["target"]: mount["source"] for mount in SERVICES["nginx"]["volumes"]}
    assert mounts[environment["CERTIFICATES"]] == CERTIFICATES


def test_nothing_else_can_be_reached_from_outside() -> None:
    """nginx has a public port, Grafana one of this machine; the other services are on networks without a way out."""
    assert {name for name, each in SERVICES.items() if "ports" in each} == {"nginx", "grafana"}
    assert SERVICES["grafana"]["ports"] == ["127.0.0.1:3000:3000"]
    for name, each in SERVICES.items():
        if name not in ("nginx", "grafana"):
            assert all(FILE["networks"][network]["internal"] for network in each["networks"])


def test_a_gateway_is_given_the_time_to_stop() -> None:
    """The container is not killed before its last calls may end, and nginx closes idle connections first."""
    (kept,) = re.findall(r"^    keepalive_timeout (\d+)s;", TEMPLATE.partition("server {")[0], flags=re.MULTILINE)
    for gateway in GATEWAYS:
        environment = SERVICES[gateway]["environment"]
        needed = float(environment["GATEWAY_DRAIN_DELAY"]) + float(environment["GATEWAY_STOP_TIMEOUT"])
        assert _seconds(SERVICES[gateway]["stop_grace_period"]) >= needed + 5
        assert float(environment["GATEWAY_KEEP_ALIVE"]) > float(kept)


def test_prometheus_asks_both_gateways() -> None:
    """The targets are services of the site, and Grafana asks the Prometheus of the site."""
    configuration = yaml.safe_load((DEPLOY / "prometheus" / "prometheus.yml").read_text())
    jobs = {job["job_name"]: job["static_configs"][0]["targets"] for job in configuration["scrape_configs"]}
    ports = {gateway: SERVICES[gateway]["environment"]["GATEWAY_METRICS_PORT"] for gateway in GATEWAYS}
    assert jobs["gateway"] == [f"{gateway}:{port}" for gateway, port in ports.items()]
    assert jobs["portal"] == [f"portal:{SERVICES['portal']['environment']['PORTAL_METRICS_PORT']}"]
    assert jobs["journal"] == [f"journal:{SERVICES['journal']['environment']['PORTAL_METRICS_PORT']}"]
    (source,) = yaml.safe_load((DEPLOY / "grafana/provisioning/datasources/prometheus.yml").read_text())["datasources"]
    assert source["url"] == "http://prometheus:9090"
    for service in ("prometheus", "grafana"):
        assert "inside" in SERVICES[service]["networks"]
        assert all("inside" in SERVICES[gateway]["networks"] for gateway in GATEWAYS)


def test_prometheus_accepts_its_configuration() -> None:
    """promtool reads the configuration, with the rules that are shipped."""
    command = [promtool(), "check", "config", str(DEPLOY / "prometheus" / "prometheus.yml")]
    done = subprocess.run(command, capture_output=True, text=True, timeout=START_SECONDS, check=False)
    assert done.returncode == 0, done.stdout + done.stderr


def test_the_certificate_is_for_the_names_given(tmp_path: Path) -> None:
    """`make-certificate` writes a pair that TLS accepts, for every name and address that it is told."""
    if shutil.which("openssl") is None:
        pytest.skip("no openssl on this machine (Debian: apt-get install openssl)")
    subprocess.run(
        [DEPLOY / "make-certificate", "gateway.example", "127.0.0.1"],
        env=os.environ | {"CERTIFICATES": str(tmp_path)},
        check=True,
        capture_output=True,
        timeout=START_SECONDS,
    )
    server = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    server.load_cert_chain(tmp_path / "tls.crt", tmp_path / "tls.key")
    for name in ("gateway.example", "127.0.0.1"):
        _shake_hands(server, ssl.create_default_context(cafile=str(tmp_path / "tls.crt")), name)
    with pytest.raises(ssl.SSLCertVerificationError):
        _shake_hands(server, ssl.create_default_context(cafile=str(tmp_path / "tls.crt")), "other.example")


def _shake_hands(server: ssl.SSLContext, client: ssl.SSLContext, name: str) -> None:
    """Let two ends agree, in memory."""
    there, back = ssl.MemoryBIO(), ssl.MemoryBIO()
    ends = [client.wrap_bio(back, there, server_hostname=name), server.wrap_bio(there, back, server_side=True)]
    while ends:
        for end in list(ends):
            try:
                end.do_handshake()
            except ssl.SSLWantReadError:
                continue
            ends.remove(end)
