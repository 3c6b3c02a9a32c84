"""INPI: the national register of companies (RNE), their deeds and their yearly accounts."""

from typing import Final

from apientreprise_gateway.catalogue.model import ACTES_BILANS, SIREN, Answer, Endpoint, Parameter, Provider

PROVIDER: Final = Provider(
    key="inpi_rne",
    name="INPI - RNE",
    prefix="34",
    endpoints=(
        Endpoint(
            operation="api_entreprise_v3_inpi_rne_actes_bilans",
            path="/v3/inpi/rne/unites_legales/open_data/{siren}/actes_bilans",
            summary="Actes et bilans déposés au registre national des entreprises",
            tag="Informations générales",
            scopes=("open_data",),
            parameters=(Parameter("siren", SIREN),),
            group=ACTES_BILANS,
            answer=Answer.DOCUMENT,
        ),
    ),
)
