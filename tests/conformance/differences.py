"""Where the gateway differs from the reference facts on purpose, and why.

The tests compare what differs with what is listed here, both ways: a difference that is not listed fails, and so does
a listed one that is none any more.
"""

from dataclasses import dataclass
from enum import StrEnum
from typing import Final

from apientreprise_gateway.contract.endpoint import AnswerKind
from apientreprise_gateway.contract.lifetime import HOUR, UNTIL_3, UNTIL_8
from apientreprise_gateway.providers.entreprise import dgfip, european_commission, gip_mds, insee
from apientreprise_gateway.providers.entreprise.groups import ATTESTATION_FISCALE, EFFECTIFS
from apientreprise_gateway.providers.entreprise.product import PROVIDERS
from conformance.conftest import NEWER


class Aspect(StrEnum):
    """What is compared."""

    PATH = "path"
    PARAMETERS = "path parameters"
    QUERY = "query parameters"
    SCOPES = "scopes"
    LIMITS = "rate limits"
    PROVIDER = "provider"
    ANSWER = "form of the answer"
    DEPRECATION = "deprecation"
    CODES = "error codes"
    CASES = "sandbox cases"
    PING = "ping"
    CACHE = "cache"
    MASK = "mask"
    SCHEMA = "schema"


NONE: Final = "none"
"""What stands on the side that has nothing."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Difference:
    """One deliberate difference."""

    aspect: Aspect
    operations: tuple[str, ...]
    reference: str
    """What the reference says; in a code, PP is the provider's prefix."""
    ours: str
    reason: str
    """In a sentence."""


_ENDPOINTS: Final = [
    endpoint for provider in PROVIDERS for endpoint in provider.endpoints if endpoint.operation not in NEWER
]
_V2: Final = tuple(endpoint.operation for endpoint in _ENDPOINTS if endpoint.version == 2)
_V2_ENTREPRISES: Final = "api_entreprise_v2_entreprises_restored"
_V2_ETABLISSEMENTS: Final = "api_entreprise_v2_etablissements_restored"
_V2_VIGILANCE: Final = "api_entreprise_v2_attestations_sociales_acoss"
_V2_RGE: Final = "api_entreprise_v2_certificats_rge_ademe"
_V2_EFFECTIFS_ENTREPRISE: Final = "api_entreprise_v2_effectifs_mensuels_entreprise_acoss_covid"
_V2_EFFECTIFS_ETABLISSEMENT: Final = "api_entreprise_v2_effectifs_mensuels_etablissement_acoss_covid"
_V2_EFFECTIFS_ANNUELS: Final = "api_entreprise_v2_effectifs_annuels_entreprise_acoss_covid"
_V3_EFFECTIFS_MENSUELS: Final = "api_entreprise_v3_gip_mds_effectifs_mensuels_etablissement"
_V3_FISCALE: Final = "api_entreprise_v3_dgfip_attestations_fiscales"
_V3_CHIFFRES_AFFAIRES: Final = "api_entreprise_v3_dgfip_chiffres_affaires"
_V3_SUCCESSIONS: Final = "api_entreprise_v3_insee_successions"
_V3_RNM: Final = "api_entreprise_v3_rnm_entreprises_artisanales"
_V3_RGE: Final = "api_entreprise_v3_ademe_certificats_rge"
_V3_VIES: Final = "api_entreprise_v3_european_commission_vies"
_V4_FISCALE: Final = "api_entreprise_v4_dgfip_attestations_fiscales"
_V4_VIGILANCE: Final = "api_entreprise_v4_acoss_attestations_sociales"
_V4_QUALIBAT: Final = "api_entreprise_v4_qualibat_certifications_batiment"
_NOT_V2: Final = tuple(
    endpoint.operation for endpoint in _ENDPOINTS if endpoint.version != 2 and endpoint.operation != _V3_RNM
)
_COVID: Final = (_V2_EFFECTIFS_ENTREPRISE, _V2_EFFECTIFS_ETABLISSEMENT, _V2_EFFECTIFS_ANNUELS)
_DGFIP: Final = tuple(endpoint.operation for endpoint in dgfip.PROVIDER.endpoints if endpoint.operation not in NEWER)
_V2_LIASSES: Final = tuple(operation for operation in _DGFIP if operation.startswith("api_entreprise_v2_liasses"))
_ONE_COUNTER_PER_PRODUCT: Final = tuple(
    endpoint.operation for endpoint in _ENDPOINTS if endpoint.group in (ATTESTATION_FISCALE, EFFECTIFS)
)
_V2_OWN_ADDRESSES: Final = tuple(
    endpoint.operation
    for endpoint in _ENDPOINTS
    if endpoint.flat and endpoint.answer is AnswerKind.DOCUMENT and endpoint.document is None
)
_V2_OF_A_PROVIDER: Final = tuple(operation for operation in _V2 if operation != _V2_EFFECTIFS_ENTREPRISE)
"""Those that the published v2 asked a provider for."""

