"""The nomenclature of errors: every code that a product may answer with, by operation, in the published form.

It is derived from the product, once. It lists for programs the errors that the OpenAPI document shows as examples.
"""

from collections.abc import Iterable, Iterator
from dataclasses import replace
from itertools import groupby
from typing import Any, Final, NamedTuple

import orjson

from apientreprise_gateway.contract import query
from apientreprise_gateway.contract.codes import GATEWAY_ERRORS, PROVIDER_ERRORS
from apientreprise_gateway.contract.error_forms import ErrorForm
from apientreprise_gateway.contract.errors import Refusal, gateway_error
from apientreprise_gateway.contract.france_connect import FRANCE_CONNECT
from apientreprise_gateway.contract.traceability import CODES, NOT_A_SIRET
from apientreprise_gateway.controlplane.openapi.cases import (
    EVERYWHERE,
    Case,
    cases_of,
    dossier_cases,
    off_operation,
    own_case,
    status_of,
)
from apientreprise_gateway.controlplane.static import StaticAnswer
from apientreprise_gateway.net.asgi import Receive, Scope, Send
from apientreprise_gateway.providers.product import Product

Json = dict[str, Any]

OPERATION_ID: Final = "operation_id"
_OPERATION_ID: Final = frozenset({OPERATION_ID})
_KEPT: Final = {"Cache-Control": "public, max-age=3600"}
"""The header that says how long the nomenclature may be cached, as published."""


class Nomenclature(NamedTuple):
    """The nomenclature, as data and as the JSON that is sent."""

    content: Json
    body: bytes

    def of(self, operation: str | None) -> bytes:
        """The JSON of all operations, or with the errors of one operation only.

        Raises:
            Refusal: 404 `00404`, there is no such operation.
        """
        if not operation:
            return self.body
        endpoints = self.content["endpoints"]
        if operation not in endpoints:
            raise _unknown()
        return orjson.dumps({**self.content, "endpoints": {operation: endpoints[operation]}})


class NomenclaturePage:
    """The ASGI application that sends the nomenclature, of all operations or of one; each answer is made once."""

    def __init__(self, nomenclature: Nomenclature) -> None:
        self._nomenclature = nomenclature
        self._answers: dict[str, StaticAnswer] = {}

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer a call; raise `Refusal` if it names an operation that does not exist."""
        operation = query.read(scope["query_string"], _OPERATION_ID).get(OPERATION_ID, "")
        answer = self._answers.get(operation)
        if answer is None:
            body = self._nomenclature.of(operation)
            answer = StaticAnswer(lambda: body, media_type="application/json", headers=_KEPT)
            self._answers[operation] = answer
        await answer(scope, receive, send)


def nomenclature(product: Product) -> Nomenclature:
    """The nomenclature of a product."""
    content = _content(product)
    return Nomenclature(content, orjson.dumps(content))


_pages: Final[dict[int, tuple[NomenclaturePage, Product]]] = {}
"""Pages by the `id` of their product, with the product, so that no other gets its `id`. Made once for all gateways of a
process."""


def page(product: Product) -> NomenclaturePage:
    """The page of a product."""
    key = id(product)
    if key not in _pages:
        _pages[key] = (NomenclaturePage(nomenclature(product)), product)
    return _pages[key][0]


def _content(product: Product) -> Json:
    platform = [own_case(code) for code in _platform(product)]
    common = {case.error.code for case in platform}
    endpoints = [
        (endpoint, provider.name, cases_of(endpoint, provider, product))
        for provider in product.providers
        for endpoint in provider.endpoints
    ]
    if product.dossier is not None:
        endpoints.append((product.dossier.endpoint, product.title, dossier_cases(product.dossier, product)))
    providers = [product.itself, *product.providers]
    if any(endpoint.person is not None and endpoint.person.france_connect for endpoint in product.endpoints):
        providers.append(FRANCE_CONNECT)
    return {
        "api": product.name,
        "providers": {provider.prefix: provider.name for provider in providers},
        "generic_subcodes": {subcode: {"title": kind.title} for subcode, kind in PROVIDER_ERRORS.items()},
        "platform_codes": _by_status(platform, product.versions[-1].errors),
        "endpoints": {
            endpoint.operation: {
                "provider": name,
                "errors": _by_status(
                    (case for case in cases if case.error.code not in common), product.version_of(endpoint).errors
                ),
            }
            for endpoint, name, cases in endpoints
        },
    }


def _platform(product: Product) -> tuple[str, ...]:
    """Codes of the gateway's own errors that are listed once, not for each operation."""
    traced = {name for version in product.versions for name in version.traceability.required}
    return (
        *EVERYWHERE,
        *off_operation(product),
        *(code for name, code in CODES.items() if name in traced),
        NOT_A_SIRET,
    )


def _by_status(cases: Iterable[Case], form: ErrorForm) -> Json:
    """The entries of errors by the status at which a form answers with them."""
    found = {case.error.code: (status_of(case, form), case) for case in cases}
    ordered = sorted(found.values(), key=lambda pair: (pair[0], pair[1].error.code))
    return {
        str(status): list(_entries((case for _, case in group), form))
        for status, group in groupby(ordered, lambda pair: pair[0])
    }


def _entries(cases: Iterable[Case], form: ErrorForm) -> Iterator[Json]:
    for case in cases:
        error = case.error
        detail = form.details.get(error.code, error.detail)
        yield {"code": error.code, "title": error.title, "detail": detail, "meta": dict(error.meta)}


def _unknown() -> Refusal:
    error = gateway_error("00404", source={"parameter": OPERATION_ID})
    return Refusal(GATEWAY_ERRORS["00404"].status, replace(error, detail="Aucune opération ne porte ce nom."))
