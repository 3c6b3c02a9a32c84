"""A real nginx with the configuration that the project ships, in front of gateways on loopback."""

import os
import shutil
import ssl
import subprocess
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from string import Template

import httpx
import pytest

from support.certificates import Authority
from support.site import LONG
from support.stores import free_port, until

_FOLDER = Path(__file__).resolve().parents[2] / "deploy" / "nginx"
SHIPPED = _FOLDER / "gateway.conf.template"
SHIPPED_PORTAL = _FOLDER / "portal.conf.template"
_MAIN = """\
daemon off; pid $folder/nginx.pid; error_log $folder/error.log crit; $user
worker_processes 1;
events { worker_connections 1024; }
http {
    client_body_temp_path $folder/body; proxy_temp_path $folder/proxy; fastcgi_temp_path $folder/fastcgi;
    uwsgi_temp_path $folder/uwsgi; scgi_temp_path $folder/scgi;
    include $folder/gateway.conf;
}
"""


def nginx_server() -> str:
    """Path of the installed nginx; skips the test if there is none."""
    found = shutil.which("nginx", path=f"{os.environ.get('PATH', '')}:/usr/sbin")
    if found is None:
        pytest.skip("no nginx on this machine (Debian: apt-get install nginx)")
    return found


@dataclass
class Front:
    """A started nginx."""

    port: int
    tls: ssl.SSLContext
    folder: Path

    @property
    def url(self) -> str:
        """Its base URL."""
        return f"https://127.0.0.1:{self.port}"

    def client(self) -> httpx.Client:
        """A client that trusts its certificate."""
        return httpx.Client(base_url=self.url, verify=self.tls, timeout=LONG)

    def errors(self) -> str:
        """The content of its error log."""
        return (self.folder / "error.log").read_text()


@contextmanager
def front(folder: Path, *ports: int) -> Iterator[Front]:
    """Start nginx in front of two gateways, until the end of the block."""
    gateways = {f"GATEWAY_{place}": f"127.0.0.1:{gateway}" for place, gateway in enumerate(ports, start=1)}
    with _started(folder, SHIPPED, listen="LISTEN", port=free_port(), variables=gateways) as started:
        yield started


@contextmanager
def portal_front(folder: Path, portal: int, *, port: int) -> Iterator[Front]:
    """Start nginx on a port, in front of a portal on another, until the end of the block."""
    variables = {"PORTAL": f"127.0.0.1:{portal}"}
    with _started(folder, SHIPPED_PORTAL, listen="PORTAL_LISTEN", port=port, variables=variables) as started:
        yield started


@contextmanager
def _started(folder: Path, template: Path, *, listen: str, port: int, variables: Mapping[str, str]) -> Iterator[Front]:
    program = nginx_server()
    folder.mkdir()
    authority = Authority(folder)
    signed = authority.sign("tls")
    signed.certificate.rename(folder / "tls.crt")
    signed.key.rename(folder / "tls.key")
    variables = {listen: f"127.0.0.1:{port}", "CERTIFICATES": str(folder), **variables}
    # As envsubst does with a list of names: nginx's own variables are left alone.
    (folder / "gateway.conf").write_text(Template(template.read_text()).safe_substitute(variables))
    user = "user root;" if os.getuid() == 0 else ""
    (folder / "nginx.conf").write_text(Template(_MAIN).substitute(folder=folder, user=user))
    process = subprocess.Popen([program, "-p", str(folder), "-c", str(folder / "nginx.conf")], stderr=subprocess.PIPE)
    started = Front(port, ssl.create_default_context(cafile=str(authority.file)), folder)
    try:
        with started.client() as client:
            until(lambda: _answers(client, process), "nginx does not answer")
        yield started
    finally:
        process.terminate()
        _, complaint = process.communicate(timeout=LONG)
    assert process.returncode == 0, complaint


def _answers(client: httpx.Client, process: "subprocess.Popen[bytes]") -> bool:
    if process.poll() is not None:
        raise AssertionError(process.communicate()[1])
    try:
        return client.get("/readyz").status_code == 404
    except httpx.TransportError:
        return False
