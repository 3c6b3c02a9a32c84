"""Makes an answer for any operation from its schema.

What is known about the entity is the same in all answers; the rest is invented, but the same call always gets the same
answer. Providers with a file of their own here answer in more detail.
"""

import hashlib
from collections.abc import Iterator, Mapping
from functools import lru_cache
from typing import Any, Final, NamedTuple

from apientreprise_gateway.contract.endpoint import Endpoint
from apientreprise_gateway.contract.notation import Schema
from apientreprise_gateway.providers.schemas import Schemas
from apientreprise_gateway.sandbox.entreprise.answers.coercion import MISSING, coerce, is_nullable, kind_of
from apientreprise_gateway.sandbox.entreprise.answers.facts import ITEM, Facts, Path, facts_of, find
from apientreprise_gateway.sandbox.entreprise.answers.invention import (
    ERRORS,
    FIRST,
    LENGTHS,
    NO_ENTRIES,
    NOTHING,
    UNKNOWN,
    Field,
    Inventor,
)
from apientreprise_gateway.sandbox.entreprise.answers.shape import Answer, Declined
from apientreprise_gateway.sandbox.entreprise.entities import ORDINARY, Entity, Establishment, eori

_OTHERS: Final = frozenset(
    {
        "actionnaires",
        "filiales",
        "composition_reseau",
        "reseaux_affiliation",
        "mandataires_sociaux",
        "dirigeants_et_associes",
        "representants_legaux",
        "predecesseurs",
        "successeurs",
        "agrements",
        "habilitations_france_competence",
    }
)
"""Fields that hold data about others than the entity: facts about the entity are not used in them."""
_ESTABLISHMENTS: Final = "etablissements"
_COUNTS: Final = frozenset({"count", "nombre_documents", "nombre_filiales"})
_EXCLUSIVE: Final = {"personne_morale": "personne_physique", "personne_physique": "personne_morale"}


def answer_for(endpoint: Endpoint, schemas: Schemas) -> Answer:
    """The function that makes the answers of an endpoint; `schemas` are those of its product."""
    associations = takes_associations(endpoint)

    def answer(entity: Entity, values: Mapping[str, str], _query: Mapping[str, str]) -> Any:
        if associations and entity.association is None:
            raise Declined(404, "Aucune association ne porte cet identifiant")
        return _body(schemas, endpoint.operation, entity, tuple(sorted(values.items())))

    return answer


def takes_associations(endpoint: Endpoint) -> bool:
    """Whether an endpoint is about associations only, as it takes their kind of identifier."""
    association = ORDINARY.rna or ""
    return any(parameter.kind.names_entity and parameter.kind.accepts(association) for parameter in endpoint.parameters)


@lru_cache(maxsize=4096)
def _body(schemas: Schemas, operation: str, entity: Entity, values: tuple[tuple[str, str], ...]) -> Any:
    """The body of an answer; it is cached and shared, as the same call always gets the same one."""
    named = dict(values)
    establishment = _establishment(entity, named)
    # Identifiers of the entity itself are left out of the seed: whichever is used, the answer is the same.
    others = [value for value in named.values() if not _names(entity, value)]
    digest = hashlib.sha256("\0".join([operation, entity.siren, *others]).encode()).digest()
    inventor = Inventor(int.from_bytes(digest[:8]))
    body = _Author(entity, named, inventor).write(
        schemas.of(operation), _Place((), facts_of(entity, establishment, named))
    )
    return _counted(body)


def _establishment(entity: Entity, values: Mapping[str, str]) -> Establishment:
    """The establishment that the call names by SIRET or EORI number, else the head office."""
    asked = set(values.values())
    return next(
        (place for place in entity.establishments if asked & {place.siret, eori(place.siret)}), entity.head_office
    )


def _names(entity: Entity, value: str) -> bool:
    return value in entity.identifiers


class _Place(NamedTuple):
    """The place of a value in an answer."""

    path: Path
    facts: Facts
    rank: int = 0
    """Position of the array entry that contains the value."""
    silent: bool = False
    """Whether every value here that may be null is null."""
    neighbours: frozenset[str] = frozenset()

    @property
    def name(self) -> str:
        return next((name for name in reversed(self.path) if name != ITEM), "")

    @property
    def field(self) -> Field:
        holder = "/".join(self.path[:-1] if self.path and self.path[-1] != ITEM else self.path[:-2])
        return Field(self.name, f"{holder}#{self.rank}", self.neighbours, self.rank)


