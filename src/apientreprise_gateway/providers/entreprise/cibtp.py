"""CIBTP: paid leave and bad-weather insurance of building companies."""

from collections.abc import Mapping
from dataclasses import replace
from types import MappingProxyType
from typing import Final

from apientreprise_gateway.contract.documents import DOCUMENT_V3
from apientreprise_gateway.contract.endpoint import AnswerKind, Endpoint, Ping, Provider
from apientreprise_gateway.contract.errors import SpecificError
from apientreprise_gateway.contract.parameters import SIRET, Parameter
from apientreprise_gateway.providers.entreprise.groups import DOCUMENTS

_ERRORS: Final[Mapping[str, SpecificError]] = MappingProxyType(
    {
        "38422": SpecificError(
            "Attestation non disponible", "La caisse ne délivre pas d'attestation : des cotisations sont en retard."
        ),
    }
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
    errors=_ERRORS,
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
