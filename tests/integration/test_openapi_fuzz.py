"""Every endpoint called as the OpenAPI files describe it, rightly and wrongly, by schemathesis."""

import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest

from apientreprise_gateway.controlplane import openapi
from apientreprise_gateway.providers.entreprise.product import ENTREPRISE
from apientreprise_gateway.providers.particulier.product import PARTICULIER
from apientreprise_gateway.providers.product import Product
from apientreprise_gateway.providers.products import PRODUCTS
from apientreprise_gateway.sandbox.france_connect import CLIENT, GATEWAY_KEY, INTROSPECTION, KEYS
from support import programs
from support.tokens import token

SECONDS = 300
"""What the run may take on a slow machine; it takes about 15."""
CHECKS = (
    "not_a_server_error",
    "status_code_conformance",
    "content_type_conformance",
    "response_schema_conformance",
    "unsupported_method",
)
ROOMY = {group.limit.setting: "100000000" for product in PRODUCTS for group in product.groups} | {
    "limit_ip": "100000000",
    "ip_allowlist": "127.0.0.1",
    "ping_probes": "all",
    "breaker": "off",
}


CLIENT_ID, CLIENT_SECRET = CLIENT


def told(product: Product) -> list[str]:
    """The paths to call: all, but of those about persons one of each family and form, as the others are alike."""
    endpoints = {
        (endpoint.operation if endpoint.person is None else endpoint.person.family, endpoint.flat): endpoint.path
        for endpoint in product.endpoints
    }
    pages = openapi.document(product)["paths"].keys() - {endpoint.path for endpoint in product.endpoints}
    return [*endpoints.values(), *sorted(pages)]


@pytest.fixture(scope="module")
def gateway(tmp_path_factory: pytest.TempPathFactory) -> Iterator[programs.Program]:
    """A gateway without limits in front of the sandbox, which plays FranceConnect as well."""
    tmp_path = tmp_path_factory.mktemp("fuzz")
    (tmp_path / "sandbox").mkdir()
    with programs.sandbox(tmp_path / "sandbox") as providers:
        key = tmp_path / "key.pem"
        key.write_bytes(httpx.get(providers.url + GATEWAY_KEY, timeout=SECONDS).raise_for_status().content)
        connected = {
            "france_connect_url": providers.url + INTROSPECTION,
            "france_connect_client_id": CLIENT_ID,
            "france_connect_client_secret": CLIENT_SECRET,
            "france_connect_key": str(key),
            "france_connect_jwks": providers.url + KEYS,
        }
        with programs.gateway(tmp_path, upstream=providers.url, **ROOMY, **connected) as started:
            yield started


@pytest.mark.parametrize(("product", "examples"), [(ENTREPRISE, 5), (PARTICULIER, 2)], ids=["companies", "persons"])
def test_no_server_error_and_no_undeclared_answer(
    product: Product, examples: int, gateway: programs.Program, tmp_path: Path
) -> None:
    """Whatever is generated from the document is answered as the document says, and never with a server error."""
    own = token(scopes=sorted(product.scopes))
    ways = {"jeton": ("bearer", own), "jeton_entete": ("api_key", own), "jeton_v2": ("api_key", own)}
    ways["france_connect"] = ("bearer", "fc-claire-martin")
    schemes = openapi.document(product)["components"]["securitySchemes"]
    (tmp_path / "schemathesis.toml").write_text(
        "".join(f'[auth.openapi.{name}]\n{kind} = "{text}"\n' for name, (kind, text) in ways.items() if name in schemes)
    )
    paths = told(product)
    specification = tmp_path / "openapi.yaml"
    specification.write_bytes(
        httpx.get(gateway.url + product.specification, timeout=SECONDS).raise_for_status().content
    )
    command = [
        *(str(Path(sys.executable).parent / "schemathesis"), "run", str(specification)),
        *("--url", gateway.url, *(word for path in paths for word in ("--include-path", path))),
        *("--request-timeout", "60"),
        *("--phases", "examples,coverage,fuzzing", "--mode", "all", "--max-examples", str(examples), "--seed", "1"),
        *("--checks", ",".join(CHECKS), "--suppress-health-check", "all", "--no-color"),
    ]
    run = subprocess.run(command, capture_output=True, text=True, timeout=SECONDS, check=False, cwd=tmp_path)
    assert run.returncode == 0, run.stdout[-5000:] + run.stderr[-2000:]
    assert f"Tested: {len(paths)}" in run.stdout
