"""Set-up of benchmarks: Redis, a provider, servers pinned to a CPU, and their use of CPU and memory.

The server under test runs on CPU 0, all else on the others. CPU time is read from /proc for the server's whole process
tree: of all figures it depends least on other work of the machine.
"""

import contextlib
import json
import os
import platform
import random
import shutil
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

import httpx
import redis

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "tests"))

from support.certificates import Authority
from support.tokens import SECRET, token

HERE = Path(__file__).resolve().parent
BIN = Path(sys.executable).parent
LIMIT = 100_000_000
"""Calls per minute, more than any benchmark makes: limits are counted, never reached."""
QUERY = "?context=aides+publiques&object=dossier-42&recipient=13002526500013"
PATH = "/v3/insee/sirene/unites_legales/130025265" + QUERY
BODY = json.dumps(
    {
        "data": {
            "siren": "130025265",
            "rna": None,
            "siret_siege_social": "13002526500013",
            "type": "personne_morale",
            "personne_morale_attributs": {"raison_sociale": "COOPERATIVE DES TROIS VALLONS", "sigle": "C3V"},
            "personne_physique_attributs": dict.fromkeys(("pseudonyme", "prenom_usuel", "nom_usage", "sexe")),
            "categorie_entreprise": "PME",
            "status_diffusion": "diffusible",
            "diffusable_commercialement": True,
            "forme_juridique": {"code": "5710", "libelle": "SAS, société par actions simplifiée"},
            "activite_principale": {"code": "10.39B", "libelle": "Conservation de fruits", "nomenclature": "NAFRev2"},
            "tranche_effectif_salarie": {
                "code": "12", "intitule": "20 à 49 salariés", "date_reference": "2023", "de": 20, "a": 49
            },
            "etat_administratif": "A",
            "economie_sociale_et_solidaire": True,
            "date_creation": 1238976000,
            "date_cessation": None,
        },
        "links": {"siege_social": "https://exemple.test/v3/insee/sirene/etablissements/13002526500013"},
        "meta": {"date_derniere_mise_a_jour": 1739232000, "redirect_from_siren": None},
    },
    ensure_ascii=False,
)  # fmt: skip


class MissingToolError(Exception):
    """A program that a benchmark needs is not installed."""


def need(*tools: str) -> None:
    """Check that programs are installed.

    Raises:
        MissingToolError: some are not; the text names all of them, and the remedy.
    """
    packages = {"wrk": "wrk", "nginx": "nginx libnginx-mod-http-lua lua-resty-core lua-resty-lrucache lua-cjson"}
    missing = [tool for tool in tools if shutil.which(tool) is None and not (BIN / tool).exists()]
    if missing:
        names = " ".join(packages.get(tool, tool) for tool in missing)
        raise MissingToolError(f"{', '.join(missing)} missing. On Debian: sudo apt-get install {names}")


def machine() -> str:
    """The machine, the Python and the date of the figures, as one line."""
    model = next(
        (line.split(":")[1].strip() for line in Path("/proc/cpuinfo").read_text().splitlines() if "model name" in line),
        platform.machine(),
    )
    return f"{model}, {os.cpu_count()} CPUs, Python {platform.python_version()}, {time.strftime('%F')}"


def free_port() -> int:
    """A port that nobody listens on, below the range from which the system takes ports for outgoing connections."""
    while True:
        port = random.randrange(20_000, 32_000)
        with socket.socket() as each, contextlib.suppress(OSError):
            each.bind(("127.0.0.1", port))
            return port


def say(text: str) -> None:
    """Show progress on standard error."""
    print(text, file=sys.stderr, flush=True)


@dataclass
class Server:
    """A running server under test."""

    process: subprocess.Popen[bytes]
    port: int
    folder: Path

    @property
    def url(self) -> str:
        """Its base URL."""
        return f"http://127.0.0.1:{self.port}"

    def tree(self) -> list[int]:
        """The ids of its processes."""
        parents: dict[int, list[int]] = {}
        for stat in Path("/proc").glob("[0-9]*/stat"):
            with contextlib.suppress(OSError):
                parents.setdefault(int(_fields(stat)[1]), []).append(int(stat.parent.name))
        found, todo = [], [self.process.pid]
        while todo:
            found.append(todo.pop())
            todo += parents.get(found[-1], [])
        return found

    def cpu(self) -> float:
        """CPU seconds that its processes have used."""
        total = 0
        for pid in self.tree():
            with contextlib.suppress(OSError):
                fields = _fields(Path(f"/proc/{pid}/stat"))
                total += int(fields[11]) + int(fields[12])
        return total / os.sysconf("SC_CLK_TCK")

    def memory(self) -> float:
        """MiB of memory of its processes together."""
        return sum(self.memories().values())

    def memories(self) -> dict[int, float]:
        """MiB of memory of each of its processes, by id."""
        sizes = {}
        for pid in self.tree():
            with contextlib.suppress(OSError):
                pages = int(Path(f"/proc/{pid}/statm").read_text().split()[1])
                sizes[pid] = pages * os.sysconf("SC_PAGE_SIZE") / 2**20
        return sizes


def _fields(stat: Path) -> list[str]:
    return stat.read_text().rsplit(")", 1)[1].split()


