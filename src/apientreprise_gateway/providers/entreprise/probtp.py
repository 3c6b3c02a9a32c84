"""ProBTP: pensions of the building and public works sector."""

from dataclasses import replace
from typing import Final

from apientreprise_gateway.contract.documents import DOCUMENT_V2, DOCUMENT_V3
from apientreprise_gateway.contract.endpoint import AnswerKind, Endpoint, Ping, Provider
from apientreprise_gateway.contract.parameters import SIRET, Parameter
from apientreprise_gateway.providers.entreprise.groups import DOCUMENTS, JSON

_TAG: Final = "Attestations sociales et fiscales"
_SCOPES: Final = ("probtp", "cotisations_probtp")

_OWN: Final = ("data",)
"""Path of the field of its answer that holds the certificate, in base64."""

PROVIDER: Final = Provider(
    key="probtp",
    name="ProBTP",
    prefix="09",
    endpoints=(
        Endpoint(
            operation="api_entreprise_v3_probtp_attestations_cotisation_retraite",
            path="/v3/probtp/etablissements/{siret}/attestation_cotisations_retraite",
            summary="Attestation de cotisations de retraite d'un établissement du bâtiment",
            tag=_TAG,
            scopes=_SCOPES,
            parameters=(Parameter("siret", SIRET),),
            group=DOCUMENTS,
            answer=AnswerKind.DOCUMENT,
            document=replace(DOCUMENT_V3, own=_OWN),
        ),
        Endpoint(
            operation="api_entreprise_v3_probtp_conformites_cotisations_retraite",
            path="/v3/probtp/etablissements/{siret}/conformite_cotisations_retraite",
            summary="L'établissement est-il à jour de ses cotisations de retraite du bâtiment ?",
            tag=_TAG,
            scopes=_SCOPES,
            parameters=(Parameter("siret", SIRET),),
            group=JSON,
        ),
        Endpoint(
            operation="api_entreprise_v2_attestations_cotisation_retraite_probtp",
            path="/v2/attestations_cotisation_retraite_probtp/{siret}",
            summary="Attestation de cotisations de retraite d'un établissement du bâtiment",
            tag=_TAG,
            scopes=_SCOPES,
            parameters=(Parameter("siret", SIRET),),
            group=DOCUMENTS,
            answer=AnswerKind.DOCUMENT,
            document=replace(DOCUMENT_V2, own=_OWN),
            deprecated=True,
        ),
        Endpoint(
            operation="api_entreprise_v2_eligibilites_cotisation_retraite_probtp",
            path="/v2/eligibilites_cotisation_retraite_probtp/{siret}",
            summary="Un établissement du bâtiment peut-il obtenir l'attestation de cotisations de retraite ?",
            tag=_TAG,
            scopes=_SCOPES,
            parameters=(Parameter("siret", SIRET),),
            group=JSON,
            deprecated=True,
        ),
    ),
    pings=(
        Ping(
            key="probtp/cotisations_retraite",
            name="ProBTP - Cotisations de retraite",
            probe="api_entreprise_v3_probtp_conformites_cotisations_retraite",
            cache_seconds=600,
            probed=False,
        ),
    ),
)
