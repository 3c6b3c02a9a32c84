"""CNETP: paid leave and bad-weather insurance of public works companies."""

from typing import Final

from apientreprise_gateway.contract.documents import DOCUMENT_V2, DOCUMENT_V3
from apientreprise_gateway.contract.endpoint import AnswerKind, Endpoint, Ping, Provider
from apientreprise_gateway.contract.parameters import SIREN, Parameter
from apientreprise_gateway.providers.entreprise.groups import DOCUMENTS

_TAG: Final = "Attestations sociales et fiscales"

PROVIDER: Final = Provider(
    key="cnetp",
    name="CNETP",
    prefix="08",
    endpoints=(
        Endpoint(
            operation="api_entreprise_v3_cnetp_attestation_cotisations_conges_payes_chomage_intemperies",
            path="/v3/cnetp/unites_legales/{siren}/attestation_cotisations_conges_payes_chomage_intemperies",
            summary="Attestation de cotisations de congés payés et de chômage intempéries, travaux publics",
            tag=_TAG,
            scopes=(
                "certificat_cnetp",
                "certification_cnetp",
                "attestation_cotisations_conges_payes_chomage_intemperies_cibtp_cnetp",
            ),
            parameters=(Parameter("siren", SIREN),),
            group=DOCUMENTS,
            answer=AnswerKind.DOCUMENT,
            document=DOCUMENT_V3,
        ),
        Endpoint(
            operation="api_entreprise_v2_certificats_cnetp",
            path="/v2/certificats_cnetp/{siren}",
            summary="Attestation de cotisations de congés payés et de chômage intempéries, travaux publics",
            tag=_TAG,
            scopes=("certificat_cnetp", "certification_cnetp"),
            parameters=(Parameter("siren", SIREN),),
            group=DOCUMENTS,
            answer=AnswerKind.DOCUMENT,
            document=DOCUMENT_V2,
            deprecated=True,
        ),
    ),
    pings=(
        Ping(
            key="cnetp/attestation_cotisations_conges_payes_chomage_intemperies",
            name="CNETP - Attestation de cotisations",
            probe="api_entreprise_v3_cnetp_attestation_cotisations_conges_payes_chomage_intemperies",
            cache_seconds=300,
        ),
    ),
)
