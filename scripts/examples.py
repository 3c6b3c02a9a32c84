"""Ask what each operation answers to the examples of its parameters.

What is about a person is asked of the sandbox, as the answer is the provider's; all else of a gateway in front of the
sandbox, which translates some providers' own languages and keeps documents.
"""

import asyncio
import json
import re
from collections.abc import AsyncIterator, Iterable
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from typing import Any
from urllib.parse import urlencode

import httpx
import uvloop

from apientreprise_gateway.auth.issue import issue
from apientreprise_gateway.contract.endpoint import Endpoint
from apientreprise_gateway.contract.identification import CallMode, Identification
from apientreprise_gateway.contract.masks import Masks
from apientreprise_gateway.contract.person.families import PIVOT
from apientreprise_gateway.gateway.app import Gateway
from apientreprise_gateway.gateway.settings import load
from apientreprise_gateway.process.runner import listen
from apientreprise_gateway.providers.dossier import RESOURCES, Dossier
from apientreprise_gateway.providers.product import Product
from apientreprise_gateway.sandbox.app import create_app
from apientreprise_gateway.server.uvicorn_server import Server, config

_OF_IDENTITIES = "_identite"
"""What the names of scopes end with that FranceConnect does not open from v3 on."""
_SECRET = "the-key-of-a-gateway-that-lives-for-seconds"  # noqa: S105 - it opens nothing
_GATEWAY = "https://passerelle.exemple.test"
"""What stands for the address of a gateway."""
_LINK = re.compile(r"http://127\.0\.0\.1:\d+/documents/[\w-]+/")
_SHOWN_LINK = f"{_GATEWAY}/documents/dGhpcy1pcy1hbi1leGFtcGxlLW9mLWEtbGluaw/"
_LEFT = re.compile(r'(expires_in": ?)863\d\d(?=\D)')
"""How long a document is still kept, on a machine that took a second or more for the answer."""
_SHOWN_LEFT = r"\g<1>86400"
_RESET = "RateLimit-Reset"
"""The header that is another one in each answer."""
_SHOWN_RESET = "1767225660"


def examples_of(product: Product) -> str:
    """The JSON object of the bodies, by operation."""
    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        bodies = runner.run(_ask(product))
    return json.dumps(bodies, ensure_ascii=False, indent=1) + "\n"


async def _ask(product: Product) -> dict[str, object]:
    sandbox = create_app(products=(product,))
    persons = [endpoint for endpoint in product.endpoints if endpoint.person is not None]
    others = [endpoint for endpoint in product.endpoints if endpoint.person is None]
    transport = httpx.ASGITransport(sandbox)
    bodies: dict[str, object] = {}
    async with httpx.AsyncClient(transport=transport, base_url="http://sandbox") as client:
        given = next((endpoint.person for endpoint in persons if _is_identity(endpoint)), None)
        for endpoint in persons:
            answer = await client.get(f"{endpoint.path}?{urlencode(_of_person(endpoint, given))}")
            answer.raise_for_status()
            bodies[endpoint.operation] = json.loads(_shown(endpoint, product, answer.content))
    if others:
        async with _gateway(sandbox, product) as client:
            bodies |= {endpoint.operation: await _answer(client, endpoint, product) for endpoint in others}
            if product.dossier is not None:
                bodies[product.dossier.endpoint.operation] = await _dossier(client, product.dossier, product)
    return bodies


@asynccontextmanager
async def _gateway(sandbox: Any, product: Product) -> AsyncIterator[httpx.AsyncClient]:
    """A client of a gateway that has the sandbox for its providers."""
    at, sandbox_at = listen("127.0.0.1", 0), listen("127.0.0.1", 0)
    settings = load((product,), upstream_url=sandbox_at.url, jwt_secrets=_SECRET, access_log="/dev/null")
    servers = [
        (Server(config(app, host=where.host, port=where.port)), where)
        for app, where in ((sandbox, sandbox_at), (Gateway(settings, products=(product,)), at))
    ]
    tasks = [asyncio.ensure_future(server.serve(sockets=[where.socket])) for server, where in servers]
    try:
        while not all(server.started for server, _ in servers):
            await asyncio.sleep(0.01)
        async with httpx.AsyncClient(base_url=at.url, trust_env=False, timeout=60) as client:
            yield client
    finally:
        for server, _ in servers:
            server.should_exit = True
        await asyncio.gather(*tasks)


async def _answer(
    client: httpx.AsyncClient, endpoint: Endpoint, product: Product, query: Iterable[tuple[str, str]] = ()
) -> Any:
    path = endpoint.path.format(**{each.name: each.kind.example for each in endpoint.parameters})
    named = {"context": "Aide publique", "object": "Dossier 2024-001", "recipient": "13002526500013", "user_id": "a12"}
    # A token of its own for each call, so that no window is full.
    token = issue(secret=_SECRET, scopes=sorted(product.scopes), subject="", issued_at=datetime.now(UTC))
    answer = await client.get(
        f"{path}?{urlencode([*named.items(), *query])}", headers={"Authorization": f"Bearer {token}"}
    )
    answer.raise_for_status()
    return json.loads(_LEFT.sub(_SHOWN_LEFT, _LINK.sub(_SHOWN_LINK, answer.text)))


async def _dossier(client: httpx.AsyncClient, dossier: Dossier, product: Product) -> Any:
    body = await _answer(client, dossier.endpoint, product, [(RESOURCES, ",".join(dossier.examples))])
    for resource in body["data"].values():
        resource["headers"] |= {_RESET: _SHOWN_RESET} if _RESET in resource["headers"] else {}
    return body


def _is_identity(endpoint: Endpoint) -> bool:
    return endpoint.person is not None and PIVOT.names <= {each.name for each in endpoint.person.parameters}


def _of_person(endpoint: Endpoint, given: Identification | None) -> list[tuple[str, str]]:
    """The examples of a call; FranceConnect says of the same person what other calls give."""
    if endpoint.person is None or given is None:
        return []
    by_token = endpoint.person.mode is CallMode.FRANCE_CONNECT
    pivot = [each for each in given.parameters if each.name in PIVOT.names] if by_token else []
    return [(each.name, each.example) for each in (*pivot, *endpoint.person.parameters) if each.example]


def _shown(endpoint: Endpoint, product: Product, body: bytes) -> bytes:
    """What a token with every scope sees, or with FranceConnect every scope that it opens."""
    if endpoint.mask is None or endpoint.person is None or endpoint.person.mode is not CallMode.FRANCE_CONNECT:
        return body
    scopes = frozenset(scope for scope in endpoint.scopes if not scope.endswith(_OF_IDENTITIES))
    return Masks(endpoint.mask, product.schemas.of(endpoint.operation)).apply(body, scopes)
