"""Every documented field of every operation has a value in some fictive answer."""

from collections import defaultdict
from collections.abc import Iterator
from typing import Any

import pytest

from apientreprise_gateway.contract.endpoint import Endpoint
from apientreprise_gateway.providers.entreprise.product import PROVIDERS
from apientreprise_gateway.providers.entreprise.schemas import SCHEMAS
from apientreprise_gateway.sandbox.entreprise.entities import AT_INSEE, ENTITIES, Officer
from unit.sandbox.calling import ask, path_for

ENDPOINTS = [endpoint for provider in PROVIDERS for endpoint in provider.endpoints]
EACH = "[]"
FEW = 3
"""Enumerations with so many values show them all."""

HEAD_OFFICES = "insee_sieges"
"""Operations that are asked by SIREN: no SIRET of the question can have been replaced (`redirect_from_siret`).

Elsewhere only `errors` is silent: the gateway says there why it has left a document out.
"""

UNSEEN = {
    ("status_diffusion", "non_diffusible"): "INSEE answers 403 for whom it may not diffuse",
    ("sexe", "F"): "one person who lets everything be published is enough",
    ("modalite_exercice", "NR"): "it says that nothing is known",
    ("groupement", "Fédération"): "the sandbox has one association that belongs to a group",
    ("groupement", "Union"): "the sandbox has one association that belongs to a group",
    ("indice_repetition_voie", "quarter"): "two are enough",
    ("indice_repetition_voie", "quinquies"): "two are enough",
}
"""Values of short enumerations that no answer has, and why."""
ONE_IS_ENOUGH = {"raison_non_eligibilite_cec"}
"""Enumerations of sentences, of which only one association needs one."""

Path = tuple[str, ...]

each_endpoint = pytest.mark.parametrize("endpoint", ENDPOINTS, ids=lambda endpoint: endpoint.operation)


def queries_of(endpoint: Endpoint) -> Iterator[str]:
    """Queries that change what an endpoint answers."""
    yield ""
    names = {parameter.name for parameter in endpoint.query}
    if "non_diffusables" in names:
        yield "?non_diffusables=true"
    if "nature_effectif" in names:
        for nature in ("boeth", "ecap", "assujettissement_oeth"):
            yield f"?profondeur=13&nature_effectif={nature}"


def fields_of(schema: Any, path: Path = ()) -> Iterator[tuple[Path, Any]]:
    """Every field of a schema, with what is said of it; an object of which nothing is said is none."""
    assert not {"oneOf", "anyOf", "allOf"} & schema.keys(), "branches: each must be seen, which nothing here looks at"
    for name, below in schema.get("properties", {}).items():
        if below.get("type") != "object" or "properties" in below:
            yield (*path, name), below
        yield from fields_of(below, (*path, name))
    if "items" in schema:
        yield from fields_of(schema["items"], (*path, EACH))


def walk(value: Any, path: Path, seen: dict[Path, list[Any]]) -> None:
    """Note the values of all fields of an answer."""
    if isinstance(value, dict):
        for name, below in value.items():
            seen[(*path, name)].append(below)
            walk(below, (*path, name), seen)
    elif isinstance(value, list):
        for below in value:
            walk(below, (*path, EACH), seen)


def values_of(endpoint: Endpoint) -> dict[Path, list[Any]]:
    """What all entities together give each field of an operation."""
    seen: dict[Path, list[Any]] = defaultdict(list)
    for entity in (*ENTITIES, *AT_INSEE):
        for query in queries_of(endpoint):
            answer = ask(path_for(endpoint, entity) + query)
            if answer.status == 200:
                walk(answer.json(), (), seen)
    return seen


@each_endpoint
def test_every_documented_field_has_a_value(endpoint: Endpoint) -> None:
    """Each field, an optional one too, has a value that is not null or empty for one entity at least."""
    seen = values_of(endpoint)
    missing = {path for path, _ in fields_of(SCHEMAS.of(endpoint.operation)) if not any(map(is_something, seen[path]))}
    excusable = "redirect_from_siret" if HEAD_OFFICES in endpoint.operation else "errors"
    excused = {path for path in missing if path[-1] == excusable}
    assert missing == excused


def is_something(value: Any) -> bool:
    """Whether a value says anything."""
    return value not in (None, [], {})


@each_endpoint
def test_short_enumerations_are_shown_whole(endpoint: Endpoint) -> None:
    """Each value of a short enumeration is some entity's, so that both kinds of person, among others, can be met."""
    seen = values_of(endpoint)
    for path, schema in fields_of(SCHEMAS.of(endpoint.operation)):
        values = [value for value in schema.get("enum", ()) if value is not None]
        if len(values) <= FEW and path[-1] not in ONE_IS_ENOUGH:
            unseen = [value for value in values if value not in seen[path]]
            assert [value for value in unseen if (path[-1], value) not in UNSEEN] == [], path


@pytest.mark.parametrize("operation", ["mandataires_sociaux", "extrait_kbis"])
def test_persons_among_officers_have_all_fields(operation: str) -> None:
    """A natural and a legal person have the same fields: all that are documented."""
    (endpoint,) = [each for each in ENDPOINTS if each.path.endswith(operation)]
    described = dict(fields_of(SCHEMAS.of(endpoint.operation)))
    kinds = set()
    for entity in ENTITIES:
        data = ask(path_for(endpoint, entity)).json()["data"]
        entries = data["mandataires_sociaux"] if isinstance(data, dict) else [entry["data"] for entry in data]
        place = ("data", "mandataires_sociaux", EACH) if isinstance(data, dict) else ("data", EACH, "data")
        documented = {path[-1] for path in described if path[:-1] == place}
        assert all(entry.keys() == documented for entry in entries)
        kinds |= {entry["type"] for entry in entries}
    assert kinds == {"personne_physique", "personne_morale"}


def test_officers_are_of_both_kinds() -> None:
    """The ordinary entity has a person and a company among its officers, with data that the other kind has not."""
    officers: tuple[Officer, ...] = ENTITIES[0].officers
    assert {officer.person is None for officer in officers} == {True, False}
