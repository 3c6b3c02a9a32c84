"""Errors that several providers of API Particulier have, each with the words of who says it."""

from collections.abc import Mapping
from types import MappingProxyType
from typing import Final

from apientreprise_gateway.contract.errors import SpecificError

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
            "Allocataire non référencé",
            "Ni la CNAF ni la MSA ne connaissent de dossier d'allocataire à cette identité.",
            MappingProxyType({"provider": "CNAF & MSA"}),
        )
    }
)
REFUSED_IDENTITY: Final[Mapping[str, SpecificError]] = MappingProxyType(
    {
        "00366": SpecificError(
            "Entité non traitable", "Le fournisseur de données refuse l'identité donnée, ou ne peut pas s'y fier."
        )
    }
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
