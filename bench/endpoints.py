"""A gateway that serves so many endpoints that are all alike: `endpoints.py COUNT PORT`, configured by the environment.

Calls of any of them are the same work, so what differs between two such gateways is due to the number alone. They
belong to all providers in turn, each of which has connections, a breaker and metrics of its own.
"""

import sys
from dataclasses import replace
from typing import Final

from apientreprise_gateway.contract.endpoint import Endpoint, Provider
from apientreprise_gateway.gateway import worker
from apientreprise_gateway.gateway.app import Gateway
from apientreprise_gateway.gateway.settings import load
from apientreprise_gateway.observability import logs
from apientreprise_gateway.process.runner import listen
from apientreprise_gateway.providers.entreprise.product import ENTREPRISE
from apientreprise_gateway.providers.product import Product
from apientreprise_gateway.providers.schemas import Schema, Schemas

_COPIED: Final = next(each for each in ENTREPRISE.endpoints if each.path == "/v3/insee/sirene/unites_legales/{siren}")


class _SchemaOfAll(Schemas):
    """The schema of the endpoint that was copied, for each copy."""

    def __init__(self, schema: Schema, operations: tuple[str, ...]) -> None:
        self._schema = schema
        self._operations = operations

    @property
    def operations(self) -> tuple[str, ...]:
        return self._operations

    def of(self, _operation: str) -> Schema:
        return self._schema


def path(number: int) -> str:
    """The path of an endpoint, without the number of the company."""
    return f"/v3/insee/sirene/unites_legales_{number}"


def alike(count: int) -> Product:
    """API Entreprise with so many endpoints, and nothing beside them."""
    copies = [
        replace(_COPIED, operation=f"{_COPIED.operation}_{number}", path=path(number) + "/{siren}")
        for number in range(count)
    ]
    providers = [_with(provider, copies[first :: len(ENTREPRISE.providers)]) for first, provider in _ordered()]
    return replace(
        ENTREPRISE,
        providers=tuple(provider for provider in providers if provider.endpoints),
        dossier=None,
        introspection=None,
        privileges=(),
        use_cases=(),
        replaced={},
        examples=None,
        schemas=_SchemaOfAll(ENTREPRISE.schemas.of(_COPIED.operation), tuple(each.operation for each in copies)),
    )


def _ordered() -> list[tuple[int, Provider]]:
    """The providers by number, that of the copied endpoint first."""
    return list(enumerate(sorted(ENTREPRISE.providers, key=lambda provider: _COPIED not in provider.endpoints)))


def _with(provider: Provider, endpoints: list[Endpoint]) -> Provider:
    return replace(provider, endpoints=tuple(endpoints), pings=())


def main() -> None:
    count, port = int(sys.argv[1]), int(sys.argv[2])
    settings = load()
    logs.configure(level=settings.log_level)
    worker.serve(Gateway(settings, products=(alike(count),)), listen("127.0.0.1", port), ready=lambda: None)


if __name__ == "__main__":
    main()