_CACHED: Final = tuple(endpoint for endpoint in _ENDPOINTS if endpoint.cache is not None)
_CACHED_V2: Final = tuple(endpoint for endpoint in _CACHED if endpoint.flat)
_QUIETLY_CACHED: Final = (
    "api_entreprise_v4_mi_unites_legales_open_data",
    "api_entreprise_v3_qualibat_certifications_batiment",
    *(
        endpoint.operation
        for provider in (insee.PROVIDER, european_commission.PROVIDER, gip_mds.PROVIDER)
        for endpoint in provider.endpoints
        if endpoint.cache is not None and not endpoint.flat
    ),
    *(endpoint.operation for endpoint in _CACHED_V2),
)
"""Those whose answers are kept although their published document does not tell."""

_FICTIVE: Final = (
    "The published sandbox answers for numbers whose check digit is wrong; such numbers are refused here before "
    "any provider is asked, in production and in front of a sandbox alike."
)
_OUTAGE: Final = (
    "The published OpenAPI declares 504 for a provider that is down or cannot be found and for network trouble; the "
    "published program answers 502, as is done here: 504 means that the deadline passed, and nothing else."
)
_BOUNDS: Final = "The published operation gives no bounds; the published service keeps to these, and so do we."

DIFFERENCES: Final[tuple[Difference, ...]] = (
    Difference(
        aspect=Aspect.QUERY,
        operations=_DGFIP,
        reference=NONE,
        ours="user_id",
        reason="The DGFIP wants to know which agent asks, which the published API now reads from the token.",
    ),
    Difference(
        aspect=Aspect.QUERY,
        operations=(_V2_VIGILANCE,),
        reference=NONE,
        ours="type_attestation",
        reason="The published document leaves it out, but the published service read it, and refused all but AVG_UR.",
    ),
    Difference(
        aspect=Aspect.QUERY,
        operations=(_V3_RGE,),
        reference="limit: type number",
        ours="limit: type integer",
        reason="A number of certificates is a whole one.",
    ),
    *(
        Difference(
            aspect=Aspect.QUERY,
            operations=(_V3_RGE,),
            reference=f"limit: {word} none",
            ours=f"limit: {word} {figure}",
            reason=_BOUNDS,
        )
        for word, figure in (("minimum", 1), ("maximum", 1000), ("default", 1000))
    ),
    Difference(
        aspect=Aspect.QUERY,
        operations=(_V3_EFFECTIFS_MENSUELS,),
        reference="profondeur: maximum 12",
        ours="profondeur: maximum 13",
        reason="The published service declares 12 but accepts 13, and so do we.",
    ),
    Difference(
        aspect=Aspect.SCOPES,
        operations=_COVID,
        reference=NONE,
        ours="aides_covid_effectifs",
        reason="Headcounts are not for every token: those of v2 that could call it carried this role.",
    ),
    Difference(
        aspect=Aspect.SCOPES,
        operations=(_V3_VIES,),
        reference=NONE,
        ours="open_data",
        reason="It was closed to tokens without a right before one was published as open: this scope opens what is "
        "public.",
    ),
    Difference(
        aspect=Aspect.LIMITS,
        operations=_ONE_COUNTER_PER_PRODUCT,
        reference="own counter",
        ours="counter shared with other operations of its kind",
        reason="The figure is for the attestation or the headcounts as such: another version of the path must not "
        "multiply it.",
    ),
    Difference(
        aspect=Aspect.PROVIDER,
        operations=(_V2_EFFECTIFS_ENTREPRISE,),
        reference="API Entreprise, 00",
        ours="ACOSS, 04",
        reason="The published service kept a copy of the data of ACOSS and answered in its own name; the gateway asks "
        "whose data it is.",
    ),
    Difference(
        aspect=Aspect.ANSWER,
        operations=(_V2_EFFECTIFS_ETABLISSEMENT, _V2_EFFECTIFS_ANNUELS, _V2_RGE),
        reference="errors: json_api objects",
        ours="errors: flat strings",
        reason="Errors of v2 have one form, that of nearly all its endpoints.",
    ),
    Difference(
        aspect=Aspect.DEPRECATION,
        operations=(_V3_VIES, "api_entreprise_v3_dgfip_liasses_fiscales"),
        reference="False",
        ours="True",
        reason="They are deprecated since the lists were made: another operation has succeeded each.",
    ),
    Difference(
        aspect=Aspect.CODES,
        operations=_V2,
        reference="400 00401",
        ours=NONE,
        reason="A request that is not valid HTTP still gets 00401, but names no operation: the document says it once, "
        "in its description.",
    ),
    Difference(
        aspect=Aspect.CODES,
        operations=_V2_OF_A_PROVIDER,
        reference="206 PP010",
        ours=NONE,
        reason="A partial answer of v2 is passed on with its status; its body is the data, which carries no code.",
    ),
    *(
        Difference(aspect=Aspect.CODES, operations=operations, reference=f"504 {code}", ours="502", reason=_OUTAGE)
        for code, operations in (("PP001", _NOT_V2), ("PP004", _NOT_V2), ("00501", (*_NOT_V2, _V3_RNM)))
    ),
    Difference(
        aspect=Aspect.CODES,
        operations=_V2_OF_A_PROVIDER,
        reference="502 PP020",
        ours="503",
        reason="Planned maintenance is 503 in every version, as the published API does from v3 on.",
    ),
    Difference(
        aspect=Aspect.CODES,
        operations=(_V2_EFFECTIFS_ENTREPRISE,),
        reference="502 00002",
        ours=NONE,
        reason="Its provider is ACOSS here, so a late answer is 04002 at 504, as with any provider.",
    ),
    Difference(
        aspect=Aspect.CODES,
        operations=_V2_OWN_ADDRESSES,
        reference="502 00502",
        ours=NONE,
        reason="The addresses are the provider's own, passed on: the gateway hosts nothing that could fail.",
    ),
    Difference(
        aspect=Aspect.CODES,
        operations=_V2_LIASSES,
        reference="422 00308",
        ours=NONE,
        reason="A user that is missing is 00204 here, as any other parameter of traceability.",
    ),
    Difference(
        aspect=Aspect.CODES,
        operations=_V2_LIASSES,
        reference="422 00309",
        ours=NONE,
        reason="It speaks of a name that the published service made up itself for its provider.",
    ),
    Difference(
        aspect=Aspect.CODES,
        operations=(_V3_RGE,),
        reference="422 00301",
        ours=NONE,
        reason="The operation takes no SIREN.",
    ),
    *(
        Difference(
            aspect=Aspect.CODES,
            operations=(_V3_RNM,),
            reference=f"{status} {code}",
            ours=NONE,
            reason="The published document gives it the prefix of RNM; the published service answers as CMA France.",
        )
        for status, code in (("404", "22003"), ("502", "22999"), ("504", "22001"), ("504", "22002"), ("504", "22004"))
    ),
    Difference(
        aspect=Aspect.CASES,
        operations=(_V4_VIGILANCE, _V4_FISCALE, _V3_FISCALE),
        reference="attestation_delivree: 200",
        ours="422 00301",
        reason=_FICTIVE,
    ),
    Difference(
        aspect=Aspect.CASES,
        operations=(_V4_VIGILANCE,),
        reference="attestation_non_delivree: 200",
        ours="422 00301",
        reason=_FICTIVE,
    ),
    Difference(
        aspect=Aspect.CASES,
        operations=(_V4_FISCALE, _V3_FISCALE),
        reference="entite_hors_perimetre: 404",
        ours="422 00301",
        reason=_FICTIVE,
    ),
    Difference(
        aspect=Aspect.CASES, operations=(_V3_SUCCESSIONS,), reference="504: 504", ours="502 01001", reason=_OUTAGE
    ),
    *(
        Difference(
            aspect=Aspect.CASES,
            operations=(_V3_CHIFFRES_AFFAIRES,),
            reference=f"200-{year}: 200",
            ours="422 00302",
            reason=_FICTIVE,
        )
        for year in (2022, 2023, 2024)
    ),
    Difference(
        aspect=Aspect.CASES,
        operations=(_V4_QUALIBAT, "api_entreprise_v3_probtp_attestations_cotisation_retraite"),
        reference="404: 404",
        ours="422 00302",
        reason=_FICTIVE,
    ),
    Difference(
        aspect=Aspect.CASES,
        operations=(
            "api_entreprise_v3_cnetp_attestation_cotisations_conges_payes_chomage_intemperies",
            "api_entreprise_v3_opqibi_certifications_ingenierie",
            "api_entreprise_v3_fntp_carte_professionnelle_travaux_publics",
        ),
        reference="404: 404",
        ours="422 00301",
        reason=_FICTIVE,
    ),
    Difference(
        aspect=Aspect.CASES,
        operations=("api_entreprise_v3_cnetp_attestation_cotisations_conges_payes_chomage_intemperies",),
        reference="504: 504",
        ours="422 00301",
        reason=_FICTIVE,
    ),
    Difference(
        aspect=Aspect.CASES,
        operations=(_V3_RNM,),
        reference="422: 422",
        ours="422 00301",
        reason="A SIREN that is none is refused by the gateway, with its own code, before the provider is asked.",
    ),
    Difference(
        aspect=Aspect.CASES,
        operations=(_V3_SUCCESSIONS,),
        reference="403: 403",
        ours="451 01005",
        reason="Sirene's own 403 says that the entity may not be diffused; the published case is about the rights of "
        "a token, which the gateway judges itself.",
    ),
    *(
        Difference(
            aspect=Aspect.CACHE,
            operations=tuple(e.operation for e in _CACHED if e.cache is lifetime and not e.flat),
            reference=f"until {hour} next day",
            ours=f"until the next {hour}",
            reason="Both are the same after that hour; an answer of the hours before it, which the provider renews at "
            "that hour, is not kept beyond it.",
        )
        for lifetime, hour in ((UNTIL_3, "03:00"), (UNTIL_8, "08:00"))
    ),
    *(
        Difference(
            aspect=Aspect.CACHE,
            operations=tuple(e.operation for e in _CACHED_V2 if e.cache is lifetime),
            reference=f"{asked} asked; 24h in effect",
            ours=ours,
            reason="The published v2 asked for this lifetime, and kept answers for 24 hours by a mistake of its own.",
        )
        for lifetime, asked, ours in ((HOUR, "1h", "1h"), (UNTIL_3, "until 03:00", "until the next 03:00"))
    ),
    *(
        Difference(
            aspect=Aspect.CACHE,
            operations=_QUIETLY_CACHED,
            reference=f"{header}: False",
            ours=f"{header}: True",
            reason="Whoever may be given an answer that was kept is told, and may ask for a new one.",
        )
        for header in ("Cache-Control", "X-Response-Cached", "X-Cache-Expires-in")
    ),
    Difference(
        aspect=Aspect.PING,
        operations=("api_entreprise_v3_inpi_rne_actes_bilans",),
        reference="inpi/rne",
        ours="inpi/rne/actes_bilans",
        reason="The published operation names a ping that does not watch it, although there is one that does.",
    ),
    Difference(
        aspect=Aspect.PING,
        operations=("api_entreprise_v3_mi_associations", "api_entreprise_v3_mi_documents_associations"),
        reference="djepva/api-association",
        ours=NONE,
        reason="Here they are asked of a provider of their own, which that ping says nothing about.",
    ),
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Words:
    """One title or detail that is not the reference's."""

    code: str
    """Five digits, or the last three of a code that every provider may have."""
    reference: str
    ours: str
    reason: str
    """In a sentence."""


WORDS: Final[tuple[Words, ...]] = (
    Words(
        code="003",
        reference="Ressource non trouvée",
        ours="Entité non trouvée",
        reason="The list of errors says one, every published answer the other; answers are what callers see.",
    ),
    Words(
        code="31001",
        reference="Paramètre invalide",
        ours="Service non disponible",
        reason="One case of the sandbox answers a wrong SIREN so; the gateway refuses it itself, with 00301.",
    ),
)
"""Titles and details that differ; those that the reference leaves out are in docs/contract.md."""


def listed(aspect: Aspect, operation: str) -> set[tuple[str, str]]:
    """What is listed of an operation: what the reference says, and what we say."""
    return {
        (difference.reference, difference.ours)
        for difference in DIFFERENCES
        if difference.aspect is aspect and operation in difference.operations
    }
