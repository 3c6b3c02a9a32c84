"""The wheel is what a user installs: built from the sdist, put into an empty environment, run from there."""

import os
import re
import subprocess
import sys
import sysconfig
import tarfile
import tomllib
import zipfile
from collections.abc import Mapping
from pathlib import Path

import httpx
import pytest

from apientreprise_gateway import __version__
from support.programs import START_SECONDS, environment
from support.site import LONG, wait_until
from support.tokens import SECRET

ROOT = Path(__file__).resolve().parents[2]
SOURCE = ROOT / "src"
_UNREACHABLE = ("dns error", "Failed to fetch", "client error (Connect)")


def _build(kind: str, project: Path, target: Path) -> Path:
    """Build with the backend of this environment: nothing is downloaded."""
    command = [sys.executable, "-m", "hatchling", "build", "-t", kind, "-d", str(target)]
    subprocess.run(command, cwd=project, check=True, capture_output=True, timeout=START_SECONDS)
    (built,) = target.iterdir()
    return built


@pytest.fixture(scope="module")
def sdist(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The built sdist."""
    return _build("sdist", ROOT, tmp_path_factory.mktemp("sdist"))


@pytest.fixture(scope="module")
def unpacked(sdist: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The project as the sdist has it."""
    folder = tmp_path_factory.mktemp("unpacked")
    subprocess.run(["tar", "-xf", str(sdist), "-C", str(folder)], check=True)
    (project,) = folder.iterdir()
    return project


@pytest.fixture(scope="module")
def wheel(unpacked: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The wheel, built from what the sdist has and nothing else."""
    return _build("wheel", unpacked, tmp_path_factory.mktemp("wheel"))


@pytest.fixture(scope="module")
def installed(wheel: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The program of an environment in which there is the wheel, the locked packages, and no more."""
    place = tmp_path_factory.mktemp("installed") / "env"
    uv = Path(sysconfig.get_path("scripts")) / "uv"
    _run(str(uv), "venv", "--quiet", "--python", sys.executable, str(place))
    install = (str(uv), "pip", "install", "--quiet", "--python", str(place / "bin" / "python"))
    locked = _run(*install, "--require-hashes", "-r", str(ROOT / "requirements" / "run.txt"), check=False)
    if locked.returncode and any(sign in locked.stderr for sign in _UNREACHABLE):
        pytest.skip("the locked packages are neither in uv's cache nor to be had: no network")
    assert locked.returncode == 0, locked.stderr
    _run(*install, "--no-deps", "--no-index", str(wheel))
    _run(str(uv), "pip", "check", "--quiet", "--python", str(place / "bin" / "python"))
    return place / "bin" / "apientreprise-gateway"


def _run(
    *command: str, check: bool = True, cwd: Path | None = None, settings: Mapping[str, str] | None = None
) -> subprocess.CompletedProcess[str]:
    kept = _clean(**(settings or {}))
    done = subprocess.run(
        command, cwd=cwd, env=kept, capture_output=True, text=True, timeout=START_SECONDS * 10, check=False
    )
    assert not check or done.returncode == 0, done.stdout + done.stderr
    return done


def _clean(**settings: str) -> dict[str, str]:
    """An environment that leads to no other Python."""
    given = environment(**settings)
    return {name: value for name, value in given.items() if name not in ("PYTHONPATH", "VIRTUAL_ENV")}


def test_the_wheel_has_every_file_of_the_package(wheel: Path) -> None:
    """Schemas, Lua scripts and tables are in the wheel as well as modules, and nothing that is not in the source."""
    with zipfile.ZipFile(wheel) as archive:
        packed = {name for name in archive.namelist() if not name.split("/")[0].endswith(".dist-info")}
    there = {
        str(path.relative_to(SOURCE))
        for path in SOURCE.rglob("*")
        if path.is_file() and "__pycache__" not in path.parts
    }
    # The guide is packed from the documentation, as the portal shows it.
    settings = tomllib.loads((ROOT / "pyproject.toml").read_text())["tool"]["hatch"]["build"]["targets"]["wheel"]
    pages = set()
    for name, target in settings["force-include"].items():
        source = ROOT / name
        found = [source] if source.is_file() else source.rglob("*.md")
        pages |= {str(Path(target) / each.relative_to(source)) for each in found}
    assert packed == there | pages
    assert {Path(name).suffix for name in packed} >= {".py", ".yaml", ".lua", ".tsv"}


def test_the_sdist_has_what_is_needed_and_no_more(sdist: Path) -> None:
    """The sdist has all that the project is run, tested, built and deployed with, and no keys or local files."""
    with tarfile.open(sdist) as archive:
        names = {name.partition("/")[2] for name in archive.getnames()}
    folders = {"bench", "deploy", "docs", "examples", "requirements", "scripts", "src", "tests"}
    assert {name.split("/")[0] for name in names if "/" in name} == folders
    pages = {"README.md", "CHANGELOG.md", "SECURITY.md", "LICENSE", "openapi.yaml", "openapi-particulier.yaml"}
    files = {"pyproject.toml", "Makefile", "Dockerfile", ".dockerignore", ".gitignore", "PKG-INFO"}
    assert {name for name in names if "/" not in name} == pages | files
    assert not [name for name in names if name.endswith((".key", ".pem", ".crt", ".pyc"))]


def test_links_lead_to_what_is_in_the_sdist(unpacked: Path) -> None:
    """Every file and section of ours that a page of the sdist links to is in the sdist."""
    missing, count = [], 0
    for page in [*unpacked.glob("*.md"), *(unpacked / "docs").rglob("*.md"), *(unpacked / "bench").glob("*.md")]:
        for link, section in re.findall(r"\]\(([^)#\s]*)(?:#([^)\s]+))?\)", page.read_text()):
            if "://" in link:
                continue
            count += 1
            target = page if not link else page.parent / link
            if not target.exists() or (section and section not in _anchors(target)):
                missing.append(f"{page.relative_to(unpacked)}: {link}#{section}")
    assert missing == []
    assert count > 100


def _anchors(page: Path) -> set[str]:
    """What a link into a page may name: its headings, as GitHub writes them."""
    headings = re.findall(r"^#+ (.+)$", page.read_text(), re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-") for heading in headings}


def test_the_sdist_can_be_worked_with(unpacked: Path) -> None:
    """The sdist's own tests run in it, and make finds what its targets are made from."""
    for target in ("run", "test", "check", "docs", "bench", "sbom"):
        _run("make", "--dry-run", target, cwd=unpacked)
    command = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", "tests/unit/test_docs.py"]
    own = {"PYTHONPATH": str(unpacked / "src"), "PYTHONDONTWRITEBYTECODE": "1"}
    done = subprocess.run(
        command,
        cwd=unpacked,
        env=environment() | own,
        capture_output=True,
        text=True,
        timeout=START_SECONDS,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr


def test_the_installed_program_says_its_version(installed: Path, tmp_path: Path) -> None:
    """The program of the wheel runs where there is no source."""
    assert _run(str(installed), "--version", cwd=tmp_path).stdout == f"apientreprise-gateway {__version__}\n"


def test_the_installed_demo_answers(installed: Path, tmp_path: Path) -> None:
    """The demonstration of the wheel prints a call that works, with the token and the fictive providers it brings."""
    output = tmp_path / "output"
    with output.open("wb") as out:
        process = subprocess.Popen([str(installed), "demo", "--port", "0"], cwd=tmp_path, env=_clean(), stdout=out)
    try:
        wait_until(lambda: "Ctrl+C" in output.read_text() or process.poll() is not None)
        found = re.search(r"curl -i -H '([^:]+): ([^']+)' '([^']+)'", output.read_text())
        assert found is not None, output.read_text()
        answer = httpx.get(found[3], headers={found[1]: found[2]}, timeout=LONG)
        assert (answer.status_code, answer.json()["data"]["siren"]) == (200, "130025265")
    finally:
        process.terminate()
        assert process.wait(START_SECONDS) == 0


def test_the_installed_program_finds_its_data(installed: Path, tmp_path: Path) -> None:
    """A configuration with Redis, a cache and a dialect is found fit to be served, for which the data are read."""
    settings = {
        "jwt_secrets": SECRET,
        "upstream_url": "http://127.0.0.1:1",
        "redis_url": "redis://127.0.0.1:1",
        "cache": "redis",
        "providers__insee__dialect": "sirene-3.11",
    }
    checked = _run(str(installed), "check", cwd=tmp_path, settings=settings)
    assert checked.stdout.endswith("This configuration can be served.\n")
    assert _run(str(installed), "openapi", cwd=tmp_path).stdout == (ROOT / "openapi.yaml").read_text()
    assert os.listdir(tmp_path) == []
