"""Infogreffe: the trade and companies register."""

from typing import Final

from apientreprise_gateway.catalogue.model import SIREN, Endpoint, Parameter, Provider

PROVIDER: Final = Provider(
    key="infogreffe",
    name="Infogreffe",
    prefix="02",
    endpoints=(
        Endpoint(
            operation="api_entreprise_v3_infogreffe_extraits_rcs",
            path="/v3/infogreffe/rcs/unites_legales/{siren}/extrait_kbis",
            summary="Extrait Kbis d'une unité légale immatriculée au registre du commerce et des sociétés",
            tag="Informations générales",
            scopes=("extraits_rcs", "open_data"),
            parameters=(Parameter("siren", SIREN),),
        ),
    ),
)
