"""DGFIP: the tax administration.

It wants to know which agent asks, hence `user_id`, and it is slow, hence the strict limit.
"""

from typing import Final

from apientreprise_gateway.catalogue.model import (
    ATTESTATION_FISCALE,
    SIREN,
    SIREN_IS,
    SIREN_TVA,
    Answer,
    Endpoint,
    Parameter,
    Provider,
)

_TAG: Final = "Attestations sociales et fiscales"
_SCOPES: Final = ("attestations_fiscales", "attestation_fiscale_dgfip")

PROVIDER: Final = Provider(
    key="dgfip",
    name="DGFIP - Adélie",
    prefix="03",
    endpoints=(
        Endpoint(
            operation="api_entreprise_v4_dgfip_attestations_fiscales",
            path="/v4/dgfip/unites_legales/{siren}/attestation_fiscale",
            summary="Attestation de régularité fiscale",
            tag=_TAG,
            scopes=_SCOPES,
            parameters=(Parameter("siren", SIREN),),
            group=ATTESTATION_FISCALE,
            answer=Answer.DOCUMENT,
            user_id=True,
        ),
        Endpoint(
            operation="api_entreprise_v2_attestations_fiscales_dgfip",
            path="/v2/attestations_fiscales_dgfip/{siren}",
            summary="Attestation de régularité fiscale",
            tag=_TAG,
            scopes=_SCOPES,
            parameters=(Parameter("siren", SIREN),),
            query=(Parameter("siren_is", SIREN_IS), Parameter("siren_tva", SIREN_TVA)),
            group=ATTESTATION_FISCALE,
            answer=Answer.DOCUMENT,
            user_id=True,
            deprecated=True,
        ),
    ),
)
