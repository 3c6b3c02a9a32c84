"""The image is built and run by rules that can be checked without a container engine."""

import json
import re
import shlex
import shutil
import subprocess
import sys
import sysconfig
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

import httpx
import pytest

from support import programs, stores
from support.certificates import Authority
from support.fleet import Gateway
from support.programs import START_SECONDS, environment
from support.site import GOOD, LONG, PDF, VIGILANCE, fresh
from support.stub import stub
from support.tokens import SECRET

ROOT = Path(__file__).resolve().parents[2]


class Step(NamedTuple):
    """An instruction of the Dockerfile."""

    name: str
    text: str

    def words(self) -> list[str]:
        """Its arguments."""
        return json.loads(self.text) if self.text.startswith("[") else shlex.split(self.text)


def _steps() -> list[Step]:
    lines = [line for line in (ROOT / "Dockerfile").read_text().splitlines() if not line.startswith("#")]
    joined = re.sub(r"\\\n\s*", " ", "\n".join(lines))
    return [Step(*line.split(maxsplit=1)) for line in joined.splitlines() if line]


STEPS = _steps()
FINAL = STEPS[max(place for place, step in enumerate(STEPS) if step.name == "FROM") :]
"""What the image that is run is made of."""


def _only(name: str) -> Step:
    (step,) = [step for step in FINAL if step.name == name]
    return step


def test_hadolint_has_nothing_to_say() -> None:
    """The linter of Dockerfiles finds nothing, at its strictest."""
    linter = Path(sysconfig.get_path("scripts")) / "hadolint"
    if not linter.exists():
        pytest.skip("hadolint is not installed (`make check` installs it)")
    done = subprocess.run(
        [linter, "--failure-threshold", "style", "Dockerfile"], cwd=ROOT, capture_output=True, text=True, check=False
    )
    assert (done.returncode, done.stdout) == (0, "")


def test_images_are_pinned() -> None:
    """Every stage begins with the one image whose tag is a full version of the Python that the tests run on."""
    (image,) = [step.text.removeprefix("PYTHON_IMAGE=") for step in STEPS if step.name == "ARG"]
    assert {step.words()[0] for step in STEPS if step.name == "FROM"} == {"${PYTHON_IMAGE}"}
    found = re.fullmatch(r"python:(\d+)\.(\d+)\.\d+-slim-[a-z]+", image)
    assert found, "a name without a host, and a full version"
    assert (int(found[1]), int(found[2])) >= (3, 11)


def test_packages_are_locked() -> None:
    """What pip installs has its hash in the lock file, or is the wheel that was built here."""
    installs = [
        command
        for step in STEPS
        if step.name == "RUN"
        for command in step.text.split("&&")
        if "pip --python" in command
    ]
    assert len(installs) == 2
    assert all("--require-hashes" in command or "--no-index --no-deps dist/" in command for command in installs)


def test_it_does_not_run_as_root() -> None:
    """The image's user is a number that is not root's, which Kubernetes can check."""
    user, _, group = _only("USER").text.partition(":")
    assert int(user) > 0
    assert int(group) > 0


def test_there_is_no_secret_in_it() -> None:
    """No setting is baked in: they come when it is started."""
    assert "GATEWAY_" not in "\n".join(step.text for step in STEPS if step.name != "HEALTHCHECK")


def test_it_listens_where_it_says() -> None:
    """The command is one of ours, and its port the one that is exposed and asked for health."""
    program, command = _only("ENTRYPOINT").words(), _only("CMD").words()
    assert program == ["apientreprise-gateway"]
    assert command == ["serve", "--host", "0.0.0.0", "--port", _only("EXPOSE").text]
    assert f"'127.0.0.1', {_only('EXPOSE').text}" in _only("HEALTHCHECK").text
    assert _only("STOPSIGNAL").text == "SIGTERM"


def test_what_is_copied_is_there() -> None:
    """The build needs no file that .dockerignore keeps out, and .dockerignore lets nothing else in."""
    let_in = {
        line.removeprefix("!") for line in (ROOT / ".dockerignore").read_text().splitlines() if line.startswith("!")
    }
    copied = {
        source
        for step in STEPS
        if step.name == "COPY" and not step.text.startswith("--from")
        for source in step.words()[:-1]
    }
    assert copied == let_in
    assert all((ROOT / path).exists() for path in copied)
    assert "*" in (ROOT / ".dockerignore").read_text().splitlines()


