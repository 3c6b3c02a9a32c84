"""The catalogue of products: one plain dictionary that JSON can hold.

`docs/catalogue.md` says what each key means. It is made of what the products say, and of the few numbers that a
deployment sets.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Any, Final

from apientreprise_gateway.catalogue.fields import fields_of
from apientreprise_gateway.catalogue.parameters import identity_of, parameters_of
from apientreprise_gateway.contract.documents import Document
from apientreprise_gateway.contract.endpoint import Endpoint, Ping, Provider
from apientreprise_gateway.contract.groups import Limit
from apientreprise_gateway.contract.traceability import required_of
from apientreprise_gateway.providers.product import Product

Json = dict[str, Any]

_DEFAULTS: Final[Mapping[str, int]] = MappingProxyType({})


@dataclass(frozen=True, slots=True)
class Terms:
    """What a deployment sets of the catalogue."""

    limits: Mapping[str, int] = field(default_factory=lambda: _DEFAULTS)
    """Calls in a window, by the name of the setting; a limit that is not there has its default."""
    user_id_required: Callable[[Endpoint], bool] = lambda _: True
    """Whether calls of an endpoint are refused without `user_id`, where its provider wants to know it."""

    def calls(self, limit: Limit) -> int:
        """How many calls a limit allows in its window."""
        return self.limits.get(limit.setting, limit.calls)


def catalogue(products: Sequence[Product], terms: Terms) -> Json:
    """The whole: `products`, with their use cases, and `operations`."""
    return {
        "products": [_product(product) for product in products],
        "operations": list(operations_of(products, terms)),
    }


def operations_of(products: Sequence[Product], terms: Terms) -> Iterator[Json]:
    """Each operation that a provider answers, product by product."""
    for product in products:
        for provider in product.providers:
            for endpoint in provider.endpoints:
                yield _operation(endpoint, provider, product, terms)


def _product(product: Product) -> Json:
    return {
        "key": product.key,
        "name": product.name,
        "title": product.title,
        "specification": product.specification,
        "specifications": [
            {"path": each.path, "format": "json" if each.is_json else "yaml", "current": each.is_current}
            for each in product.specifications
        ],
        "errors": product.errors,
        "pings": product.pings.index,
        "versions": [version.number for version in product.versions],
        "use_cases": [
            {
                "key": case.key,
                "title": case.title,
                "description": case.description,
                "operations": list(case.operations),
                "optional": list(case.optional),
            }
            for case in product.use_cases
        ],
    }


def _operation(endpoint: Endpoint, provider: Provider, product: Product, terms: Terms) -> Json:
    return {
        "product": product.key,
        "operation": endpoint.operation,
        "path": endpoint.path,
        "aliases": list(endpoint.aliases),
        "version": endpoint.version,
        "deprecated": endpoint.deprecated,
        "newer_versions": [
            {"operation": each.operation, "path": each.path, "version": each.version}
            for each in product.newer_than(endpoint)
        ],
        "provider": provider.name,
        "provider_key": provider.key,
        "tag": endpoint.tag,
        "summary": endpoint.summary,
        "description": product.schemas.descriptions[endpoint.operation],
        "use_cases": list(_use_cases(endpoint, product)),
        **_calls(endpoint, product, terms),
        **_answers(endpoint, provider, product),
    }


def _calls(endpoint: Endpoint, product: Product, terms: Terms) -> Json:
    """What a call has to carry, and how many there may be."""
    version, person = product.version_of(endpoint), endpoint.person
    rule = version.traceability
    named = required_of(endpoint, rule, user_id_required=terms.user_id_required(endpoint))
    return {
        "scopes": list(endpoint.scopes),
        "token": {
            "bearer": version.token.bearer,
            "header": version.token.header,
            "parameter": version.token.parameter,
        },
        "parameters": list(parameters_of(endpoint)),
        "call_mode": None if person is None else person.mode.value,
        "france_connect": person is not None and person.france_connect,
        "identity_parameters": [] if person is None else list(identity_of(person)),
        "traceability": list(named),
        "traceability_optional": ["recipient"] if rule.siret_recipient and "recipient" not in named else [],
        "group": endpoint.group.name,
        "limit": terms.calls(endpoint.group.limit),
        "seconds": endpoint.group.seconds,
        "client_timeout": endpoint.client_timeout,
    }


def _answers(endpoint: Endpoint, provider: Provider, product: Product) -> Json:
    """What comes back, and what says whether it can come."""
    return {
        "answer": endpoint.answer.value,
        "document": None if endpoint.document is None else _document(endpoint.document),
        "cache": None if endpoint.cache is None else endpoint.cache.text,
        "ping": _ping(provider.ping_of(endpoint.operation), product),
        "fields": list(fields_of(endpoint, product.schemas)),
    }


def _use_cases(endpoint: Endpoint, product: Product) -> Iterator[Json]:
    for case in product.use_cases:
        if endpoint.operation in (*case.operations, *case.optional):
            yield {"key": case.key, "title": case.title, "optional": endpoint.operation in case.optional}


def _document(document: Document) -> Json:
    return {
        "kinds": [kind.value for kind in document.kinds],
        "field": list(document.address),
        "optional": document.optional,
        "seconds": document.seconds,
    }


def _ping(ping: Ping | None, product: Product) -> Json | None:
    return None if ping is None else {"key": ping.key, "name": ping.name, "path": product.pings.of(ping)}
