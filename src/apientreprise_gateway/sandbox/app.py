"""The sandbox: fictive providers behind one ASGI application.

It answers on the catalogue's own paths, so that it stands in for every provider at once, and below `/dialects/` in the
dialects of some real ones. For each call it finds the endpoint, then the entity, then a fault (that of the identifier,
or a random one), else the provider's answer.
"""

import asyncio
import random
from collections.abc import Iterable, Mapping
from typing import Any, Final

import orjson

from apientreprise_gateway.contract.endpoint import Provider
from apientreprise_gateway.contract.parameters import ParameterKind
from apientreprise_gateway.contract.query import read
from apientreprise_gateway.contract.routes import Route, Routes
from apientreprise_gateway.net.asgi import Receive, Scope, Send
from apientreprise_gateway.providers.product import Product
from apientreprise_gateway.sandbox import dialects, documents
from apientreprise_gateway.sandbox.answers import answer_of
from apientreprise_gateway.sandbox.answers.shape import LINKS, Declined
from apientreprise_gateway.sandbox.directory import DIRECTORY, FAULT_BY_IDENTIFIER
from apientreprise_gateway.sandbox.entities import AT_INSEE, ENTITIES, KNOWS_ALL, ORDINARY, Entity
from apientreprise_gateway.sandbox.exchange import NO_HEADERS, Exchange, Reply, Sleep, send_head
from apientreprise_gateway.sandbox.faults import DEFAULT_FAULT, FAULTS, SPECIALS, TIMEOUT_SECONDS, Fault, message
from apientreprise_gateway.server.application import ConnectionHooks

_A_YEAR: Final = "2024"
"""A value that a year accepts, and no identifier of an entity."""


def create_app(
    *,
    products: tuple[Product, ...],
    latency_ms: float = 0,
    error_rate: float = 0.0,
    fault: str | None = None,
    seed: int = 0,
    form: documents.Form | None = None,
    links: str | None = None,
    sleep: Sleep = asyncio.sleep,
) -> "Sandbox":
    """Build the sandbox.

    Args:
        products: the products whose providers it stands in for.
        latency_ms: delay of every answer of a provider, in milliseconds.
        error_rate: share of the calls, 0 to 1, that get a fault; the same calls in every run.
        fault: the fault that they get, by its name in `FAULTS`; `error-500` by default.
        seed: seed of the choice of those calls.
        form: the form in which providers give documents; each in its own by default.
        links: base URL of the gateway, for the links in answers; one that does not exist by default.
        sleep: waits a number of seconds.

    Raises:
        ValueError: a number is out of range, or there is no fault of that name.
    """
    if not 0 <= error_rate <= 1:
        raise ValueError(f"the error rate is a share from 0 to 1, not {error_rate}")
    if latency_ms < 0:
        raise ValueError(f"the latency cannot be negative: {latency_ms}")
    name = fault or DEFAULT_FAULT
    if name not in FAULTS:
        raise ValueError(f"unknown fault {name!r}: choose one of {', '.join(FAULTS)}")
    return Sandbox(
        products,
        latency=latency_ms / 1000,
        error_rate=error_rate,
        fault=FAULTS[name],
        seed=seed,
        form=form,
        links=(links or LINKS).encode(),
        sleep=sleep,
    )


