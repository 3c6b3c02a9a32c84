"""What is installed can be listed and looked up: the bill of materials, and the audit of the locked packages."""

import json
import os
import re
import runpy
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from apientreprise_gateway import __version__
from support.programs import START_SECONDS

ROOT = Path(__file__).resolve().parents[2]
LOCKED = ROOT / "requirements" / "run.txt"
UNREACHABLE = ("dns error", "Failed to fetch", "client error (Connect)")
FREE = {
    "Apache-2.0",
    "BSD-2-Clause",
    "BSD-3-Clause",
    "LGPL-3.0-only",  # psycopg: a library that whoever runs us may replace, as it lies beside our code
    "MIT",
    "MIT-0",
    "MPL-2.0",
    "PSF-2.0",
    "License :: OSI Approved :: Apache Software License",
    "License :: OSI Approved :: BSD License",
    "License :: OSI Approved :: Mozilla Public License 2.0 (MPL 2.0)",
}
"""Licences under which a package may be given on with ours (MIT), as it is."""

Verdict = Callable[[str, list[dict[str, Any]]], tuple[int, str]]


@pytest.fixture(scope="module")
def bill(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    """The bill of materials that `make sbom` writes."""
    pytest.importorskip("cyclonedx_py", reason="`make check` installs cyclonedx-bom")
    target = tmp_path_factory.mktemp("bill") / "sbom.cdx.json"
    done = _script("sbom.py", str(target))
    if done.returncode and any(sign in done.stderr for sign in UNREACHABLE):
        pytest.skip("the locked packages are neither in uv's cache nor to be had: no network")
    assert done.returncode == 0, done.stderr
    written: dict[str, Any] = json.loads(target.read_text())
    return written


def _script(name: str, *arguments: str, **variables: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, str(ROOT / "scripts" / name), *arguments],
        env=os.environ | variables,
        capture_output=True,
        text=True,
        timeout=START_SECONDS * 10,
        check=False,
    )


def _name(written: str) -> str:
    return re.sub(r"[-_.]+", "-", written).lower()


def test_the_bill_lists_what_is_locked(bill: dict[str, Any]) -> None:
    """The bill has the packages of the lock file that are for this platform, in their versions, and no other."""
    requirements = pytest.importorskip("packaging.requirements")
    lines = re.findall(r"^([a-z][^\\]*==[^\\]+?) *\\$", LOCKED.read_text(), re.MULTILINE)
    locked = [requirements.Requirement(line) for line in lines]
    here = {(_name(each.name), str(each.specifier)) for each in locked if not each.marker or each.marker.evaluate()}
    assert {(_name(each["name"]), f"=={each['version']}") for each in bill["components"]} == here
    assert len(here) > 30


def test_the_bill_is_the_gateways(bill: dict[str, Any]) -> None:
    """It says of what it is the bill, and what that depends on, all the way; nothing tells where it was written."""
    ours = bill["metadata"]["component"]
    assert (ours["name"], ours["version"], ours["type"]) == ("apientreprise-gateway", __version__, "application")
    needs = {each["ref"]: each.get("dependsOn", []) for each in bill["dependencies"]}
    reached, left = set(), [ours["bom-ref"]]
    while left:
        reference = left.pop()
        if reference not in reached:
            reached.add(reference)
            left += needs[reference]
    assert reached == {each["bom-ref"] for each in [ours, *bill["components"]]}
    assert str(ROOT) not in json.dumps(bill)
    assert "file:" not in json.dumps(bill)


def test_every_licence_may_be_given_on(bill: dict[str, Any]) -> None:
    """Every package says under which licence it is, and all of them are free ones without conditions for our code."""
    for package in bill["components"]:
        said = [
            each.get("expression") or each["license"].get("id") or each["license"]["name"]
            for each in package["licenses"]
        ]
        names = {name for text in said for name in _licences(text)}
        assert names, package["name"]
        assert names <= FREE, package["name"]


def _licences(text: str) -> list[str]:
    """The licences that an expression names; a classifier is one."""
    return [text] if "::" in text else [word for word in re.findall(r"[\w.-]+", text) if word not in ("AND", "OR")]


def test_an_audit_that_nobody_answers_is_no_success() -> None:
    """Without a vulnerability service the audit fails and says so, for each service and in the end."""
    pytest.importorskip("pip_audit", reason="`make check` installs pip-audit")
    nowhere = "http://127.0.0.1:1"
    done = _script("audit.py", str(LOCKED), HTTPS_PROXY=nowhere, HTTP_PROXY=nowhere, https_proxy=nowhere, NO_PROXY="")
    assert (done.returncode, done.stdout) == (2, "")
    lines = done.stderr.splitlines()
    assert [line.split(":")[0] for line in lines] == ["pypi does not answer", "osv does not answer", "NOT AUDITED"]


@pytest.fixture
def verdict() -> Verdict:
    """What the audit makes of an answer."""
    found: Verdict = runpy.run_path(str(ROOT / "scripts" / "audit.py"))["verdict"]
    return found


CLEAN = {"name": "a", "version": "1", "vulns": []}
HIT = {
    "name": "b",
    "version": "2",
    "vulns": [{"id": "PYSEC-1", "fix_versions": ["3"]}, {"id": "X", "fix_versions": []}],
}
UNKNOWN = {"name": "c", "skip_reason": "not found"}


def test_a_vulnerability_fails_the_audit(verdict: Verdict) -> None:
    """Each vulnerability is a line with the version that corrects it, and the status says so before all else."""
    status, text = verdict("osv", [CLEAN, HIT, UNKNOWN])
    assert status == 1
    assert text.splitlines() == [
        "b 2: PYSEC-1, corrected in 3",
        "b 2: X, not corrected yet",
        "osv: 2 packages looked up, 2 known vulnerabilities",
        "osv does not know 1: c",
    ]


def test_a_package_that_was_not_looked_up_fails_the_audit(verdict: Verdict) -> None:
    """Only an answer about every package is a success."""
    assert verdict("pypi", [CLEAN, UNKNOWN])[0] == 2
    assert verdict("pypi", [CLEAN]) == (0, "pypi: 1 packages looked up, 0 known vulnerabilities")
