"""The servers that are compared: the gateway, and its peers in `peers/`, all started for the same work."""

import contextlib
import re
from collections.abc import Iterator
from importlib.util import find_spec
from pathlib import Path
from typing import Final

from testbed import (
    BIN,
    HERE,
    LIMIT,
    SECRET,
    Server,
    Testbed,
    filled,
    free_port,
    in_nginx,
    own_certificate,
    say,
    started,
)

from support.certificates import Signed

GATEWAY: Final = "gateway"
NGINX: Final = "nginx + Lua"
FASTAPI: Final = "FastAPI + httpx"
SERVERS: Final = (GATEWAY, NGINX, FASTAPI)
_LUA: Final = Path("/usr/lib/nginx/modules/ngx_http_lua_module.so")
_LIBRARIES: Final = (
    "fastapi",
    "httpx",
    "httptools",
    "jwt",
    "prometheus_client",
    "redis",
    "structlog",
    "uvicorn",
    "uvloop",
)
_PACKAGES: Final = "nginx libnginx-mod-http-lua lua-resty-core lua-resty-lrucache lua-cjson"


def available() -> list[str]:
    """The servers that can run here, in the order of tables; what is missing for another is said."""
    missing = {}
    if not _LUA.exists():
        missing[NGINX] = f"its module is not installed. On Debian: sudo apt-get install {_PACKAGES}"
    if packages := [name for name in _LIBRARIES if find_spec(name) is None]:
        missing[FASTAPI] = f"{', '.join(packages)} not installed; .venv/bench.stamp is the target that does it"
    for name, reason in missing.items():
        say(f"Without {name}: {reason}")
    return [name for name in SERVERS if name not in missing]


@contextlib.contextmanager
def serving(name: str, testbed: Testbed, *, signed: Signed | None = None) -> Iterator[Server]:
    """Run one of the servers; with a certificate, it speaks HTTPS."""
    if name == GATEWAY:
        with testbed.gateway(**own_certificate(signed)) as server, _without_log(testbed.folder / "gateway-access.log"):
            yield server
        return
    folder, port = testbed.folder / re.sub(r"\W+", "-", name), free_port()
    folder.mkdir(exist_ok=True)
    log = folder / "access.log"
    command = _nginx(testbed, folder, port, signed) if name == NGINX else _fastapi(port, signed)
    env = {
        "SECRET": SECRET,
        "LIMIT": str(LIMIT),
        "REDIS_PORT": str(testbed.redis_port),
        "UPSTREAM": testbed.upstream,
        "ACCESS_LOG": str(log),
    }
    if testbed.authority:
        env["AUTHORITY"] = str(testbed.authority)
    scheme = "https" if signed else "http"
    with started(command, folder, port=port, cpu="0", env=env, scheme=scheme) as server, _without_log(log):
        yield server


@contextlib.contextmanager
def _without_log(path: Path) -> Iterator[None]:
    """Remove an access log in the end: those of all rounds together have gigabytes."""
    try:
        yield
    finally:
        path.unlink(missing_ok=True)


def _nginx(testbed: Testbed, folder: Path, port: int, signed: Signed | None) -> list[str]:
    scheme, _, upstream = testbed.upstream.partition("://")
    configuration = filled(
        "nginx.conf",
        folder,
        script=testbed.store().script_load((HERE / "peers/window.lua").read_text()),
        port=port,
        redis=testbed.redis_port,
        scheme=scheme,
        upstream=upstream,
        ssl="ssl" if signed else "",
        tls=in_nginx(signed),
        authority=f"proxy_ssl_trusted_certificate {testbed.authority};" if testbed.authority else "",
    )
    return ["nginx", "-c", str(configuration)]


def _fastapi(port: int, signed: Signed | None) -> list[str]:
    command = [str(BIN / "uvicorn"), "fastapi_httpx:app", "--app-dir", str(HERE / "peers"), "--port", str(port)]
    command += ["--no-access-log", "--loop", "uvloop", "--http", "httptools"]
    return command + (["--ssl-certfile", str(signed.certificate), "--ssl-keyfile", str(signed.key)] if signed else [])
