"""Set-up of benchmarks: Redis, a provider, servers pinned to a CPU, and their use of CPU and memory.

The server under test runs on CPU 0, all else on the others. CPU time is that of the server's whole process tree: of all
figures it depends least on other work of the machine.
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

from support.certificates import Signed
from support.tokens import SECRET, token

HERE = Path(__file__).resolve().parent
BIN = Path(sys.executable).parent
TOOLS = ("taskset", "nginx", "redis-server")
"""Programs that every testbed needs."""
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

_LONGEST_IN_CONFIGURATION = 4000
"""Longest text that nginx's configuration takes."""


class MissingToolError(Exception):
    """A program that a benchmark needs is not installed."""


def need(*tools: str) -> None:
    """Check that programs are installed.

    Raises:
        MissingToolError: some are not; the text names all of them, and the remedy.
    """
    packages = {
        "wrk": "wrk",
        "h2load": "nghttp2-client",
        "nginx": "nginx libnginx-mod-http-lua lua-resty-core lua-resty-lrucache lua-cjson",
    }
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
    scheme: str = "http"

    @property
    def url(self) -> str:
        """Its base URL."""
        return f"{self.scheme}://127.0.0.1:{self.port}"

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
        return sum(map(_cpu, self.tree()))

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


def _cpu(pid: int) -> float:
    """CPU seconds of a process, to the nanosecond (/proc counts hundredths of a second)."""
    with contextlib.suppress(OSError):
        return time.clock_gettime(~pid << 3 | 2)  # what clock_getcpuclockid(3) gives; Python does not have it
    return 0.0


@contextlib.contextmanager
def started(
    command: list[str],
    folder: Path,
    *,
    port: int,
    cpu: str,
    env: Mapping[str, str] | None = None,
    seconds: float = 30,
    scheme: str = "http",
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
        yield Server(process, port, folder, scheme)
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
            if httpx.get(url, timeout=seconds, verify=False).is_success:
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
    authority: Path | None = None
    """The certificate of whom the provider's is signed by, if it speaks HTTPS."""

    @property
    def upstream(self) -> str:
        """The base URL of the provider."""
        return f"http{'s' if self.authority else ''}://127.0.0.1:{self.upstream_port}"

    def trust(self) -> dict[str, str]:
        """The settings of a gateway that knows the provider's authority."""
        return {"providers__insee__ca": str(self.authority)} if self.authority else {}

    def store(self) -> "redis.Redis":
        """A client of its Redis."""
        return redis.Redis(port=self.redis_port)

    @contextlib.contextmanager
    def gateway(self, *script: str, workers: int = 1, cpu: str = "0", **settings: str) -> Iterator[Server]:
        """Run the gateway as in production: every check, header, metric and access line, but no cache.

        A script with its arguments may run one of another kind; the last argument that it gets is the port.
        """
        port = free_port()
        given = {
            "jwt_secrets": SECRET,
            "redis_url": f"redis://127.0.0.1:{self.redis_port}",
            "upstream_url": self.upstream,
            "access_log": str(self.folder / "gateway-access.log"),
            "limit_ip": str(LIMIT),
            "limit_json": str(LIMIT),
        }
        given |= self.trust() | settings
        command = [str(BIN / "apientreprise-gateway"), "serve", "--workers", str(workers), "--port", str(port)]
        if script:
            command = [sys.executable, *script, str(port)]
        env = {f"GATEWAY_{name.upper()}": value for name, value in given.items()}
        scheme = "https" if "tls_certificate" in given else "http"
        with started(command, self.folder / "gateway", port=port, cpu=cpu, env=env, scheme=scheme) as server:
            # The socket accepts connections before the workers answer.
            _wait_for_answer(f"{server.url}/readyz")
            yield server


@contextlib.contextmanager
def testbed(
    folder: Path,
    *,
    bodies: Mapping[str, str] | None = None,  # noqa: PT028 - no test
) -> Iterator[Testbed]:
    """Start Redis and the provider that every server under test needs.

    Args:
        folder: for their files.
        bodies: what the provider answers below certain paths; `BODY` elsewhere.
    """
    need(*TOOLS)
    # So that what was started is stopped, when this is.
    signal.signal(signal.SIGTERM, lambda *_: sys.exit("bench: stopped"))
    last = (os.cpu_count() or 1) - 1
    cpus = f"1-{last}" if last > 1 else str(last)
    redis_port = free_port()
    store = ["redis-server", "--port", str(redis_port), "--save", "", "--appendonly", "no", "--dir", str(folder)]
    with (
        started(store, folder / "redis", port=redis_port, cpu=cpus),
        provider(folder / "upstream", cpus, bodies=bodies) as port,
    ):
        yield Testbed(folder, redis_port, port, cpus)


@contextlib.contextmanager
def provider(
    folder: Path,
    cpus: str,
    *,
    body: str = BODY,
    bodies: Mapping[str, str] | None = None,
    signed: Signed | None = None,
) -> Iterator[int]:
    """Run a provider that answers at once; give its port.

    Args:
        folder: for its files.
        cpus: those it runs on.
        body: what it answers.
        bodies: what it answers instead below certain paths.
        signed: its certificate, if it speaks HTTPS.
    """
    port = free_port()
    folder.mkdir()
    # nginx takes no long texts in its configuration, and started by root it reads files as another user.
    (folder / "answer.json").write_text(body)
    for each in (folder, folder.parent):
        each.chmod(0o755)
    answer = "try_files /answer.json =404;" if len(body) > _LONGEST_IN_CONFIGURATION else f"return 200 '{body}';"
    nginx = filled(
        "upstream.conf",
        folder,
        upstream=f"127.0.0.1:{port}",
        answer=answer,
        tls=in_nginx(signed),
        ssl="ssl" if signed else "",
        locations=" ".join(f"location {path} {{ return 200 '{each}'; }}" for path, each in (bodies or {}).items()),
    )
    with started(["nginx", "-c", str(nginx)], folder, port=port, cpu=cpus):
        yield port


def own_certificate(signed: Signed | None) -> dict[str, str]:
    """The settings of a gateway that shows its clients this certificate; none speaks HTTP."""
    return {"tls_certificate": str(signed.certificate), "tls_key": str(signed.key)} if signed else {}


def in_nginx(signed: Signed | None) -> str:
    """How nginx is told its certificate."""
    return f"ssl_certificate {signed.certificate}; ssl_certificate_key {signed.key};" if signed else ""


def bearer() -> str:
    """The `Authorization` header that every benchmark sends."""
    return f"Authorization: Bearer {token()}"
