import re

import pytest

from apientreprise_gateway.contract.identifiers import is_rna, is_siren, is_siret
from apientreprise_gateway.sandbox.entreprise.entities import AT_INSEE, ENTITIES, ORDINARY, Entity, directory
from apientreprise_gateway.sandbox.entreprise.specials import SPECIALS


@pytest.mark.parametrize("entity", [*ENTITIES, *AT_INSEE], ids=lambda entity: entity.siren)
def test_identifiers_are_valid(entity: Entity) -> None:
    """Every identifier passes the gateway's own checks, and an establishment's starts with its entity's."""
    assert is_siren(entity.siren)
    for establishment in entity.establishments:
        assert is_siret(establishment.siret)
        assert establishment.siret.startswith(entity.siren)
    assert entity.rna is None or is_rna(entity.rna)


def test_identifiers_are_unique() -> None:
    """No identifier names two entities, or an entity and a fault."""
    identifiers = [identifier for entity in (*ENTITIES, *AT_INSEE) for identifier in entity.identifiers]
    identifiers += [identifier for special in SPECIALS for identifier in (special.siren, special.siret, special.rna)]
    assert len(identifiers) == len(set(identifiers))


def test_ordinary_entity_has_the_documented_identifiers() -> None:
    """The identifiers that every example uses are those of one active, diffusible entity."""
    assert {"130025265", "13002526500013", "W262001597"} <= set(ORDINARY.identifiers)
    assert ORDINARY.closed is None
    assert ORDINARY.diffusion == "diffusible"
    assert ORDINARY.contributions_paid


def test_days_are_iso() -> None:
    """Every day is an ISO date."""
    days = [day for entity in ENTITIES for day in (entity.created, entity.updated, entity.closed) if day]
    assert all(re.fullmatch(r"\d{4}-\d\d-\d\d", day) for day in days)


def test_directory_finds_an_entity_by_each_identifier() -> None:
    """SIREN, SIRET and RNA lead to the same entity."""
    found = directory(ORDINARY)
    assert all(found[identifier] is ORDINARY for identifier in ORDINARY.identifiers)


def test_establishment_of_another_entity_is_unknown() -> None:
    """An entity does not lend its name to a foreign establishment."""
    with pytest.raises(KeyError):
        ORDINARY.establishment("99800001200018")