class Sandbox:
    """The ASGI application of the sandbox."""

    def __init__(
        self,
        products: tuple[Product, ...],
        *,
        latency: float,
        error_rate: float,
        fault: Fault,
        seed: int,
        form: documents.Form | None,
        links: bytes,
        sleep: Sleep,
    ) -> None:
        self.hooks = ConnectionHooks()
        self._providers = {provider.key: provider for product in products for provider in product.providers}
        self._routes = Routes(self._providers.values())
        self._endpoints = {route.endpoint.operation: route.endpoint for route in self._routes}
        self._form = form
        self._links = links
        self._answers = {
            endpoint.operation: answer_of(endpoint, product.schemas)
            for product in products
            for endpoint in product.endpoints
        }
        self._latency = latency
        self._error_rate = error_rate
        self._fault = fault
        self._random = random.Random(seed)  # noqa: S311 - a repeatable draw is what is wanted
        self._sleep = sleep

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one ASGI connection scope."""
        if scope["type"] == "lifespan":
            await _lifespan(receive, send)
        elif scope["type"] == "http":
            await self._http(scope, receive, send)

    async def _http(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["method"] not in {"GET", "HEAD"}:
            await _send(send, Reply(405, message("Méthode non autorisée")), headers={"allow": "GET, HEAD"})
            return
        path: bytes = scope.get("raw_path") or scope["path"].encode()
        page = _PAGES.get(path)
        if page is not None:
            await _send(send, Reply(200, page))
            return
        spoken = dialects.find(path.decode("latin-1"))
        if spoken is not None and spoken[0].provider in self._providers:
            dialect, rest = spoken
            answer = dialect.speak(rest, scope.get("query_string", b"").decode("latin-1"))
            await self._provide(
                self._exchange(self._providers[dialect.provider], scope, receive, send),
                answer.reply,
                answer.identifiers,
            )
            return
        if path.startswith(documents.PREFIX.encode()):
            await self._send_file(path, send)
            return
        match = self._routes.find(path)
        if match is None or match.route is None:
            await _send(send, Reply(404, message("Service inconnu")))
            return
        route = match.route
        reply = self._reply(route, match.values, scope)
        await self._provide(self._exchange(route.provider, scope, receive, send), reply, match.values)

    def _exchange(self, provider: Provider, scope: Scope, receive: Receive, send: Send) -> Exchange:
        return Exchange(scope=scope, receive=receive, send=send, sleep=self._sleep, provider=provider)

    async def _provide(self, exchange: Exchange, reply: Reply, values: Iterable[str]) -> None:
        if self._latency:
            await self._sleep(self._latency)
        fault = self._fault_for(values)
        if fault is None:
            await exchange.respond(reply.status, reply.body, headers=reply.headers)
        else:
            await fault(exchange, reply)

    def _reply(self, route: Route, found: list[str], scope: Scope) -> Reply:
        """What the provider of a route answers without a fault."""
        endpoint = route.endpoint
        values = {parameter.name: value for parameter, value in zip(endpoint.parameters, found, strict=True)}
        entity = _entity(route, values)
        if entity is None:
            return Reply(404, message(f"{route.provider.name} : aucune entité ne porte cet identifiant"))
        query = read(scope.get("query_string", b""), frozenset(parameter.name for parameter in endpoint.query))
        wrong = _wrong_parameter(route, {**values, **query})
        if wrong is not None:
            return Reply(400, message(f"{route.provider.name} : paramètre {wrong} non valide"))
        try:
            body = self._answers[endpoint.operation](entity, values, query)
        except Declined as declined:
            headers = {"location": declined.location} if declined.location else NO_HEADERS
            return Reply(declined.status, declined.body or message(declined.text), headers)
        if endpoint.document is None:
            return Reply(200, orjson.dumps(body).replace(LINKS.encode(), self._links))
        return documents.give(endpoint, entity, body, host=_host(scope), form=self._form)

    async def _send_file(self, path: bytes, send: Send) -> None:
        bad, reply = documents.file_at(path, self._endpoints, DIRECTORY)
        if bad.slow:
            await self._sleep(TIMEOUT_SECONDS)
        await _send(send, reply, headers=reply.headers)

    def _fault_for(self, values: Iterable[str]) -> Fault | None:
        for value in values:
            if value in FAULT_BY_IDENTIFIER:
                return FAULT_BY_IDENTIFIER[value]
        return self._fault if self._error_rate and self._random.random() < self._error_rate else None


def _host(scope: Scope) -> str:
    """The base URL at which the caller reaches the sandbox."""
    return next((value.decode("latin-1") for name, value in scope["headers"] if name == b"host"), "localhost")


def _entity(route: Route, values: Mapping[str, str]) -> Entity | None:
    """The entity that a path parameter names by an identifier of the right kind; None if it is unknown.

    An endpoint that takes no identifier of an entity answers about the ordinary entity.
    """
    naming = [parameter for parameter in route.endpoint.parameters if _names_entity(parameter.kind)]
    for parameter in naming:
        value = values[parameter.name]
        if value in DIRECTORY and parameter.kind.accepts(value):
            found = DIRECTORY[value]
            return None if found in AT_INSEE and route.provider.key != KNOWS_ALL else found
    return None if naming else ORDINARY


def _names_entity(kind: ParameterKind) -> bool:
    """Whether a parameter identifies an entity; a year does not, though it names what is asked for."""
    return kind.names_entity and not kind.accepts(_A_YEAR)


def _wrong_parameter(route: Route, values: Mapping[str, str]) -> str | None:
    endpoint = route.endpoint
    for parameter in (*endpoint.parameters, *endpoint.query):
        if parameter.name in values and not parameter.kind.accepts(values[parameter.name]):
            return parameter.name
    return None


def _index() -> dict[str, Any]:
    return {
        "nom": "Bac à sable : fournisseurs fictifs",
        "entites": [
            {
                "siren": entity.siren,
                "sirets": [establishment.siret for establishment in entity.establishments],
                "rna": entity.rna,
                "nom": entity.display_name,
                "description": entity.description,
            }
            for entity in (*ENTITIES, *AT_INSEE)
        ],
        "pannes": [
            {
                "nom": special.fault,
                "siren": special.siren,
                "siret": special.siret,
                "rna": special.rna,
                "description": special.description,
            }
            for special in (*SPECIALS, *documents.BAD_FILES)
        ],
    }


_PAGES: Final[Mapping[bytes, bytes]] = {b"/": orjson.dumps(_index()), b"/livez": b'{"status":"ok"}'}


async def _send(send: Send, reply: Reply, *, headers: Mapping[str, str] = NO_HEADERS) -> None:
    await send_head(send, reply.status, len(reply.body), headers=headers)
    await send({"type": "http.response.body", "body": reply.body})


async def _lifespan(receive: Receive, send: Send) -> None:
    while True:
        event = (await receive())["type"]
        await send({"type": f"{event}.complete"})
        if event == "lifespan.shutdown":
            return
