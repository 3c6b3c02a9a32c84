"""Errors that several providers of API Particulier have, each with the words of who says it."""

from collections.abc import Mapping
from types import MappingProxyType
from typing import Final

from apientreprise_gateway.contract.codes import INVALID, PROVIDER_ERRORS
from apientreprise_gateway.contract.errors import SpecificError

BOTH_FUNDS: Final = "CNAF & MSA"
"""The name of the two family funds where they answer together."""
_NOT_FOUND: Final = PROVIDER_ERRORS["003"]

ABSENT_AT_MSA: Final[Mapping[str, SpecificError]] = MappingProxyType(
    {
        "10003": SpecificError(
            "Dossier allocataire absent MSA",
            "La MSA ne connaît pas de dossier d'allocataire à cette identité.",
            MappingProxyType({"provider": "MSA"}),
        )
    }
)
ABSENT_AT_CNAF: Final[Mapping[str, SpecificError]] = MappingProxyType(
    {
        "23003": SpecificError(
            "Dossier allocataire absent CNAF",
            "La CNAF ne connaît pas de dossier d'allocataire à cette identité.",
            MappingProxyType({"provider": "CNAF"}),
        )
    }
)
ABSENT_AT_BOTH: Final[Mapping[str, SpecificError]] = MappingProxyType(
    {
        "35003": SpecificError(
            _NOT_FOUND.title,
            _NOT_FOUND.detail.format(provider=BOTH_FUNDS),
            MappingProxyType({"provider": BOTH_FUNDS}),
        )
    }
)
"""In the words in which the two funds themselves, as a provider, say that they find nothing."""
REFUSED_IDENTITY: Final[Mapping[str, SpecificError]] = MappingProxyType(
    {"00366": SpecificError(INVALID, "Le fournisseur de données refuse l'identité donnée, ou ne peut pas s'y fier.")}
)
UNKNOWN_PERSON: Final = "00355"
"""Nobody has this identity: in v2 this is not found, at the status of a wrong parameter."""
UNKNOWN: Final[Mapping[str, SpecificError]] = MappingProxyType(
    {
        UNKNOWN_PERSON: SpecificError(
            "Impossible d'identifier l'allocataire",
            "Le répertoire national d'identification ne connaît pas de personne à cette identité.",
        )
    }
)
