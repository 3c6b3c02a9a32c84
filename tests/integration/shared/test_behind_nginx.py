"""The deployment that is shipped: nginx with TLS, two gateways, one store, a sandbox; as processes, not containers."""

import json
import threading
import uuid
from collections import Counter
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from pathlib import Path

import httpx
import pytest

from support import programs, tokens
from support.fleet import Gateway, at_port
from support.nginx import Front, front
from support.programs import TRACE, Program
from support.site import UNITE_LEGALE, fresh
from support.stores import Server, free_port, until

CERTIFICATE = "/v4/dgfip/unites_legales/130025265/attestation_fiscale"
"""What is answered with a link to a document."""
CLIENTS = 8


@dataclass
class Site:
    """The processes of the deployment."""

    folder: Path
    front: Front
    sandbox: Program
    store: Server
    ports: list[int]
    settings: dict[str, str]
    gateways: dict[int, Gateway] = field(default_factory=dict)

    @contextmanager
    def gateway(self, port: int) -> Iterator[Gateway]:
        """Start the gateway of a port."""
        with at_port(
            self.folder / f"gateway-{port}", port, upstream=self.sandbox.url, redis_url=self.store.url, **self.settings
        ) as started:
            self.gateways[port] = started
            yield started

    def lines(self) -> list[dict[str, object]]:
        """The access lines of both gateways."""
        files = [self.folder / f"gateway-{port}" / "output" for port in self.ports]
        return [json.loads(line) for file in files for line in file.read_text().splitlines()]


@contextmanager
def _deployed(folder: Path, store: Server, **settings: str) -> Iterator[Site]:
    """Start nginx, two gateways and the sandbox, with the settings that are shipped unless they are given."""
    ports = [free_port(), free_port()]
    (folder / "sandbox").mkdir()
    documents = str(folder / "documents")
    shipped = {"trusted_proxies": "127.0.0.1", "ban_action": "forbid", "drain_delay": "0.5", "documents": documents}
    with (
        front(folder / "nginx", *ports) as nginx,
        programs.sandbox(folder / "sandbox") as sandbox,
        ExitStack() as on,
    ):
        site = Site(folder, nginx, sandbox, store, ports, shipped | settings)
        for port in ports:
            on.enter_context(site.gateway(port))
        yield site


@pytest.fixture
def site(tmp_path: Path, store: Server) -> Iterator[Site]:
    """The deployment as it is shipped."""
    with _deployed(tmp_path, store) as site:
        yield site


def _call(client: httpx.Client, token: str, path: str = UNITE_LEGALE, **headers: str) -> httpx.Response:
    return client.get(path, params=TRACE, headers={"Authorization": f"Bearer {token}", **headers})


def test_a_call_through_everything(site: Site) -> None:
    """A call is answered with the sandbox's data, under the client's own address, by gateways that count together."""
    token = fresh()
    with site.front.client() as client:
        answers = [_call(client, token, **{"X-Forwarded-For": "192.0.2.7"}) for _ in range(6)]
    assert [answer.status_code for answer in answers] == [200] * 6
    assert answers[0].json()["data"]["siren"] == "130025265"
    limit = int(answers[0].headers["ratelimit-limit"])
    assert [int(answer.headers["ratelimit-remaining"]) for answer in answers] == [limit - n for n in range(1, 7)]
    until(lambda: len(site.lines()) == 6, "lines are missing")
    assert {line["client_ip"] for line in site.lines()} == {"127.0.0.1"}, "what a client claims is not believed"
    used = [
        gateway.metrics()['gateway_answer_seconds_count{operation="api_entreprise_v4_insee_unites_legales"}']
        for gateway in site.gateways.values()
    ]
    assert all(used), "both are asked"


def test_what_nginx_keeps_to_itself(site: Site) -> None:
    """Metrics and health are not for the outside, and no file of nginx shows a token."""
    token = tokens.token()
    with site.front.client() as client:
        assert [client.get(path).status_code for path in ("/metrics", "/readyz", "/livez")] == [404] * 3
        assert client.get(UNITE_LEGALE, params={**TRACE, "token": token}).status_code == 200
        assert client.get("/openapi.yaml").status_code == 200
        assert client.get(UNITE_LEGALE, params={"token": "t" * 8000}).status_code == 401
    written = [path for path in site.front.folder.rglob("*") if path.is_file()]
    assert not any(token in path.read_text(errors="replace") for path in written)


