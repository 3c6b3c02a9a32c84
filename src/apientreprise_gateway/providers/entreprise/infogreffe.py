"""Infogreffe: the trade and companies register."""

from typing import Final

from apientreprise_gateway.contract.endpoint import Endpoint, Ping, Provider
from apientreprise_gateway.contract.parameters import SIREN, Parameter
from apientreprise_gateway.providers.entreprise.groups import JSON

_TAG: Final = "Informations générales"

PROVIDER: Final = Provider(
    key="infogreffe",
    name="Infogreffe",
    prefix="02",
    endpoints=(
        Endpoint(
            operation="api_entreprise_v3_infogreffe_extraits_rcs",
            path="/v3/infogreffe/rcs/unites_legales/{siren}/extrait_kbis",
            summary="Extrait Kbis d'une unité légale immatriculée au registre du commerce et des sociétés",
            tag=_TAG,
            scopes=("extraits_rcs", "open_data"),
            parameters=(Parameter("siren", SIREN),),
            group=JSON,
        ),
        Endpoint(
            operation="api_entreprise_v3_infogreffe_mandataires_sociaux",
            path="/v3/infogreffe/rcs/unites_legales/{siren}/mandataires_sociaux",
            summary="Personnes qui dirigent une unité légale, physiques ou morales",
            tag=_TAG,
            scopes=("entreprises", "mandataires_sociaux_infogreffe"),
            parameters=(Parameter("siren", SIREN),),
            group=JSON,
        ),
        Endpoint(
            operation="api_entreprise_v2_extraits_rcs_infogreffe",
            path="/v2/extraits_rcs_infogreffe/{siren}",
            summary="Extrait Kbis d'une entreprise immatriculée au registre du commerce et des sociétés",
            tag=_TAG,
            scopes=("extraits_rcs", "open_data"),
            parameters=(Parameter("siren", SIREN),),
            group=JSON,
            deprecated=True,
        ),
    ),
    pings=(
        Ping(
            key="infogreffe/rcs",
            name="Infogreffe - RCS",
            probe="api_entreprise_v3_infogreffe_extraits_rcs",
            cache_seconds=120,
        ),
    ),
)
