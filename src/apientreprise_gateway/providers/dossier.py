"""Dossiers: endpoints that ask several others of their product about one entity, and answer with all of them.

They are ours, not published ones (ADR 0015). A dossier can ask the endpoints of its product, from v3 on, whose path
names an entity; each is a resource, known by its published name.
"""

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Final, NamedTuple

from apientreprise_gateway.contract.endpoint import Endpoint
from apientreprise_gateway.contract.errors import FLAT_VERSION, Refusal, gateway_error
from apientreprise_gateway.contract.parameters import ParameterKind

RESOURCES: Final = "ressources"
"""The query parameter that names the resources."""
MAX_RESOURCES: Final = 20
"""Most resources that one call may ask for: as many provider calls run at the same time."""

_MAX_SHOWN: Final = 64


class Resource(NamedTuple):
    """An endpoint, as a part of a dossier."""

    name: str
    endpoint: Endpoint

    def values(self, siret: str, parameters: Mapping[str, str]) -> list[str]:
        """Its path parameters: the number of the company, the others from the query (missing ones are empty)."""
        return [
            _number(parameter.kind, siret) if parameter.kind.names_entity else parameters.get(parameter.name, "")
            for parameter in self.endpoint.parameters
        ]


@dataclass(frozen=True, slots=True, kw_only=True)
class Dossier:
    """The dossier of a product, with what OpenAPI says of it in French."""

    endpoint: Endpoint
    published: str
    """What the names of the product's operations begin with, before their version."""
    description: str
    examples: tuple[str, ...]
    """Names of resources."""
    parameters: Mapping[str, str]
    """What each further query parameter is for."""

    def resources_of(self, endpoints: Iterable[Endpoint]) -> dict[str, Resource]:
        """The resources among endpoints by name: `v4_insee_unites_legales`, `insee_unites_legales` for the newest."""
        published = re.compile(rf"{re.escape(self.published)}_(v\d+_(.+))")
        found: dict[str, Resource] = {}
        for endpoint in sorted(endpoints, key=lambda each: each.version):
            named = any(parameter.kind.names_entity for parameter in endpoint.parameters)
            if named and endpoint is not self.endpoint and endpoint.version != FLAT_VERSION:
                match = published.fullmatch(endpoint.operation)
                for name in match.groups() if match else (endpoint.operation,):
                    found[name] = Resource(name, endpoint)
        return found


def parameters_of(resources: Iterable[Resource]) -> frozenset[str]:
    """The query parameters that a dossier reads for its parts."""
    return frozenset(
        parameter.name
        for resource in resources
        for parameter in (*resource.endpoint.parameters, *resource.endpoint.query)
        if not parameter.kind.names_entity
    )


def choose(known: Mapping[str, Resource], text: str | None) -> list[Resource]:
    """The resources that a call asks for, each once, in its order.

    Args:
        known: from `Dossier.resources_of`.
        text: names, separated by commas.

    Raises:
        Refusal: 422 `00902`, none is named, or too many; 422 `00903`, one is unknown.
    """
    names = list(dict.fromkeys(name.strip() for name in (text or "").split(",") if name.strip()))
    if not 0 < len(names) <= MAX_RESOURCES:
        raise Refusal(422, gateway_error("00902"))
    unknown = [name[:_MAX_SHOWN] for name in names if name not in known]
    if unknown:
        raise Refusal(422, gateway_error("00903", meta={"ressources_inconnues": unknown}))
    return [known[name] for name in names]


def _number(kind: ParameterKind, siret: str) -> str:
    """The number of a company as a kind of parameter wants it: its SIREN or its SIRET."""
    siren = siret[:9]
    return siren if kind.accepts(siren) else siret
