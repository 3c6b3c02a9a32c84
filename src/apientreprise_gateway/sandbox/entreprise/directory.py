"""Finds entities and faults of the sandbox by identifier."""

from collections.abc import Mapping
from types import MappingProxyType
from typing import Final

from apientreprise_gateway.sandbox.entreprise.documents import BAD_FILES
from apientreprise_gateway.sandbox.entreprise.entities import AT_INSEE, ENTITIES, Entity, directory, double, eori
from apientreprise_gateway.sandbox.entreprise.specials import SPECIALS
from apientreprise_gateway.sandbox.faults import Fault

DIRECTORY: Final[Mapping[str, Entity]] = directory(
    *ENTITIES,
    *AT_INSEE,
    *(double(siren=each.siren, siret=each.siret, rna=each.rna) for each in (*SPECIALS, *BAD_FILES)),
)
"""All entities by identifier, with the copies of the ordinary one that faults delay or damage."""

FAULT_BY_IDENTIFIER: Final[Mapping[str, Fault]] = MappingProxyType(
    {
        identifier: special.run
        for special in SPECIALS
        for identifier in (special.siren, special.siret, eori(special.siret), special.rna)
    }
)
"""The faults, by the identifiers that trigger them."""
