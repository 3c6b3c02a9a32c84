"""A real provider of OpenID Connect: the npm package `oidc-provider`, which ProConnect is made with.

Its packages are those of `tests/portal/oidc/package-lock.json`, installed once into a folder of this user.
"""

import hashlib
import json
import os
import shutil
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any, Final
from urllib.parse import parse_qs, urlsplit

import httpx
import pytest

FOLDER: Final = Path(__file__).parents[1] / "portal" / "oidc"
SECRET: Final = "a secret of the portal with the provider, long enough for HS256"
_FILES: Final = ("package.json", "package-lock.json")
_INSTALL_SECONDS: Final = 300


def installed() -> Path:
    """The folder with the packages; skips the test if they cannot be had."""
    npm = shutil.which("npm")
    if npm is None or shutil.which("node") is None:
        pytest.skip(
            "no Node.js on this machine (Debian: apt-get install nodejs npm): logins by ProConnect are not tested"
        )
    digest = hashlib.sha256(b"".join((FOLDER / name).read_bytes() for name in _FILES)).hexdigest()[:16]
    place = Path(tempfile.gettempdir()) / f"apientreprise-gateway-tests-{os.geteuid()}" / f"oidc-{digest}"
    if not place.exists():
        place.parent.mkdir(mode=0o700, exist_ok=True)
        with tempfile.TemporaryDirectory(dir=place.parent) as name:
            new = Path(name) / "new"
            new.mkdir()
            for each in _FILES:
                shutil.copy(FOLDER / each, new)
            command = [npm, "ci", "--ignore-scripts", "--no-audit", "--no-fund", "--loglevel=error"]
            done = subprocess.run(
                command, cwd=new, capture_output=True, text=True, timeout=_INSTALL_SECONDS, check=False
            )
            if done.returncode != 0:
                pytest.skip(f"npm cannot install the provider of the tests: {done.stderr.strip()[:200]}")
            with suppress(OSError):  # another process was faster
                new.rename(place)
    shutil.copy(FOLDER / "provider.mjs", place)
    return place


class OidcServer:
    """A running provider, and a browser at it."""

    def __init__(self, port: int) -> None:
        self.issuer = f"http://127.0.0.1:{port}"

    def settings(self, algorithm: str = "es256") -> dict[str, Any]:
        """The settings of a portal that is a client of it."""
        return {
            "proconnect_issuer": self.issuer,
            "proconnect_client_id": f"portal-{algorithm}",
            "proconnect_client_secret": SECRET,
        }

    def log_in(self, url: str, outcome: dict[str, Any]) -> str:
        """Follow a link to the provider as a person who logs in, or fails to; where the browser is sent back to."""
        with httpx.Client() as browser:
            answer = browser.get(url)
            for _ in range(6):
                where = httpx.URL(url).join(answer.headers["location"])
                if str(where).startswith("https://portail.test"):
                    return str(where)
                if where.path.startswith("/interaction/"):
                    where = where.copy_merge_params({"outcome": json.dumps(outcome)})
                answer = browser.get(where)
        raise AssertionError(f"the provider did not send the browser back: {answer.status_code} {answer.text[:300]}")


def query_of(url: str) -> dict[str, str]:
    """The parameters of a URL."""
    return {name: values[0] for name, values in parse_qs(urlsplit(url).query).items()}


@contextmanager
def oidc_server(portal: str) -> Iterator[OidcServer]:
    """A provider that knows a portal, until the end of the block."""
    place = installed()
    callbacks = ",".join(
        f"{portal}/auth/proconnect_api_{product}/callback" for product in ("entreprise", "particulier")
    )
    command = ["node", "provider.mjs", SECRET, callbacks, f"{portal}/apres-deconnexion"]
    with subprocess.Popen(
        command, cwd=place, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True
    ) as process:
        assert process.stdin is not None
        assert process.stdout is not None
        try:
            yield OidcServer(int(process.stdout.readline()))
        finally:
            process.stdin.close()
            process.wait()