@contextlib.contextmanager
def started(
    command: list[str], folder: Path, *, port: int, cpu: str, env: Mapping[str, str] | None = None, seconds: float = 30
) -> Iterator[Server]:
    """Run a server on these CPUs until the end of the block."""
    folder.mkdir(parents=True, exist_ok=True)
    with (folder / "output").open("ab") as output:
        process = subprocess.Popen(
            ["taskset", "-c", cpu, *command],
            stdout=output,
            stderr=subprocess.STDOUT,
            env=_clean_environment() | dict(env or {}),
            start_new_session=True,
        )
    try:
        _wait(process, port, folder, seconds)
        yield Server(process, port, folder)
    finally:
        with contextlib.suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGTERM)
        try:
            process.wait(15)
        except subprocess.TimeoutExpired:
            os.killpg(process.pid, signal.SIGKILL)
            process.wait()


def _clean_environment() -> dict[str, str]:
    return {name: value for name, value in os.environ.items() if not name.startswith("GATEWAY_")}


def _wait(process: subprocess.Popen[bytes], port: int, folder: Path, seconds: float) -> None:
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        if process.poll() is not None:
            break
        with socket.socket() as probe:
            if probe.connect_ex(("127.0.0.1", port)) == 0:
                return
        time.sleep(0.01)
    raise RuntimeError(f"nothing listens on {port}: {(folder / 'output').read_text()[-2000:]}")


def _wait_for_answer(url: str, *, seconds: float = 30) -> None:
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        with contextlib.suppress(httpx.HTTPError):
            if httpx.get(url, timeout=seconds).is_success:
                return
        time.sleep(0.05)
    raise RuntimeError(f"{url} does not answer")


def filled(template: str, folder: Path, **values: object) -> Path:
    """A configuration file with its blanks filled in, in a folder of its own."""
    folder.mkdir(parents=True, exist_ok=True)
    text = (HERE / "peers" / template).read_text()
    for name, value in {"folder": folder, "limit": LIMIT, "secret": SECRET, **values}.items():
        text = text.replace(f"@{name.upper()}@", str(value))
    path = folder / template
    path.write_text(text)
    return path


@dataclass
class Testbed:
    """Redis, and a provider that answers at once."""

    folder: Path
    redis_port: int
    upstream_port: int
    cpus: str
    """The CPUs that the server under test does not run on, as `taskset` takes them."""
    upstream_tls: bool
    """Whether the provider speaks HTTPS."""

    @property
    def upstream(self) -> str:
        """The base URL of the provider."""
        return f"http{'s' if self.upstream_tls else ''}://127.0.0.1:{self.upstream_port}"

    def tls_settings(self, *, tls: bool) -> dict[str, str]:
        """What a gateway must be told for TLS: of the provider's authority, and of its own certificate if `tls`."""
        settings = {"providers__insee__ca": str(self.folder / "ca.pem")} if self.upstream_tls else {}
        if tls:
            settings |= {"tls_certificate": str(self.folder / "tls.pem"), "tls_key": str(self.folder / "tls.key")}
        return settings

    def store(self) -> "redis.Redis":
        """A client of its Redis."""
        return redis.Redis(port=self.redis_port)

    @contextlib.contextmanager
    def gateway(self, *, workers: int = 1, cpu: str = "0", **settings: str) -> Iterator[Server]:
        """Run the gateway as in production: every check, header, metric and access line, but no cache."""
        port = free_port()
        given = {
            "jwt_secrets": SECRET,
            "redis_url": f"redis://127.0.0.1:{self.redis_port}",
            "upstream_url": self.upstream,
            "access_log": str(self.folder / "gateway-access.log"),
            "limit_ip": str(LIMIT),
            "limit_json": str(LIMIT),
        } | settings
        command = [str(BIN / "apientreprise-gateway"), "serve", "--port", str(port), "--workers", str(workers)]
        env = {f"GATEWAY_{name.upper()}": value for name, value in given.items()}
        with started(command, self.folder / "gateway", port=port, cpu=cpu, env=env) as server:
            # The socket accepts connections before the workers answer.
            _wait_for_answer(f"{server.url}/readyz")
            yield server


@contextlib.contextmanager
def testbed(
    folder: Path,
    *,
    bodies: Mapping[str, str] | None = None,  # noqa: PT028 - no test
    upstream_tls: bool = False,  # noqa: PT028 - no test
) -> Iterator[Testbed]:
    """Start Redis and the provider that every server under test needs.

    Args:
        folder: for their files.
        bodies: what the provider answers below certain paths; `BODY` elsewhere.
        upstream_tls: whether the provider speaks HTTPS.
    """
    need("taskset", "nginx", "redis-server")
    last = (os.cpu_count() or 1) - 1
    cpus = f"1-{last}" if last > 1 else str(last)
    redis_port, upstream_port = free_port(), free_port()
    store = ["redis-server", "--port", str(redis_port), "--save", "", "--appendonly", "no", "--dir", str(folder)]
    Authority(folder).sign("tls")
    secured = f"ssl; ssl_certificate {folder}/tls.pem; ssl_certificate_key {folder}/tls.key"
    nginx = filled(
        "upstream.conf",
        folder / "upstream",
        upstream=f"127.0.0.1:{upstream_port} {secured if upstream_tls else 'backlog=4096'}",
        body=BODY,
        locations=" ".join(f"location {path} {{ return 200 '{body}'; }}" for path, body in (bodies or {}).items()),
    )
    with (
        started(store, folder / "redis", port=redis_port, cpu=cpus),
        started(["nginx", "-c", str(nginx)], folder / "upstream", port=upstream_port, cpu=cpus),
    ):
        yield Testbed(folder, redis_port, upstream_port, cpus, upstream_tls)


def bearer() -> str:
    """The `Authorization` header that every benchmark sends."""
    return f"Authorization: Bearer {token()}"
