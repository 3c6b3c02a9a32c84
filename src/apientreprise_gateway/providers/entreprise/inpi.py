"""INPI: deeds, yearly accounts and intellectual property, as v2 gives them."""

from collections.abc import Mapping
from types import MappingProxyType
from typing import Final

from apientreprise_gateway.contract.documents import Document, FileKind
from apientreprise_gateway.contract.endpoint import AnswerKind, Endpoint, Provider
from apientreprise_gateway.contract.errors import BAD_ANSWER, SpecificError
from apientreprise_gateway.contract.parameters import SIREN, Parameter
from apientreprise_gateway.providers.entreprise.groups import ACTES_INPI, BILANS_INPI, JSON

_TAG: Final = "Informations générales"

_ARCHIVE: Final = Document(address=("url_documents",), kinds=(FileKind.ZIP,), optional=True)

_ERRORS: Final[Mapping[str, SpecificError]] = MappingProxyType(
    {
        "05501": SpecificError(BAD_ANSWER, "Les identifiants de documents donnés par l'INPI ne sont pas utilisables."),
        "05502": SpecificError(BAD_ANSWER, "Les brevets donnés par l'INPI sont illisibles."),
        "05503": SpecificError(BAD_ANSWER, "Les modèles donnés par l'INPI sont illisibles."),
        "05504": SpecificError(BAD_ANSWER, "Les marques données par l'INPI sont illisibles."),
    }
)

PROVIDER: Final = Provider(
    key="inpi",
    name="INPI",
    prefix="05",
    endpoints=(
        Endpoint(
            operation="api_entreprise_v2_actes_inpi",
            path="/v2/actes_inpi/{siren}",
            summary="Actes déposés par une entreprise",
            tag=_TAG,
            scopes=("actes_inpi", "open_data"),
            parameters=(Parameter("siren", SIREN),),
            group=ACTES_INPI,
            answer=AnswerKind.DOCUMENT,
            document=_ARCHIVE,
            codes={502: ("05501",)},
            deprecated=True,
        ),
        Endpoint(
            operation="api_entreprise_v2_bilans_inpi",
            path="/v2/bilans_inpi/{siren}",
            summary="Comptes annuels déposés par une entreprise",
            tag="Informations financières",
            scopes=("bilans_inpi", "comptes_annuels_inpi"),
            parameters=(Parameter("siren", SIREN),),
            group=BILANS_INPI,
            answer=AnswerKind.DOCUMENT,
            document=_ARCHIVE,
            codes={502: ("05501",)},
            deprecated=True,
        ),
        Endpoint(
            operation="api_entreprise_v2_extraits_courts_inpi",
            path="/v2/extraits_courts_inpi/{siren}",
            summary="Brevets, marques, dessins et modèles d'une entreprise",
            tag=_TAG,
            scopes=("extrait_court_inpi", "open_data"),
            parameters=(Parameter("siren", SIREN),),
            group=JSON,
            codes={502: ("05502", "05503", "05504")},
            deprecated=True,
        ),
    ),
    errors=_ERRORS,
)
