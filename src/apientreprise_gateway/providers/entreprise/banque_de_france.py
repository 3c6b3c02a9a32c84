"""Banque de France: the central bank, which keeps the accounts of the largest companies."""

from collections.abc import Mapping
from types import MappingProxyType
from typing import Final

from apientreprise_gateway.contract.endpoint import Endpoint, Ping, Provider
from apientreprise_gateway.contract.errors import SpecificError
from apientreprise_gateway.contract.lifetime import END_OF_DAY
from apientreprise_gateway.contract.parameters import SIREN, Parameter
from apientreprise_gateway.providers.entreprise.groups import JSON

_TAG: Final = "Informations financières"
_SCOPES: Final = ("bilans_entreprise_bdf", "bilans_bdf")

_ERRORS: Final[Mapping[str, SpecificError]] = MappingProxyType(
    {
        "17501": SpecificError(
            "Erreur de base de données de la Banque de France",
            "La base de données de la Banque de France est en panne.",
        ),
        "17502": SpecificError(
            "Erreur interne de la Banque de France", "Le service de la Banque de France est en panne."
        ),
    }
)

PROVIDER: Final = Provider(
    key="banque_de_france",
    name="Banque de France",
    prefix="17",
    endpoints=(
        Endpoint(
            operation="api_entreprise_v3_banque_de_france_bilans_entreprise",
            path="/v3/banque_de_france/unites_legales/{siren}/bilans",
            summary="Trois derniers bilans d'une unité légale connue de la Banque de France",
            tag=_TAG,
            scopes=_SCOPES,
            parameters=(Parameter("siren", SIREN),),
            group=JSON,
            cache=END_OF_DAY,
        ),
        Endpoint(
            operation="api_entreprise_v2_bilans_entreprises_bdf",
            path="/v2/bilans_entreprises_bdf/{siren}",
            summary="Trois derniers bilans d'une entreprise connue de la Banque de France",
            tag=_TAG,
            scopes=_SCOPES,
            parameters=(Parameter("siren", SIREN),),
            group=JSON,
            codes={503: ("17501", "17502")},
            deprecated=True,
        ),
    ),
    errors=_ERRORS,
    pings=(
        Ping(
            key="banque_de_france/bilans",
            name="Banque de France - Bilans",
            probe="api_entreprise_v3_banque_de_france_bilans_entreprise",
            cache_seconds=600,
        ),
    ),
)
