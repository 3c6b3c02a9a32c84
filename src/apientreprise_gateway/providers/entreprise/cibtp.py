"""CIBTP: paid leave and bad-weather insurance of building companies."""

from dataclasses import replace
from typing import Final

from apientreprise_gateway.contract.endpoint import (
    DOCUMENT_V3,
    DOCUMENTS,
    SIRET,
    AnswerKind,
    Endpoint,
    Parameter,
    Ping,
    Provider,
)

PROVIDER: Final = Provider(
    key="cibtp",
    name="CIBTP",
    prefix="38",
    endpoints=(
        Endpoint(
            operation="api_entreprise_v3_cibtp_attestation_cotisations_conges_payes_chomage_intemperies",
            path="/v3/cibtp/etablissements/{siret}/attestation_cotisations_conges_payes_chomage_intemperies",
            summary="Attestation de cotisations de congés payés et de chômage intempéries, bâtiment",
            tag="Attestations sociales et fiscales",
            scopes=(
                "certificat_cnetp",
                "certification_cnetp",
                "attestation_cotisations_conges_payes_chomage_intemperies_cibtp_cnetp",
            ),
            parameters=(Parameter("siret", SIRET),),
            group=DOCUMENTS,
            answer=AnswerKind.DOCUMENT,
            document=replace(DOCUMENT_V3, optional=True, seconds=600),
            codes={404: ("38422",)},
        ),
    ),
    pings=(
        Ping(
            key="cibtp/attestation_cotisations_conges_payes_chomage_intemperies",
            name="CIBTP - Attestation de cotisations",
            probe="api_entreprise_v3_cibtp_attestation_cotisations_conges_payes_chomage_intemperies",
            cache_seconds=600,
            probed=False,
        ),
    ),
)
