"""CNOUS: the grants of students."""

from collections.abc import Mapping
from types import MappingProxyType
from typing import Final

from apientreprise_gateway.contract.endpoint import Endpoint, Ping, Provider
from apientreprise_gateway.contract.errors import SpecificError
from apientreprise_gateway.contract.identification import Identification
from apientreprise_gateway.contract.masks import MaskRules
from apientreprise_gateway.providers.particulier.errors import REFUSED_IDENTITY
from apientreprise_gateway.providers.particulier.groups import PARTICULIER
from apientreprise_gateway.providers.particulier.masks import shown
from apientreprise_gateway.providers.particulier.parameters import (
    CIVILITY_CNOUS,
    FRANCE_CONNECT,
    GRANT_HOLDER_V2,
    GRANTS,
    GRANTS_BY_INE,
    GRANTS_BY_TOKEN,
    GRANTS_V5,
    INE,
)

_TAG: Final = "Éducation et études"
_SUMMARY: Final = "Bourse d'un étudiant"
_SCOPES: Final = (
    "cnous_statut_boursier",
    "cnous_echelon_bourse",
    "cnous_email",
    "cnous_periode_versement",
    "cnous_statut_bourse",
    "cnous_ville_etudes",
    "cnous_identite",
)
_SCOPES_V5: Final = (*_SCOPES, "cnous_ine")

_ERRORS: Final[Mapping[str, SpecificError]] = MappingProxyType(
    {
        **REFUSED_IDENTITY,
        "26015": SpecificError("Conflit", "Plusieurs étudiants répondent aux paramètres donnés."),
        "26561": SpecificError("Paramètre d'état civil refusé", "Le CNOUS refuse un des paramètres d'état civil."),
        "26562": SpecificError("Identifiant refusé", "Le CNOUS refuse l'identifiant donné."),
    }
)
_SEVERAL: Final = {409: ("26015",)}
_CODES: Final = MappingProxyType({**_SEVERAL, 422: ("26561", "26562")})
_CODES_V3: Final = MappingProxyType({**_SEVERAL, 422: ("00366",)})

_FIELDS: Final = {
    "identite": "cnous_identite",
    "email": "cnous_email",
    "echelon_bourse": "cnous_echelon_bourse",
    "periode_versement_bourse": "cnous_periode_versement",
    "etablissement_etudes": "cnous_ville_etudes",
}
"""What each scope shows from v3 on, besides what became of the status."""
_MASK_V3: Final = shown({**_FIELDS, "est_boursier": "cnous_statut_boursier"})
_MASK_V4: Final = shown({**_FIELDS, "statut_boursier": "cnous_statut_boursier"})
_MASK_V5: Final = shown({**_FIELDS, "statut_boursier": "cnous_statut_boursier", "ine": "cnous_ine"})
_MASK_V2: Final = shown(
    {
        **dict.fromkeys(("nom", "prenom", "prenom2", "dateNaissance", "lieuNaissance", "sexe"), "cnous_identite"),
        "email": "cnous_email",
        "boursier": "cnous_statut_boursier",
        "echelonBourse": "cnous_echelon_bourse",
        **dict.fromkeys(("statut", "statutLibelle"), "cnous_statut_bourse"),
        **dict.fromkeys(("dateDeRentree", "dureeVersement"), "cnous_periode_versement"),
        **dict.fromkeys(("villeEtudes", "etablissement"), "cnous_ville_etudes"),
    },
    start="",
)


def _version(
    number: int,
    *,
    persons: tuple[Identification, Identification, Identification],
    scopes: tuple[str, ...],
    mask: MaskRules,
    codes: Mapping[int, tuple[str, ...]] = _CODES,
    by_ine: Mapping[int, tuple[str, ...]] = _CODES,
    deprecated: bool = False,
) -> tuple[Endpoint, ...]:
    """The grants of a version: by identity, by FranceConnect and by INE."""
    modes = (
        ("civility", "son identité", codes),
        ("france_connect", "FranceConnect", codes),
        ("ine", "son INE", by_ine),
    )
    return tuple(
        Endpoint(
            operation=f"api_particulier_v{number}_cnous_etudiant_boursier_with_{published}",
            path=f"/v{number}/cnous/etudiant_boursier/{person.mode}",
            summary=f"{_SUMMARY}, par {means}",
            tag=_TAG,
            scopes=scopes,
            parameters=(),
            group=PARTICULIER,
            person=person,
            mask=mask,
            codes=own,
            deprecated=deprecated,
        )
        for (published, means, own), person in zip(modes, persons, strict=True)
    )


def _of_every_version(mode: str, *others: str) -> tuple[str, ...]:
    return (*(f"api_particulier_v{number}_cnous_etudiant_boursier_with_{mode}" for number in (5, 4, 3)), *others)


PROVIDER: Final = Provider(
    key="cnous",
    name="CNOUS",
    prefix="26",
    endpoints=(
        *_version(5, persons=(GRANTS_V5, GRANTS_BY_TOKEN, GRANTS_BY_INE), scopes=_SCOPES_V5, mask=_MASK_V5),
        *_version(4, persons=(GRANTS, GRANTS_BY_TOKEN, GRANTS_BY_INE), scopes=_SCOPES, mask=_MASK_V4, deprecated=True),
        *_version(
            3,
            persons=(CIVILITY_CNOUS, FRANCE_CONNECT, INE),
            scopes=_SCOPES,
            mask=_MASK_V3,
            codes=_CODES_V3,
            by_ine=MappingProxyType(_SEVERAL),
            deprecated=True,
        ),
        Endpoint(
            operation="api_particulier_v2_cnous_student_scholarship",
            path="/api/v2/etudiants-boursiers",
            summary=_SUMMARY,
            tag=_TAG,
            scopes=_SCOPES,
            parameters=(),
            group=PARTICULIER,
            person=GRANT_HOLDER_V2,
            mask=_MASK_V2,
            codes=MappingProxyType(_SEVERAL),
            deprecated=True,
        ),
    ),
    pings=(
        Ping(
            key="cnous_etudiant_boursier_ine",
            name="CNOUS - Étudiant boursier, par l'INE",
            probe="api_particulier_v5_cnous_etudiant_boursier_with_ine",
            cache_seconds=120,
            probed=False,
            operations=_of_every_version("ine", "api_particulier_v2_cnous_student_scholarship"),
        ),
        Ping(
            key="cnous_etudiant_boursier_identite",
            name="CNOUS - Étudiant boursier, par l'identité",
            probe="api_particulier_v5_cnous_etudiant_boursier_with_civility",
            cache_seconds=120,
            probed=False,
            operations=_of_every_version("civility"),
        ),
        Ping(
            key="cnous_etudiant_boursier_france_connect",
            name="CNOUS - Étudiant boursier, par FranceConnect",
            probe="api_particulier_v5_cnous_etudiant_boursier_with_france_connect",
            cache_seconds=120,
            probed=False,
            operations=_of_every_version("france_connect"),
        ),
    ),
    errors=_ERRORS,
)
