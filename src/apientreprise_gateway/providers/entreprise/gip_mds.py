"""GIP-MDS: the headcounts drawn from the companies' monthly social declarations (DSN)."""

from typing import Final

from apientreprise_gateway.contract.endpoint import Endpoint, Ping, Provider
from apientreprise_gateway.contract.lifetime import END_OF_MONTH
from apientreprise_gateway.contract.parameters import MONTH, SIREN, SIRET, YEAR, Parameter
from apientreprise_gateway.providers.entreprise.groups import EFFECTIFS
from apientreprise_gateway.providers.entreprise.parameters import HEADCOUNT_NATURE, HISTORY_DEPTH, MONTH_V2

_TAG: Final = "Informations générales"
_SCOPES: Final = ("effectifs_urssaf",)
# The published list has no scope for v2; its tokens of the time carried this role.
_SCOPES_V2: Final = ("aides_covid_effectifs",)

PROVIDER: Final = Provider(
    key="gip_mds",
    name="GIP-MDS",
    prefix="31",
    endpoints=(
        Endpoint(
            operation="api_entreprise_v3_gip_mds_effectifs_mensuels_etablissement",
            path="/v3/gip_mds/etablissements/{siret}/effectifs_mensuels/{month}/annee/{year}",
            summary="Effectifs d'un établissement pour un mois, et pour ceux qui précèdent",
            tag=_TAG,
            scopes=_SCOPES,
            parameters=(Parameter("siret", SIRET), Parameter("month", MONTH), Parameter("year", YEAR)),
            query=(Parameter("profondeur", HISTORY_DEPTH), Parameter("nature_effectif", HEADCOUNT_NATURE)),
            group=EFFECTIFS,
            cache=END_OF_MONTH,
        ),
        Endpoint(
            operation="api_entreprise_v3_gip_mds_effectifs_annuels_entreprise",
            path="/v3/gip_mds/unites_legales/{siren}/effectifs_annuels/{year}",
            summary="Effectif d'une unité légale pour une année",
            tag=_TAG,
            scopes=_SCOPES,
            parameters=(Parameter("siren", SIREN), Parameter("year", YEAR)),
            query=(Parameter("nature_effectif", HEADCOUNT_NATURE),),
            group=EFFECTIFS,
            cache=END_OF_MONTH,
        ),
        Endpoint(
            operation="api_entreprise_v2_effectifs_mensuels_etablissement_acoss_covid",
            path="/v2/effectifs_mensuels_acoss_covid/{annee}/{mois}/etablissement/{siret}",
            summary="Effectif d'un établissement pour un mois",
            tag=_TAG,
            scopes=_SCOPES_V2,
            parameters=(Parameter("annee", YEAR), Parameter("mois", MONTH_V2), Parameter("siret", SIRET)),
            group=EFFECTIFS,
            deprecated=True,
        ),
        Endpoint(
            operation="api_entreprise_v2_effectifs_annuels_entreprise_acoss_covid",
            path="/v2/effectifs_annuels_acoss_covid/{siren}",
            summary="Effectif d'une entreprise pour l'an passé",
            tag=_TAG,
            scopes=_SCOPES_V2,
            parameters=(Parameter("siren", SIREN),),
            group=EFFECTIFS,
            deprecated=True,
        ),
    ),
    pings=(
        Ping(
            key="gip_mds/effectifs",
            name="GIP-MDS - Effectifs",
            probe="api_entreprise_v3_gip_mds_effectifs_annuels_entreprise",
            cache_seconds=600,
        ),
    ),
)
