"""The dossier: the endpoint that asks several others about one company.

It is ours, not one of the published ones (ADR 0015). What it can ask are the endpoints from v3 on whose path names a
company or an association; each is a resource, known by its published name.
"""

import re
from collections.abc import Iterable, Mapping
from typing import Final, NamedTuple

from apientreprise_gateway.contract.endpoint import SIRET, Endpoint, Parameter, ParameterKind, Provider
from apientreprise_gateway.contract.errors import FLAT_VERSION, Refusal, gateway_error
from apientreprise_gateway.providers.introspection import INTROSPECTION

RESOURCES: Final = "ressources"
"""The query parameter that names the resources."""
MAX_RESOURCES: Final = 20
"""How many resources one call may ask for: as many provider calls run at the same time."""

DOSSIER: Final = Endpoint(
    operation="dossiers",
    path="/v3/dossiers/{siret}",
    summary="Plusieurs ressources d'une entreprise en un appel",
    tag="Dossier",
    scopes=(),
    parameters=(Parameter("siret", SIRET),),
)
GATEWAY: Final = Provider(key="gateway", name="API Entreprise", prefix="00", endpoints=(DOSSIER, INTROSPECTION))
"""Who answers for what is answered without a provider."""

_PUBLISHED: Final = re.compile(r"api_entreprise_(v\d+_(.+))")
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


def resources_of(endpoints: Iterable[Endpoint]) -> dict[str, Resource]:
    """The resources of a catalogue by name: `v4_insee_unites_legales`, and `insee_unites_legales` for the newest."""
    found: dict[str, Resource] = {}
    for endpoint in sorted(endpoints, key=lambda each: each.version):
        named = any(parameter.kind.names_entity for parameter in endpoint.parameters)
        if named and endpoint is not DOSSIER and endpoint.version != FLAT_VERSION:
            match = _PUBLISHED.fullmatch(endpoint.operation)
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
        known: from `resources_of`.
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
    """What a company is called where a SIREN, a SIRET or something else is wanted."""
    siren = siret[:9]
    return siren if kind.accepts(siren) else siret
