"""The fictive world of persons: the query of a call says whom it is about."""

from collections.abc import Iterable, Mapping
from typing import Any, Final

import orjson

from apientreprise_gateway.contract.endpoint import Endpoint
from apientreprise_gateway.contract.error_forms import object_bodies
from apientreprise_gateway.contract.errors import provider_error
from apientreprise_gateway.contract.identification import Meaning
from apientreprise_gateway.contract.query import read_all
from apientreprise_gateway.contract.routes import Route
from apientreprise_gateway.providers.product import Product
from apientreprise_gateway.sandbox.exchange import Reply
from apientreprise_gateway.sandbox.faults import FAULTS, message
from apientreprise_gateway.sandbox.particulier.answers import ANSWERS
from apientreprise_gateway.sandbox.particulier.answers.shape import Answer, Unknown
from apientreprise_gateway.sandbox.particulier.guests import guest_of
from apientreprise_gateway.sandbox.particulier.person import Household, Person
from apientreprise_gateway.sandbox.particulier.persons import CLAIRE, PERSONS
from apientreprise_gateway.sandbox.particulier.register import HOMES, Said, found_by
from apientreprise_gateway.sandbox.particulier.specials import BY_NAME, LATE, SPECIALS, Special, special_of
from apientreprise_gateway.sandbox.world import Call, Outcome

_WHERE: Final = frozenset({Meaning.SCHOOL_LEVEL, Meaning.DEPARTMENTS, Meaning.REGIONS})
"""Where a pupil is looked for; a guest is found everywhere."""
_SEVERAL: Final = BY_NAME["HOMONYME"]


class PersonWorld:
    """What the providers of a product say of persons."""

    def __init__(self, product: Product) -> None:
        endpoints = tuple(product.endpoints)
        parameters = {each.name: each.meaning for end in endpoints if end.person for each in end.person.parameters}
        self._meanings: Mapping[str, Meaning] = parameters
        self._names = frozenset(parameters)
        self._answers = {endpoint.operation: _answer_of(endpoint, product.key) for endpoint in endpoints}

    def answer(self, route: Route, values: Iterable[str], call: Call) -> Outcome:
        said = self.said(call)
        special = special_of(said)
        if special is not None:
            return self._special(route, special, said)
        persons = found_by(said, route.provider.key)
        guest = None if len(persons) == 1 and Meaning.PLATE not in said else guest_of(said, persons)
        if guest is None:
            return Outcome(self._reply(route, persons, said), route.provider)
        if guest.special is not None:
            return self._special(route, guest.special, said)
        details = {meaning: value for meaning, value in said.items() if meaning not in _WHERE}
        return Outcome(self._about(route, guest.person, guest.home, details), route.provider)

    def beside(self, call: Call) -> Outcome | None:
        return None

    def index(self) -> Mapping[str, Any]:
        return {
            "personnes": [
                {
                    "cle": person.key,
                    "nom": person.birth_name,
                    "prenoms": person.first_names,
                    "date_naissance": person.birth.isoformat(),
                    "description": person.description,
                }
                for person in PERSONS
            ],
            "noms_speciaux": [
                {"nom": special.name, "chiffres": special.digits, "description": special.description}
                for special in SPECIALS
            ],
        }

    def said(self, call: Call) -> Said:
        """What a call says; the values of an array are separated by spaces, else the last value counts."""
        given = read_all(call.query, self._names)
        return {
            self._meanings[name]: " ".join(values) if name.endswith("[]") else values[-1].strip()
            for name, values in given.items()
            if any(value.strip() for value in values)
        }

    def _special(self, route: Route, special: Special, said: Said) -> Outcome:
        """What a special person gets."""
        if not special.fault:
            return Outcome(_refusal(route, special), route.provider)
        usual = self._about(route, CLAIRE, HOMES[CLAIRE.key], _details_of(CLAIRE, said))
        return Outcome(usual, route.provider, FAULTS[special.fault])

    def _reply(self, route: Route, persons: list[Person], said: Said) -> Reply:
        if len(persons) > 1:
            return _refusal(route, _SEVERAL)
        if not persons:
            return _unknown(route)
        return self._about(route, persons[0], HOMES[persons[0].key], said)

    def _about(self, route: Route, person: Person, home: Household, said: Said) -> Reply:
        try:
            body = self._answers[route.endpoint.operation](person, home, said)
        except Unknown as unknown:
            return _coded(route, unknown.code) or _unknown(route)
        return Reply(200, orjson.dumps(body))


def _answer_of(endpoint: Endpoint, product: str) -> Answer:
    """The function that makes the answers of an endpoint.

    Raises:
        KeyError: nobody has said what it answers.
    """
    return ANSWERS[endpoint.operation.removeprefix(f"{product}_").partition("_with_")[0]]


def _details_of(person: Person, said: Said) -> Said:
    """What a call asks about a special person, as if it were asked about another."""
    vehicle = {Meaning.PLATE: person.vehicle.plate} if person.vehicle else {}
    school = {Meaning.SCHOOL: person.schooling.uai} if person.schooling else {}
    return {**said, **vehicle, **school}


def _refusal(route: Route, special: Special) -> Reply:
    """The error of a special person."""
    for code in special.codes:
        reply = _coded(route, code)
        if reply is not None:
            return reply
    if special.status == LATE:
        late = provider_error("002", prefix=route.provider.prefix, name=route.provider.name)
        return Reply(LATE, object_bodies(late.errors))
    if special.status != 404:
        return Reply(special.status, message(f"{route.provider.name} : {special.description}"))
    return _unknown(route)


def _coded(route: Route, code: str) -> Reply | None:
    """One of the provider's own errors, if it may be answered here."""
    for status, codes in route.endpoint.codes.items():
        if code in codes:
            return Reply(status, object_bodies((route.provider.error(code),)))
    return None


def _unknown(route: Route) -> Reply:
    return Reply(404, message(f"{route.provider.name} : aucune personne connue à cette identité"))