class _Author:
    """Writes the body of one answer."""

    def __init__(self, entity: Entity, values: Mapping[str, str], inventor: Inventor) -> None:
        self._entity = entity
        self._values = values
        self._inventor = inventor

    def write(self, schema: Schema, place: _Place) -> Any:
        """A value for a schema; `MISSING` if there should be none and the schema does not allow null."""
        known, fact = find(place.facts, place.path)
        if place.silent and is_nullable(schema):
            return None
        if known:
            fitting = coerce(fact, schema)
            if fitting is not MISSING:
                return fitting
        kind = kind_of(schema)
        if kind == "object":
            return self._object(schema, place._replace(silent=place.silent or self._says_nothing(place.name)))
        if kind == "array":
            return list(self._entries(schema, place))
        if (known and fact is None) or self._says_nothing(place.name):
            return None if is_nullable(schema) else MISSING
        return self._leaf(schema, place)

    def _says_nothing(self, name: str) -> bool:
        """Whether a field has no value for an ordinary entity, and this entity is one."""
        return not self._entity.complete and NOTHING.search(name) is not None

    def _object(self, schema: Schema, place: _Place) -> dict[str, Any]:
        neighbours = frozenset(schema.get("properties", ()))
        written: dict[str, Any] = {}
        for name, value in schema.get("properties", {}).items():
            silent = place.silent or self._excluded(name, written)
            below = place._replace(
                path=(*place.path, name),
                facts={} if name in _OTHERS else place.facts,
                silent=silent,
                neighbours=neighbours,
            )
            found = self.write(value, below)
            if found is MISSING and name in schema.get("required", ()):
                found = self._leaf(value, below)
            if found is not MISSING:
                written[name] = found
        return _counted_within(written)

    def _excluded(self, name: str, written: Mapping[str, Any]) -> bool:
        """Whether a field is for the other kind of person (natural or legal) than the object is about."""
        other = _EXCLUSIVE.get(str(written.get("type")))
        return other is not None and name.startswith(other)

    def _entries(self, schema: Schema, place: _Place) -> Iterator[Any]:
        if place.name == _ESTABLISHMENTS:
            facts = [facts_of(self._entity, each, self._values) for each in self._entity.establishments]
        else:
            facts = [place.facts] * self._length_of(place.name)
        for rank, each in enumerate(facts):
            found = self.write(
                schema["items"], place._replace(path=(*place.path, ITEM), facts=each, rank=max(rank, place.rank))
            )
            if found is not MISSING:
                yield found

    def _length_of(self, name: str) -> int:
        """Number of entries of an array; at least two for an entity with complete answers, so that both kinds occur."""
        if self._entity.complete:
            return 0 if name == ERRORS else max(2, LENGTHS.get(name, 1))
        return 0 if name in NO_ENTRIES else LENGTHS.get(name, 1)

    def _leaf(self, schema: Schema, place: _Place) -> Any:
        field = place.field._replace(pattern=schema.get("pattern", ""))
        if "enum" in schema:
            return self._enumerated(schema, field)
        kind = kind_of(schema)
        if kind == "boolean":
            return self._inventor.flag(field)
        if kind == "string" and str(schema.get("format", "")).startswith("date"):
            return coerce(self._inventor.day(field), schema)
        drawn = self._inventor.text(field) if kind == "string" else self._inventor.number(field)
        fitting = coerce(drawn, schema)
        return self._inventor.matching(field.pattern) if fitting is MISSING else fitting

    def _enumerated(self, schema: Schema, field: Field) -> Any:
        values = tuple(value for value in schema["enum"] if value is not None and value not in UNKNOWN)
        if not FIRST.search(field.name):
            return self._inventor.choice(values)
        if not self._entity.complete:
            return values[0]
        # The company and the person with complete answers begin with different values.
        return values[(field.rank + (self._entity.person is None)) % len(values)]


def _counted_within(written: dict[str, Any]) -> dict[str, Any]:
    """An object with its counts set to the length of the list beside them."""
    lists = [value for value in written.values() if isinstance(value, list)]
    if len(lists) == 1:
        written |= {name: len(lists[0]) for name in _COUNTS & written.keys()}
    return written


def _counted(body: Any) -> Any:
    """A body with the count in its `meta` set to the number of its entries."""
    if isinstance(body, dict) and isinstance(body.get("data"), list) and "meta" in body:
        body["meta"] |= {name: len(body["data"]) for name in _COUNTS & body["meta"].keys()}
    return body
