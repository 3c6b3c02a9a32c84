"""The answers of the fictive providers: one file for each provider, listed here.

For an operation without an answer of its own, `generic` makes one from the operation's schema.
"""

from collections.abc import Mapping
from types import MappingProxyType
from typing import Final

from apientreprise_gateway.contract.endpoint import Endpoint
from apientreprise_gateway.providers.schemas import Schemas
from apientreprise_gateway.sandbox.entreprise.answers import (
    agefiph,
    dgfip,
    gip_mds,
    infogreffe,
    inpi,
    insee,
    mi,
    urssaf,
)
from apientreprise_gateway.sandbox.entreprise.answers.generic import answer_for
from apientreprise_gateway.sandbox.entreprise.answers.shape import Answer

ANSWERS: Final[Mapping[str, Answer]] = MappingProxyType(
    {
        **insee.ANSWERS,
        **infogreffe.ANSWERS,
        **dgfip.ANSWERS,
        **urssaf.ANSWERS,
        **agefiph.ANSWERS,
        **mi.ANSWERS,
        **gip_mds.ANSWERS,
        **inpi.ANSWERS,
    }
)
"""The functions that make answers, for the operations with an answer of their own."""


def answer_of(endpoint: Endpoint, schemas: Schemas) -> Answer:
    """The function that makes the answers of an endpoint; `schemas` are those of its product."""
    return ANSWERS.get(endpoint.operation) or answer_for(endpoint, schemas)
