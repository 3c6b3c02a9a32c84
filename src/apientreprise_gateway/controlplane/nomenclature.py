"""The nomenclature of errors: every code that the gateway may answer with, by operation, in the published form.

It is derived from the catalogue, once. It says what the OpenAPI document says in its examples, for programs.
"""

from collections.abc import Iterable, Iterator
from dataclasses import replace
from itertools import groupby
from typing import Any, Final, NamedTuple

import orjson

from apientreprise_gateway.contract import query
from apientreprise_gateway.contract.codes import GATEWAY_ERRORS, PROVIDER_ERRORS
from apientreprise_gateway.contract.endpoint import Provider
from apientreprise_gateway.contract.errors import Refusal, gateway_error
from apientreprise_gateway.contract.traceability import CODES
from apientreprise_gateway.controlplane.openapi import (
    EVERYWHERE,
    OFF_OPERATION,
    Case,
    cases_of,
    dossier_cases,
    own_case,
)
from apientreprise_gateway.controlplane.static import StaticAnswer
from apientreprise_gateway.net.asgi import Receive, Scope, Send
from apientreprise_gateway.providers.entreprise.product import ENTREPRISE

Json = dict[str, Any]

API: Final = "entreprise"
OPERATION_ID: Final = "operation_id"
_OPERATION_ID: Final = frozenset({OPERATION_ID})
_KEPT: Final = {"Cache-Control": "public, max-age=3600"}
"""How long whoever asks may keep the nomenclature, as published."""


_PLATFORM: Final = (*EVERYWHERE, *OFF_OPERATION, CODES["context"], CODES["object"], CODES["recipient"], "00210")
"""The gateway's own errors that are not about what some operations alone have."""


class Nomenclature(NamedTuple):
    """The nomenclature, as it is sent."""

    content: Json
    body: bytes

    def of(self, operation: str | None) -> bytes:
        """The whole, or with the errors of one operation alone.

        Raises:
            Refusal: 404 `00404`, there is no such operation.
        """
        if not operation:
            return self.body
        endpoints = self.content["endpoints"]
        if operation not in endpoints:
            raise _unknown(operation)
        return orjson.dumps({**self.content, "endpoints": {operation: endpoints[operation]}})


class NomenclaturePage:
    """The ASGI application that sends it, whole or one operation's: each made once and held once."""

    def __init__(self, nomenclature: Nomenclature) -> None:
        self._nomenclature = nomenclature
        self._answers: dict[str, StaticAnswer] = {}

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer a call; raise `Refusal` if it is about an operation that does not exist."""
        operation = query.read(scope["query_string"], _OPERATION_ID).get(OPERATION_ID, "")
        answer = self._answers.get(operation)
        if answer is None:
            body = self._nomenclature.of(operation)
            answer = StaticAnswer(lambda: body, media_type="application/json", headers=_KEPT)
            self._answers[operation] = answer
        await answer(scope, receive, send)


def nomenclature(providers: Iterable[Provider]) -> Nomenclature:
    """The nomenclature of what these providers offer."""
    content = _content(tuple(providers))
    return Nomenclature(content, orjson.dumps(content))


_pages: Final[dict[tuple[int, ...], tuple[NomenclaturePage, tuple[Provider, ...]]]] = {}
"""Made once, for all gateways of a process that offer the same; each is beside what its key names, which thus stays."""


def page(providers: tuple[Provider, ...]) -> NomenclaturePage:
    """The page of what these providers offer."""
    key = tuple(map(id, providers))
    if key not in _pages:
        _pages[key] = (NomenclaturePage(nomenclature(providers)), providers)
    return _pages[key][0]


def _content(providers: tuple[Provider, ...]) -> Json:
    platform = [own_case(code) for code in _PLATFORM]
    common = {case.error.code for case in platform}
    endpoints = {
        endpoint.operation: (provider.name, cases_of(endpoint, provider))
        for provider in providers
        for endpoint in provider.endpoints
    }
    endpoints[ENTREPRISE.itself.endpoints[0].operation] = (ENTREPRISE.itself.name, dossier_cases())
    return {
        "api": API,
        "providers": {provider.prefix: provider.name for provider in (ENTREPRISE.itself, *providers)},
        "generic_subcodes": {subcode: {"title": kind.title} for subcode, kind in PROVIDER_ERRORS.items()},
        "platform_codes": _by_status(platform),
        "endpoints": {
            operation: {
                "provider": name,
                "errors": _by_status(case for case in cases if case.error.code not in common),
            }
            for operation, (name, cases) in endpoints.items()
        },
    }


def _by_status(cases: Iterable[Case]) -> Json:
    found = {case.error.code: case for case in cases}
    ordered = sorted(found.values(), key=lambda case: (case.status, case.error.code))
    return {str(status): list(_entries(group)) for status, group in groupby(ordered, key=lambda case: case.status)}


def _entries(cases: Iterable[Case]) -> Iterator[Json]:
    for case in cases:
        error = case.error
        yield {"code": error.code, "title": error.title, "detail": error.detail, "meta": dict(error.meta)}


_MAX_SHOWN: Final = 64


def _unknown(operation: str) -> Refusal:
    error = gateway_error("00404", source={"parameter": OPERATION_ID})
    detail = f"Aucune opération ne porte ce nom ({operation[:_MAX_SHOWN]})."
    return Refusal(GATEWAY_ERRORS["00404"].status, replace(error, detail=detail))
