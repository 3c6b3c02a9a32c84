"""Write a bill of materials (CycloneDX 1.6, JSON) of what a user installs.

    scripts/sbom.py [dist/sbom.cdx.json]

The gateway and the packages of requirements/run.txt are installed into an environment of their own, which is then
described: versions, licences, dependencies. The same lock file gives the same bytes, on the same platform and Python.
"""

import json
import subprocess
import sys
import sysconfig
import tempfile
from pathlib import Path
from typing import Any

from cyclonedx.schema import SchemaVersion
from cyclonedx.validation.json import JsonStrictValidator

ROOT = Path(__file__).resolve().parents[1]
NAME = "apientreprise-gateway"
LICENCES = {"pysimdjson": "MIT AND Apache-2.0"}
"""What the licence file of a package says whose description names no licence."""
UV = Path(sysconfig.get_path("scripts")) / "uv"


def _installed(place: Path) -> Path:
    """The interpreter of a new environment with the locked packages and the gateway."""
    python = place / "bin" / "python"
    install = [UV, "pip", "install", "--quiet", "--python", python]
    _run(UV, "venv", "--quiet", "--python", sys.executable, place)
    _run(*install, "--require-hashes", "-r", ROOT / "requirements" / "run.txt")
    _run(*install, "--no-deps", "--no-index", "--no-build-isolation", ROOT)
    return python


def _run(*command: str | Path) -> str:
    return subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True).stdout


def _described(python: Path) -> dict[str, Any]:
    """The bill of materials of an environment, with the gateway as its subject."""
    tool = [sys.executable, "-m", "cyclonedx_py", "environment", "--output-reproducible", "--spec-version", "1.6"]
    bill: dict[str, Any] = json.loads(_run(*tool, python))
    (ours,) = [each for each in bill["components"] if each["name"] == NAME]
    bill["components"].remove(ours)
    del ours["externalReferences"]  # the place where it was built
    bill["metadata"]["component"] = ours | {"type": "application"}
    for each in bill["components"]:
        if "licenses" not in each and each["name"] in LICENCES:
            each["licenses"] = [{"expression": LICENCES[each["name"]], "acknowledgement": "concluded"}]
    return bill


def main() -> None:
    """Write the bill, unless it is not valid."""
    target = Path(sys.argv[1]) if len(sys.argv) > 1 else ROOT / "dist" / "sbom.cdx.json"
    with tempfile.TemporaryDirectory() as folder:
        bill = _described(_installed(Path(folder) / "env"))
    text = json.dumps(bill, indent=2, sort_keys=True) + "\n"
    fault = JsonStrictValidator(SchemaVersion.V1_6).validate_str(text)
    if fault is not None:
        sys.exit(f"the bill of materials is not valid CycloneDX: {fault}")
    target.parent.mkdir(parents=True, exist_ok=True)
    target.write_text(text)
    print(f"{target}: {bill['metadata']['component']['version']} and {len(bill['components'])} packages")


if __name__ == "__main__":
    main()
