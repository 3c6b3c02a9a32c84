"""Look up known vulnerabilities of every locked package.

    scripts/audit.py [requirements/run.txt ...]

Exit status 0: each was looked up, and none has a known vulnerability. 1: some have. 2: some could not be looked up.
"""

import json
import subprocess
import sys
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any, NamedTuple

ROOT = Path(__file__).resolve().parents[1]
SERVICES = ("pypi", "osv")
"""Vulnerability services, in the order in which they are tried: PyPI's own data, then OSV."""
CLEAN, VULNERABLE, UNKNOWN = range(3)


class Verdict(NamedTuple):
    """The exit status of an audit, and the text that it prints."""

    status: int
    text: str


def verdict(service: str, dependencies: Iterable[Mapping[str, Any]]) -> Verdict:
    """The verdict on a service's answer about some packages."""
    known = [each for each in dependencies if "skip_reason" not in each]
    unknown = sorted(each["name"] for each in dependencies if "skip_reason" in each)
    lines = [
        f"{each['name']} {each['version']}: {found['id']}, {_remedy(found['fix_versions'])}"
        for each in known
        for found in each["vulns"]
    ]
    status = VULNERABLE if lines else CLEAN
    lines.append(f"{service}: {len(known)} packages looked up, {len(lines)} known vulnerabilities")
    if unknown:
        lines.append(f"{service} does not know {len(unknown)}: {', '.join(unknown)}")
        status = status or UNKNOWN
    return Verdict(status, "\n".join(lines))


def _remedy(versions: list[str]) -> str:
    return f"corrected in {', '.join(versions)}" if versions else "not corrected yet"


def _ask(service: str, files: Iterable[str]) -> list[dict[str, Any]]:
    """The answer of a service about the packages of some files; empty if it does not answer, or knows none of them."""
    given = [argument for file in files for argument in ("-r", file)]
    command = ["--disable-pip", "--require-hashes", "--progress-spinner", "off", "--format", "json", "--desc", "off"]
    done = subprocess.run(
        [sys.executable, "-m", "pip_audit", "--vulnerability-service", service, *command, *given],
        capture_output=True,
        text=True,
        check=False,
    )
    if not done.stdout:
        reasons = [line for line in done.stderr.splitlines() if line.strip()]
        print(f"{service} does not answer: {reasons[-1] if reasons else 'no reason given'}", file=sys.stderr)
        return []
    dependencies: list[dict[str, Any]] = json.loads(done.stdout)["dependencies"]
    if all("skip_reason" in each for each in dependencies):
        print(f"{service} knows none of {len(dependencies)} packages: a mirror without such data?", file=sys.stderr)
        return []
    return dependencies


def main() -> None:
    """Ask each service in turn until one answers."""
    files = sys.argv[1:] or sorted(str(path) for path in (ROOT / "requirements").glob("*.txt"))
    for service in SERVICES:
        # First about one file: a service that knows none of its packages need not be asked about the others.
        if not _ask(service, files[-1:]):
            continue
        status, text = verdict(service, _ask(service, files))
        print(text)
        sys.exit(status)
    print(
        f"NOT AUDITED: no vulnerability service answers from here ({', '.join(SERVICES)}). Run it where one can be "
        "reached.",
        file=sys.stderr,
    )
    sys.exit(UNKNOWN)


if __name__ == "__main__":
    main()
