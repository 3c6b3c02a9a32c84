"""The sandbox: fictive providers behind one ASGI application.

It answers on the catalogue's own paths, so that it stands in for every provider at once. For each call it finds the
endpoint, then a case that a user has given, else asks the fictive world of the endpoint's product; a fault (that of who
is asked for, or a random one) may answer in place of the provider.
"""

import asyncio
import random
from collections.abc import Mapping
from typing import Final

import orjson

from apientreprise_gateway.contract.endpoint import Provider
from apientreprise_gateway.contract.query import read_all
from apientreprise_gateway.contract.routes import Route, Routes
from apientreprise_gateway.net.asgi import Receive, Scope, Send
from apientreprise_gateway.providers.product import Product
from apientreprise_gateway.sandbox.cases.folder import CaseFolder
from apientreprise_gateway.sandbox.exchange import NO_HEADERS, AsgiPage, Exchange, Reply, Sleep, send_head
from apientreprise_gateway.sandbox.faults import DEFAULT_FAULT, FAULTS, Fault, message
from apientreprise_gateway.sandbox.world import LINKS, Call, Form, Options, Outcome
from apientreprise_gateway.sandbox.worlds import world_of
from apientreprise_gateway.server.application import ConnectionHooks

LOOK_SECONDS: Final = 1.0
"""Seconds between two looks at the files of cases; every call looks as well."""
_NO_PAGES: Final[Mapping[bytes, AsgiPage]] = {}


def create_app(
    *,
    products: tuple[Product, ...],
    latency_ms: float = 0,
    error_rate: float = 0.0,
    fault: str | None = None,
    seed: int = 0,
    form: Form | None = None,
    links: str | None = None,
    sleep: Sleep = asyncio.sleep,
    pages: Mapping[bytes, AsgiPage] = _NO_PAGES,
    cases: CaseFolder | None = None,
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
        pages: what answers at other paths, whatever the method.
        cases: answers of a user, which come before those of a fictive world.

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
        Options(form=form, links=links or LINKS),
        latency=latency_ms / 1000,
        error_rate=error_rate,
        fault=FAULTS[name],
        seed=seed,
        sleep=sleep,
        pages=pages,
        cases=cases,
    )


class Sandbox:
    """The ASGI application of the sandbox."""

    def __init__(
        self,
        products: tuple[Product, ...],
        options: Options,
        *,
        latency: float,
        error_rate: float,
        fault: Fault,
        seed: int,
        sleep: Sleep,
        pages: Mapping[bytes, AsgiPage],
        cases: CaseFolder | None,
    ) -> None:
        self.hooks = ConnectionHooks()
        self._routes = Routes(provider for product in products for provider in product.providers)
        self._worlds = {product.key: world_of(product, options) for product in products}
        self._product_of = {endpoint.operation: product.key for product in products for endpoint in product.endpoints}
        self._latency = latency
        self._error_rate = error_rate
        self._fault = fault
        self._random = random.Random(seed)  # noqa: S311 - a repeatable draw is what is wanted
        self._sleep = sleep
        self._pages = pages
        self._cases = cases
        index = {"nom": "Bac à sable : fournisseurs fictifs"}
        for world in self._worlds.values():
            index |= world.index()
        self._texts = {b"/": orjson.dumps(index), b"/livez": b'{"status":"ok"}'}

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one ASGI connection scope."""
        if scope["type"] == "lifespan":
            await self._lifespan(receive, send)
        elif scope["type"] == "http":
            await self._http(scope, receive, send)

    async def _http(self, scope: Scope, receive: Receive, send: Send) -> None:
        path: bytes = scope.get("raw_path") or scope["path"].encode()
        page = self._pages.get(path)
        if page is not None:
            await page(scope, receive, send)
            return
        if scope["method"] not in {"GET", "HEAD"}:
            await _send(send, Reply(405, message("Méthode non autorisée")), headers={"allow": "GET, HEAD"})
            return
        outcome = self._outcome(path, Call(path.decode("latin-1"), scope.get("query_string", b""), _host(scope)))
        if outcome.provider is None:
            if outcome.wait:
                await self._sleep(outcome.wait)
            await _send(send, outcome.reply, headers=outcome.reply.headers)
            return
        await self._provide(self._exchange(outcome.provider, scope, receive, send), outcome)

    def _outcome(self, path: bytes, call: Call) -> Outcome:
        text = self._texts.get(path)
        if text is not None:
            return Outcome(Reply(200, text))
        match = self._routes.find(path)
        if match is not None and match.route is not None:
            given = None if self._cases is None else _given(self._cases, match.route, match.values, call)
            world = self._worlds[self._product_of[match.route.endpoint.operation]]
            return given or world.answer(match.route, match.values, call)
        beside = (world.beside(call) for world in self._worlds.values())
        return next((found for found in beside if found), Outcome(Reply(404, message("Service inconnu"))))

    async def _lifespan(self, receive: Receive, send: Send) -> None:
        watch = None if self._cases is None else asyncio.create_task(_watch(self._cases))
        while True:
            event = (await receive())["type"]
            if event == "lifespan.shutdown" and watch is not None:
                watch.cancel()
            await send({"type": f"{event}.complete"})
            if event == "lifespan.shutdown":
                return

    def _exchange(self, provider: Provider, scope: Scope, receive: Receive, send: Send) -> Exchange:
        return Exchange(scope=scope, receive=receive, send=send, sleep=self._sleep, provider=provider)

    async def _provide(self, exchange: Exchange, outcome: Outcome) -> None:
        if self._latency:
            await self._sleep(self._latency)
        fault = outcome.fault or self._drawn_fault()
        reply = outcome.reply
        if fault is None:
            await exchange.respond(reply.status, reply.body, headers=reply.headers)
        else:
            await fault(exchange, reply)

    def _drawn_fault(self) -> Fault | None:
        return self._fault if self._error_rate and self._random.random() < self._error_rate else None


def _host(scope: Scope) -> str:
    """Host and port at which the caller reaches the sandbox."""
    return next((value.decode("latin-1") for name, value in scope["headers"] if name == b"host"), "localhost")


async def _send(send: Send, reply: Reply, *, headers: Mapping[str, str] = NO_HEADERS) -> None:
    await send_head(send, reply.status, len(reply.body), headers=headers)
    await send({"type": "http.response.body", "body": reply.body})


def _given(cases: CaseFolder, route: Route, values: list[str], call: Call) -> Outcome | None:
    """The answer that a user has given for a call, if there is one."""
    cases.look()
    endpoint = route.endpoint
    found = {parameter.name: [value] for parameter, value in zip(endpoint.parameters, values, strict=True)}
    for name, given in read_all(call.query, cases.names_of(endpoint)).items():
        found[name] = given if name.endswith("[]") else given[-1:]
    case = cases.find(endpoint, found)
    if case is None:
        return None
    body = message(f"{route.provider.name} : cas de l'utilisateur") if case.body is None else case.body
    return Outcome(Reply(case.status, body), route.provider)


async def _watch(cases: CaseFolder) -> None:
    """Tell of changed files soon, even if nobody calls."""
    while True:
        cases.look()
        await asyncio.sleep(LOOK_SECONDS)
