"""Calls of the sandbox, straight through ASGI."""

import asyncio
from collections.abc import MutableMapping
from dataclasses import dataclass, field
from typing import Any

import orjson

from apientreprise_gateway.contract.endpoint import Endpoint
from apientreprise_gateway.providers.products import PRODUCTS
from apientreprise_gateway.sandbox.app import Sandbox, create_app
from apientreprise_gateway.sandbox.entreprise.entities import Entity
from apientreprise_gateway.sandbox.world import Form
from apientreprise_gateway.server.application import CONNECTION


@dataclass
class Clock:
    """A clock that is never waited for: it keeps the pauses asked of it."""

    pauses: list[float] = field(default_factory=list)

    async def sleep(self, seconds: float) -> None:
        """Note a pause and take none."""
        self.pauses.append(seconds)


@dataclass
class Answer:
    """What a call got."""

    status: int | None = None
    headers: dict[str, str] = field(default_factory=dict)
    parts: list[bytes] = field(default_factory=list)
    complete: bool = False
    dropped: bool = False

    def drop(self) -> None:
        """What the server offers as `Connection.drop`."""
        self.dropped = True

    @property
    def body(self) -> bytes:
        """The bytes received."""
        return b"".join(self.parts)

    def json(self) -> Any:
        """The body, parsed."""
        return orjson.loads(self.body)


def get(app: Sandbox, target: str, *, method: str = "GET", droppable: bool = True, impatient: bool = False) -> Answer:
    """Call the sandbox.

    Args:
        app: what `create_app` gave.
        target: path and query, encoded.
        method: of the request.
        droppable: whether the server can close the connection.
        impatient: whether the client goes away at once.
    """
    answer = Answer()
    path, _, query = target.partition("?")
    scope: dict[str, Any] = {
        "type": "http",
        "method": method,
        "path": path,
        "raw_path": path.encode(),
        "query_string": query.encode(),
        "headers": [],
    }
    if droppable:
        scope[CONNECTION] = answer

    async def receive() -> MutableMapping[str, Any]:
        if not impatient:
            await asyncio.Event().wait()
        return {"type": "http.disconnect"}

    async def send(message: MutableMapping[str, Any]) -> None:
        if message["type"] == "http.response.start":
            answer.status = message["status"]
            answer.headers = {name.decode(): value.decode() for name, value in message["headers"]}
        else:
            answer.parts.append(message["body"])
            answer.complete = not message.get("more_body", False)

    asyncio.run(app(scope, receive, send))
    return answer


def ask(target: str) -> Answer:
    """Call a sandbox that has no faults of its own, and that gives the addresses of documents."""
    return get(create_app(products=PRODUCTS, sleep=Clock().sleep, form=Form.ADDRESS), target)


ABOUT_NOBODY = frozenset({"api_entreprise_v2_liasses_fiscales_dictionaries_dgfip"})
"""Operations that are asked for no entity."""


def path_of(endpoint: Endpoint, *, siren: str, siret: str, rna: str | None = None) -> str:
    """The path of an endpoint for an entity, in June 2024; an association goes by its RNA, an importer by its EORI."""
    identifiers = {
        "siren": siren,
        "siret": siret,
        "siret_or_rna": rna or siret,
        "siren_or_rna": rna or siren,
        "siren_or_siret_or_rna": rna or siret,
        "siret_or_eori": f"FR{siret}",
    }
    period = {"month": "06", "mois": "06", "year": "2024", "annee": "2024"}
    values = {
        parameter.name: identifiers.get(parameter.kind.name) or period[parameter.name]
        for parameter in endpoint.parameters
    }
    return endpoint.path.format(**values)


def path_for(endpoint: Endpoint, entity: Entity) -> str:
    """As `path_of`, from an entity."""
    return path_of(endpoint, siren=entity.siren, siret=entity.head_office.siret, rna=entity.rna)