@pytest.fixture
def provider() -> Iterator[str]:
    """The address of a provider."""
    with stub(GOOD) as started:
        yield started.url


def _healthy(port: int, **settings: str) -> bool:
    text = _only("HEALTHCHECK").text
    command: list[str] = json.loads(text[text.index("CMD") + 3 :])
    assert command[0] == "python"
    command = [part.replace(_only("EXPOSE").text, str(port)) for part in command[1:]]
    done = subprocess.run(
        [sys.executable, *command], capture_output=True, env=environment(**settings), timeout=START_SECONDS, check=False
    )
    return done.returncode == 0


_READ_ONLY = """
mount --bind "$WRITABLE" "$WRITABLE" || exit 99
while read -r _ target _; do
    [ "$target" = "$WRITABLE" ] || mount -o remount,bind,ro "$target" 2>/dev/null
done < /proc/self/mounts
for place in / /var/tmp "$PROJECT"; do
    touch "$place/written" 2>/dev/null && exit 98
done
exec "$@"
"""
"""What `--read-only` does: no file can be written but in one place. For a shell with a file system of its own."""


def _read_only(writable: Path, *command: str) -> list[str]:
    unshare = shutil.which("unshare")
    if unshare is None or subprocess.run([unshare, "-rm", "true"], capture_output=True, check=False).returncode:
        pytest.skip("this system gives nobody a file system of their own (unshare)")
    place = [f"WRITABLE={writable}", f"PROJECT={ROOT}"]
    return [unshare, "-rm", "env", *place, "sh", "-c", _READ_ONLY, "sh", *command]


def test_it_writes_to_two_places(tmp_path: Path, provider: str) -> None:
    """Two workers answer, keep a document and give it out on a file system that is read-only but for both places."""
    writable = tmp_path / "writable"
    (writable / "tmp").mkdir(parents=True)
    settings = {"jwt_secrets": SECRET, "upstream_url": provider, "documents": str(writable / "documents")}
    serve = (sys.executable, "-m", "apientreprise_gateway", "serve", "--port", "0", "--workers", "2")
    output, errors = tmp_path / "output", tmp_path / "errors"
    with stores.server(tmp_path, stores.valkey_server()) as store, output.open("wb") as out, errors.open("wb") as err:
        process = subprocess.Popen(
            _read_only(writable, *serve),
            env=environment(redis_url=store.url, **settings)
            | {"TMPDIR": str(writable / "tmp"), "PYTHONDONTWRITEBYTECODE": "1", "HOME": "/nonexistent"},
            stdout=out,
            stderr=err,
        )
        gateway = Gateway(process, 0, output, errors, workers=2)
        try:
            gateway.wait_ready()
            assert gateway.ask(token=fresh()).status == 200
            link = gateway.ask(token=fresh(), path=VIGILANCE, headers={"Host": f"127.0.0.1:{gateway.port}"})
            assert httpx.get(link.json["data"]["document_url"], timeout=LONG).content == PDF
            assert {path.name for path in writable.iterdir()} == {"documents", "tmp"}
        finally:
            gateway.end()
    assert process.returncode == 0
    assert "Read-only" not in errors.read_text()


def test_the_health_check_says_what_readyz_says(tmp_path: Path, provider: str) -> None:
    """The image's health check succeeds while the gateway is ready, and fails while it is not."""
    with programs.gateway(tmp_path, upstream=provider, store_failure="refuse") as ready:
        assert _healthy(ready.port)
        ready.stop()
        assert not _healthy(ready.port), "nobody listens"
    (tmp_path / "secured").mkdir()
    shown = Authority(tmp_path).sign("server", names=["gateway.example"])
    tls = {"tls_certificate": str(shown.certificate), "tls_key": str(shown.key)}
    with programs.gateway(tmp_path / "secured", upstream=provider, **tls) as ready:
        assert _healthy(ready.port, **tls)
        ready.stop()
        assert not _healthy(ready.port, **tls)
    (tmp_path / "keyless").mkdir()
    keyless = {"jwks": "http://127.0.0.1:1/jwks", "jwt_secrets": ""}
    with programs.gateway(tmp_path / "keyless", upstream=provider, **keyless) as unready:
        assert not _healthy(unready.port), "it has no keys yet"
