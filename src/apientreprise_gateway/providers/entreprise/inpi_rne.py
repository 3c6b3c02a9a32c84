"""INPI: the national register of companies (RNE), their deeds and their yearly accounts."""

from typing import Final

from apientreprise_gateway.contract.endpoint import AnswerKind, Endpoint, Ping, Provider
from apientreprise_gateway.contract.lifetime import UNTIL_3
from apientreprise_gateway.contract.parameters import SIREN, Parameter
from apientreprise_gateway.providers.entreprise.groups import ACTES_BILANS, JSON

_TAG: Final = "Informations générales"

PROVIDER: Final = Provider(
    key="inpi_rne",
    name="INPI - RNE",
    prefix="34",
    endpoints=(
        Endpoint(
            operation="api_entreprise_v3_inpi_rne_extrait_rne",
            path="/v3/inpi/rne/unites_legales/{siren}/extrait_rne",
            summary="Extrait d'immatriculation d'une unité légale au registre national des entreprises",
            tag=_TAG,
            scopes=("unites_legales_etablissements_insee",),
            parameters=(Parameter("siren", SIREN),),
            group=JSON,
            answer=AnswerKind.DOCUMENT,
            cache=UNTIL_3,
        ),
        Endpoint(
            operation="api_entreprise_v3_inpi_rne_actes_bilans",
            path="/v3/inpi/rne/unites_legales/open_data/{siren}/actes_bilans",
            summary="Actes et bilans déposés au registre national des entreprises",
            tag=_TAG,
            scopes=("open_data",),
            parameters=(Parameter("siren", SIREN),),
            group=ACTES_BILANS,
            answer=AnswerKind.DOCUMENT,
        ),
        Endpoint(
            operation="api_entreprise_v3_inpi_rne_beneficiaires_effectifs",
            path="/v3/inpi/rne/unites_legales/{siren}/beneficiaires_effectifs",
            summary="Personnes qui contrôlent en dernier lieu une unité légale",
            tag=_TAG,
            scopes=("beneficiaires_effectifs_inpi",),
            parameters=(Parameter("siren", SIREN),),
            group=JSON,
            cache=UNTIL_3,
        ),
    ),
    pings=(
        Ping(
            key="inpi/rne",
            name="INPI - RNE",
            probe="api_entreprise_v3_inpi_rne_beneficiaires_effectifs",
            cache_seconds=120,
            operations=(
                "api_entreprise_v3_inpi_rne_extrait_rne",
                "api_entreprise_v3_inpi_rne_beneficiaires_effectifs",
            ),
        ),
        Ping(
            key="inpi/rne/actes_bilans",
            name="INPI - Actes et bilans",
            probe="api_entreprise_v3_inpi_rne_actes_bilans",
            cache_seconds=120,
            operations=("api_entreprise_v3_inpi_rne_actes_bilans",),
        ),
    ),
)
