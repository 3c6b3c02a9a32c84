"""Answers of Sirene that are nearly right."""

import copy
from collections.abc import Iterator
from typing import Any

import orjson
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from jsonschema_rs import Validator, validator_for

from apientreprise_gateway.contract.endpoint import Endpoint
from apientreprise_gateway.contract.errors import Refusal
from apientreprise_gateway.providers.entreprise import insee
from apientreprise_gateway.providers.entreprise.schemas import SCHEMAS
from apientreprise_gateway.upstream.reading import ProviderAnswer
from unit.dialects.sirene_3_11.answers import (
    NAMES,
    PERSON,
    SIREN,
    SIRET,
    link,
    of_links,
    of_place,
    of_places,
    of_unit,
    period,
    place,
    unit,
)
from unit.dialects.sirene_3_11.asked import links_of, seat_of
from unit.dialects.speaking import Provider, ask, said

ENDPOINTS = insee.PROVIDER.endpoints
VALIDATORS: dict[str, Validator] = {
    endpoint.operation: validator_for(SCHEMAS.of(endpoint.operation)) for endpoint in ENDPOINTS
}
ODD: st.SearchStrategy[Any] = (
    st.none()
    | st.booleans()
    | st.integers(-10, 10)
    | st.sampled_from(["", " ", "[ND]", "O", "P", "N", "A", "C", "F", "0", "1900-01-01", "9999-12-31", "0001-01-01"])
    | st.text(max_size=5)
    | st.just([])
    | st.just({})
    | st.just([{}])
)


def right_answers(*, person: bool, status: str) -> dict[str, Any]:
    """What a Sirene that works answers about an entity."""
    names = NAMES if person else {}
    now = PERSON if person else {}
    found = unit(period(**now), statutDiffusionUniteLegale=status, **names)
    where = place(of={**names, **now, "statutDiffusionUniteLegale": status}, statutDiffusionEtablissement=status)
    return {
        f"/siren/{SIREN}": of_unit(found),
        f"/siret/{SIRET}": of_place(where),
        seat_of(SIREN): of_places(where),
        links_of(SIRET): of_links(link("99800005300012", SIRET)),
    }


def places_in(node: Any, path: tuple[Any, ...] = ()) -> Iterator[tuple[Any, ...]]:
    """The path to every value."""
    children = node.items() if isinstance(node, dict) else enumerate(node) if isinstance(node, list) else ()
    for key, child in children:
        yield (*path, key)
        yield from places_in(child, (*path, key))


def replaced(content: Any, path: tuple[Any, ...], value: Any) -> Any:
    """Content with one value replaced."""
    changed = copy.deepcopy(content)
    holder = changed
    for key in path[:-1]:
        holder = holder[key]
    holder[path[-1]] = value
    return changed


@pytest.mark.parametrize("endpoint", ENDPOINTS, ids=lambda endpoint: endpoint.operation)
@settings(max_examples=60, deadline=None)
@given(data=st.data(), person=st.booleans(), status=st.sampled_from("OPN"))
def test_one_odd_value(endpoint: Endpoint, data: st.DataObject, person: bool, status: str) -> None:
    """An answer with one value that should be another is answered as the schema says, or refused with a code."""
    contents = right_answers(person=person, status=status)
    target = data.draw(st.sampled_from(sorted(contents)))
    path = data.draw(st.sampled_from(sorted(places_in(contents[target]), key=str)))
    contents[target] = replaced(contents[target], path, data.draw(ODD))
    provider = Provider({where: said(content) for where, content in contents.items()})
    number = {"siren": SIREN, "siret": SIRET}[endpoint.parameters[0].name]
    outcome = asked(endpoint.operation, number, provider)
    if isinstance(outcome, str):
        assert outcome in {"01003", "01005", "01999"}
    else:
        body = orjson.loads(outcome.body)
        errors = [error.message for error in VALIDATORS[endpoint.operation].iter_errors(body)]
        assert errors == []


def asked(operation: str, number: str, provider: Provider) -> ProviderAnswer | str:
    """What an operation answers, or the code of its error."""
    try:
        return ask(operation, number, provider, non_diffusables="true")
    except Refusal as refused:
        return refused.errors[0].code
