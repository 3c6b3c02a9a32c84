"""The masks of API Particulier against the published ones: field by field, both ways."""

import pytest

from apientreprise_gateway.contract.endpoint import Endpoint
from apientreprise_gateway.contract.masks import MaskRules, Needs
from conformance.conftest import Json, load_masks
from conformance.particulier import CATALOGUE, NEWER

MASKS = load_masks()
ALL = {"niveau_bourse"}
"""The fields that need all of their scopes; the others need any."""
EACH = "statut_*."
"""In a published path: each field whose name begins so."""
each_endpoint = pytest.mark.parametrize(
    "endpoint",
    [pytest.param(endpoint, id=operation) for operation, (endpoint, _) in CATALOGUE.items() if operation not in NEWER],
)
POPULATIONS = {
    "mesri_inscription_etudiant": {"statut": "inscrit", "regime": "formation initiale"},
    "mesri_inscription_autre": {"statut": "inscrit", "regime": "formation continue"},
    "mesri_admission": {"statut": "admis"},
}
"""What is published in words of the entries that a scope opens."""


def published(masks: Json) -> dict[str, Needs]:
    """What each field needs, by its path; fields that need nothing are left out."""
    found = {}
    fields = masks["fields"]
    for path, scopes in fields.items():
        paths = [path]
        if path.startswith(EACH):
            paths = [
                f"{name}.{path.removeprefix(EACH)}" for name in fields if name.startswith("statut_") and "*" not in name
            ]
        for each in paths:
            if scopes:
                needs = frozenset(scopes)
                found[each] = Needs(all_of=needs) if path in ALL else Needs(any_of=needs)
    return found


def ours(endpoint: Endpoint) -> dict[str, Needs]:
    """Ours, by the paths of fields as published: from v3 on those of the data."""
    rules = endpoint.mask or MaskRules()
    if endpoint.flat:
        return dict(rules.fields)
    assert all(path.startswith("data.") for path in rules.fields)
    return {path.removeprefix("data."): needs for path, needs in rules.fields.items()}


def test_every_published_mask_is_compared() -> None:
    """There are the published operations, and no other but newer ones."""
    assert MASKS.keys() == CATALOGUE.keys() - NEWER


@each_endpoint
def test_fields_need_what_is_published(endpoint: Endpoint) -> None:
    """Every field needs the published scopes, and no other field needs any."""
    assert ours(endpoint) == published(MASKS[endpoint.operation])


@each_endpoint
def test_populations(endpoint: Endpoint) -> None:
    """The entries that a scope opens are those of its population, where there are populations at all."""
    rules = endpoint.mask or MaskRules()
    if "own population" in MASKS[endpoint.operation].get("notes", ""):
        assert rules.populations == {"inscriptions": POPULATIONS}
    else:
        assert rules.populations == {}


@each_endpoint
def test_scopes_that_show_nothing(endpoint: Endpoint) -> None:
    """A scope that opens the operation, and of which no field is, is published as such."""
    masks = MASKS[endpoint.operation]
    if masks["endpoint_scopes_any_of"] is None:
        return
    assert set(masks["endpoint_scopes_any_of"]) == set(endpoint.scopes)
    used = (endpoint.mask or MaskRules()).scopes
    assert set(endpoint.scopes) - used == set(masks.get("endpoint_scopes_without_field", ()))
