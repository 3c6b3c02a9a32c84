"""Every endpoint called as openapi.yaml describes it, rightly and wrongly, by schemathesis."""

import subprocess
import sys
from pathlib import Path

import httpx

from apientreprise_gateway.controlplane import openapi
from apientreprise_gateway.providers.entreprise.product import ENTREPRISE
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
ROOMY = dict.fromkeys(
    ("limit_ip", "limit_json", "limit_documents", "limit_strict", "limit_effectifs", "limit_agefiph"), "100000000"
) | {"ip_allowlist": "127.0.0.1", "ping_probes": "all", "breaker": "off"}


def test_no_server_error_and_no_undeclared_answer(tmp_path: Path) -> None:
    """Whatever is generated from the document is answered as the document says, and never with a server error."""
    (tmp_path / "sandbox").mkdir()
    with (
        programs.sandbox(tmp_path / "sandbox") as providers,
        programs.gateway(tmp_path, upstream=providers.url, **ROOMY) as gateway,
    ):
        document = tmp_path / "openapi.yaml"
        document.write_bytes(httpx.get(f"{gateway.url}/openapi.yaml", timeout=SECONDS).content)
        command = [
            *(str(Path(sys.executable).parent / "schemathesis"), "run", str(document)),
            *("--request-timeout", str(SECONDS)),
            *("--url", gateway.url, "--header", f"Authorization: Bearer {token()}"),
            *("--phases", "examples,coverage,fuzzing", "--mode", "all", "--max-examples", "5", "--seed", "1"),
            *("--checks", ",".join(CHECKS), "--suppress-health-check", "all", "--no-color"),
        ]
        run = subprocess.run(command, capture_output=True, text=True, timeout=SECONDS, check=False, cwd=tmp_path)
    assert run.returncode == 0, run.stdout[-5000:] + run.stderr[-2000:]
    assert f"Tested: {len(openapi.document(ENTREPRISE)['paths'])}" in run.stdout
