"""The fictive world of companies: who is named by a SIREN, a SIRET or a RNA, in the providers' own dialects too."""

from collections.abc import Iterable, Mapping
from typing import Any, Final

import orjson

from apientreprise_gateway.contract.parameters import ParameterKind
from apientreprise_gateway.contract.query import read
from apientreprise_gateway.contract.routes import Route
from apientreprise_gateway.providers.product import Product
from apientreprise_gateway.sandbox.entreprise import dialects, documents
from apientreprise_gateway.sandbox.entreprise.answers import answer_of
from apientreprise_gateway.sandbox.entreprise.answers.shape import Declined
from apientreprise_gateway.sandbox.entreprise.directory import DIRECTORY, FAULT_BY_IDENTIFIER
from apientreprise_gateway.sandbox.entreprise.entities import AT_INSEE, ENTITIES, KNOWS_ALL, ORDINARY, Entity
from apientreprise_gateway.sandbox.entreprise.specials import SPECIALS
from apientreprise_gateway.sandbox.exchange import NO_HEADERS, Reply
from apientreprise_gateway.sandbox.faults import TIMEOUT_SECONDS, Fault, message
from apientreprise_gateway.sandbox.world import LINKS, Call, Options, Outcome

_A_YEAR: Final = "2024"
"""A value that a year accepts, and no identifier of an entity."""


class EntityWorld:
    """What the providers of a product say of companies and associations."""

    def __init__(self, product: Product, options: Options) -> None:
        self._providers = {provider.key: provider for provider in product.providers}
        self._endpoints = {endpoint.operation: endpoint for endpoint in product.endpoints}
        self._answers = {endpoint.operation: answer_of(endpoint, product.schemas) for endpoint in product.endpoints}
        self._form = options.form
        self._links = options.links.encode()

    def answer(self, route: Route, values: Iterable[str], call: Call) -> Outcome:
        found = list(values)
        return Outcome(self._reply(route, found, call), route.provider, _fault_for(found))

    def beside(self, call: Call) -> Outcome | None:
        """What a dialect answers, or the file of a document."""
        spoken = dialects.find(call.path)
        if spoken is not None and spoken[0].provider in self._providers:
            dialect, rest = spoken
            answer = dialect.speak(rest, call.query.decode("latin-1"))
            return Outcome(answer.reply, self._providers[dialect.provider], _fault_for(answer.identifiers))
        if call.path.startswith(documents.PREFIX):
            bad, reply = documents.file_at(call.path.encode("latin-1"), self._endpoints, DIRECTORY)
            return Outcome(reply, wait=TIMEOUT_SECONDS if bad.slow else 0)
        return None

    def index(self) -> Mapping[str, Any]:
        return {
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

    def _reply(self, route: Route, found: list[str], call: Call) -> Reply:
        """What the provider of a route answers without a fault."""
        endpoint = route.endpoint
        values = {parameter.name: value for parameter, value in zip(endpoint.parameters, found, strict=True)}
        entity = _entity(route, values)
        if entity is None:
            return Reply(404, message(f"{route.provider.name} : aucune entité ne porte cet identifiant"))
        query = read(call.query, frozenset(parameter.name for parameter in endpoint.query))
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
        return documents.give(endpoint, entity, body, host=call.host, form=self._form)


def _fault_for(values: Iterable[str]) -> Fault | None:
    return next((FAULT_BY_IDENTIFIER[value] for value in values if value in FAULT_BY_IDENTIFIER), None)


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
