"""Ask the sandbox what each operation about a person answers to the examples of its parameters."""

import asyncio
import json
from urllib.parse import urlencode

import httpx

from apientreprise_gateway.contract.endpoint import Endpoint
from apientreprise_gateway.contract.identification import CallMode, Identification
from apientreprise_gateway.contract.masks import Masks
from apientreprise_gateway.contract.person.families import PIVOT
from apientreprise_gateway.providers.product import Product
from apientreprise_gateway.sandbox.app import create_app

_OF_IDENTITIES = "_identite"
"""What the names of scopes end with that FranceConnect does not open from v3 on."""


def examples_of(product: Product) -> str:
    """The JSON object of the bodies, by operation."""
    bodies = asyncio.run(_ask(product))
    return json.dumps(bodies, ensure_ascii=False, indent=1) + "\n"


async def _ask(product: Product) -> dict[str, object]:
    transport = httpx.ASGITransport(create_app(products=(product,)))
    everybody = [endpoint.person for endpoint in product.endpoints if endpoint.person is not None]
    given = next(person for person in everybody if PIVOT.names <= {each.name for each in person.parameters})
    bodies: dict[str, object] = {}
    async with httpx.AsyncClient(transport=transport, base_url="http://sandbox") as client:
        for endpoint in product.endpoints:
            if endpoint.person is not None:
                answer = await client.get(f"{endpoint.path}?{urlencode(_parameters(endpoint.person, given))}")
                answer.raise_for_status()
                bodies[endpoint.operation] = json.loads(_shown(endpoint, product, answer.content))
    return bodies


def _parameters(person: Identification, given: Identification) -> list[tuple[str, str]]:
    """The examples of a call; FranceConnect says of the same person what other calls give."""
    by_token = person.mode is CallMode.FRANCE_CONNECT
    pivot = [each for each in given.parameters if each.name in PIVOT.names] if by_token else []
    return [(each.name, each.example) for each in (*pivot, *person.parameters) if each.example]


def _shown(endpoint: Endpoint, product: Product, body: bytes) -> bytes:
    """What a token with every scope sees, or with FranceConnect every scope that it opens."""
    if endpoint.mask is None or endpoint.person is None or endpoint.person.mode is not CallMode.FRANCE_CONNECT:
        return body
    scopes = frozenset(scope for scope in endpoint.scopes if not scope.endswith(_OF_IDENTITIES))
    return Masks(endpoint.mask, product.schemas.of(endpoint.operation)).apply(body, scopes)