def test_documents_are_fetched_by_the_address_that_callers_know(site: Site) -> None:
    """A link leads through nginx, with TLS, to either gateway, and brings the document, whatever the caller claimed."""
    with site.front.client() as client:
        answer = _call(
            client, fresh(), CERTIFICATE, **{"X-Forwarded-Host": "evil.example", "X-Forwarded-Proto": "http"}
        )
        assert answer.status_code == 200, answer.text
        link = answer.json()["data"]["document_url"]
        assert link.startswith(f"{site.front.url}/documents/")
        for _ in site.ports:
            document = client.get(link)
            assert (document.status_code, document.content[:5]) == (200, b"%PDF-")


def test_a_banned_address_is_told_so(tmp_path: Path, store: Server) -> None:
    """Behind nginx a ban is a 403 in JSON, from whichever gateway is asked."""
    with _deployed(tmp_path, store, limit_ip="5") as site, site.front.client() as client:
        answers = [_call(client, fresh()) for _ in range(12)]
        assert [answer.status_code for answer in answers[:5]] == [200] * 5
        assert {answer.status_code for answer in answers[6:]} == {403}
        assert answers[-1].headers["content-type"].startswith("application/json")


def test_a_ban_without_an_answer_is_a_502_behind_nginx(tmp_path: Path, store: Server) -> None:
    """Why `GATEWAY_BAN_ACTION=forbid` is shipped: nginx makes an error of its own of a connection that is closed."""
    with _deployed(tmp_path, store, limit_ip="5", ban_action="close") as site, site.front.client() as client:
        answers = [_call(client, fresh()) for _ in range(12)]
        assert {answer.status_code for answer in answers[6:]} == {502}
        assert answers[-1].headers["content-type"] == "text/html"


def test_calls_go_on_when_a_gateway_dies(site: Site) -> None:
    """A gateway is killed without notice: the other one answers every call that follows, one after the other."""
    token = fresh()
    with site.front.client() as client:
        assert [_call(client, token).status_code for _ in range(4)] == [200] * 4
        dead, alive = site.gateways.values()
        dead.process.kill()
        dead.process.wait()
        answers = [_call(client, token) for _ in range(20)]
    assert [answer.status_code for answer in answers] == [200] * 20
    limit = int(answers[0].headers["ratelimit-limit"])
    assert int(answers[-1].headers["ratelimit-remaining"]) == limit - 24, (
        "each counts once, also what the dead one counted"
    )
    until(lambda: alive.metrics()["gateway_access_lines_total"] >= 20, "they were answered by somebody else")


@dataclass
class Answered:
    """What clients got."""

    statuses: Counter[int] = field(default_factory=Counter)
    failed: list[str] = field(default_factory=list)
    request_ids: list[str] = field(default_factory=list)


def test_a_rolling_restart_fails_no_call(site: Site) -> None:
    """Both gateways are restarted, one after the other, under load: every call is answered with 200, with one line."""
    answered, stop = Answered(), threading.Event()

    def call_on() -> None:
        with site.front.client() as client:
            while not stop.is_set():
                request_id = str(uuid.uuid4())
                try:
                    answer = _call(client, fresh(), **{"X-Request-Id": request_id})
                except httpx.HTTPError as error:
                    answered.failed.append(repr(error))
                    continue
                answered.statuses[answer.status_code] += 1
                answered.request_ids.append(request_id)

    def grows(calls: int) -> None:
        goal = answered.statuses.total() + calls
        until(lambda: answered.statuses.total() + len(answered.failed) >= goal, "the answers do not come")

    with ThreadPoolExecutor(CLIENTS) as pool, ExitStack() as on:
        clients = [pool.submit(call_on) for _ in range(CLIENTS)]
        try:
            grows(100)
            for port in site.ports:
                assert site.gateways[port].stop() == 0
                grows(100)
                on.enter_context(site.gateway(port))
                grows(100)
        finally:
            stop.set()
        for client in clients:
            client.result()
    assert (dict(answered.statuses), answered.failed) == ({200: len(answered.request_ids)}, [])
    lines = Counter(str(line["request_id"]) for line in site.lines() if line["event"] == "access")
    assert lines.keys() == set(answered.request_ids)
