"""Every endpoint called as openapi.yaml describes it, rightly and wrongly, by schemathesis."""

import subprocess
import sys
from pathlib import Path

from apientreprise_gateway import openapi
from apientreprise_gateway.providers import PROVIDERS
from support import programs

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
)


def test_no_server_error_and_no_undeclared_answer(tmp_path: Path) -> None:
    """Whatever is generated from the document is answered as the document says, and never with a server error."""
    with programs.start(tmp_path, "demo", **ROOMY) as demo:
        token = demo.output.read_text().partition("Bearer ")[2].partition("'")[0]
        command = [
            *(str(Path(sys.executable).parent / "schemathesis"), "run", f"{demo.url}/openapi.yaml"),
            *("--url", demo.url, "--header", f"Authorization: Bearer {token}"),
            *("--phases", "examples,coverage,fuzzing", "--mode", "all", "--max-examples", "5", "--seed", "1"),
            *("--checks", ",".join(CHECKS), "--suppress-health-check", "all", "--no-color"),
        ]
        run = subprocess.run(command, capture_output=True, text=True, timeout=SECONDS, check=False, cwd=tmp_path)
    assert run.returncode == 0, run.stdout[-5000:] + run.stderr[-2000:]
    assert f"Tested: {len(openapi.document(PROVIDERS)['paths'])}" in run.stdout
