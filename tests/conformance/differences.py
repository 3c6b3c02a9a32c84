"""Where the gateway differs from the reference facts on purpose, and why.

The tests compare what differs with what is listed here, both ways: a difference that is not listed fails, and so does
a listed one that is none any more.
"""

from dataclasses import dataclass
from enum import StrEnum
from typing import Final

from apientreprise_gateway.providers import PROVIDERS


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


_V2: Final = tuple(
    endpoint.operation for provider in PROVIDERS for endpoint in provider.endpoints if endpoint.version == 2
)
_V2_ENTREPRISES: Final = "api_entreprise_v2_entreprises_restored"
_V2_FISCALE: Final = "api_entreprise_v2_attestations_fiscales_dgfip"
_V2_EFFECTIFS_ENTREPRISE: Final = "api_entreprise_v2_effectifs_mensuels_entreprise_acoss_covid"
_V2_EFFECTIFS_ETABLISSEMENT: Final = "api_entreprise_v2_effectifs_mensuels_etablissement_acoss_covid"
_V3_EFFECTIFS: Final = "api_entreprise_v3_gip_mds_effectifs_mensuels_etablissement"
_V4_FISCALE: Final = "api_entreprise_v4_dgfip_attestations_fiscales"
_V4_VIGILANCE: Final = "api_entreprise_v4_acoss_attestations_sociales"
_V2_OF_A_PROVIDER: Final = tuple(operation for operation in _V2 if operation != _V2_EFFECTIFS_ENTREPRISE)
"""Those that the published v2 asked a provider for."""

_FICTIVE_SIREN: Final = (
    "The published sandbox answers for numbers that are no SIREN (their check digit is wrong); ours are refused before "
    "any provider is asked, in production and in front of a sandbox alike."
)
_OUTAGE: Final = (
    "The published OpenAPI declares 504 for a provider that is down or cannot be found and for network trouble; "
    "v2, which answered 502, does the same here."
)
_PROVIDER_SPECIFIC: Final = "Codes of one provider's own come with the reading of that provider's own answers, later."

DIFFERENCES: Final[tuple[Difference, ...]] = (
    Difference(
        aspect=Aspect.QUERY,
        operations=(_V2_FISCALE, _V4_FISCALE),
        reference=NONE,
        ours="user_id",
        reason="The DGFIP wants to know which agent asks, which the published API now reads from the token.",
    ),
    Difference(
        aspect=Aspect.QUERY,
        operations=(_V3_EFFECTIFS,),
        reference="profondeur: maximum 12",
        ours="profondeur: maximum 13",
        reason="The published service declares 12 but accepts 13, and so do we.",
    ),
    Difference(
        aspect=Aspect.SCOPES,
        operations=(_V2_EFFECTIFS_ENTREPRISE, _V2_EFFECTIFS_ETABLISSEMENT),
        reference=NONE,
        ours="aides_covid_effectifs",
        reason="No endpoint is open to every token: the tokens of v2 that could call it carried this role.",
    ),
    Difference(
        aspect=Aspect.LIMITS,
        operations=(_V2_FISCALE, _V4_FISCALE, _V2_EFFECTIFS_ENTREPRISE, _V2_EFFECTIFS_ETABLISSEMENT, _V3_EFFECTIFS),
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
        operations=(_V2_EFFECTIFS_ETABLISSEMENT,),
        reference="errors: json_api objects",
        ours="errors: flat strings",
        reason="Errors of v2 have one form, that of nearly all its endpoints.",
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
        reason="Partial answers of v2 come later.",
    ),
    Difference(
        aspect=Aspect.CODES,
        operations=(_V2_ENTREPRISES,),
        reference="301",
        ours=NONE,
        reason="The redirection of v2 from a duplicate identifier to the right one comes later.",
    ),
    Difference(aspect=Aspect.CODES, operations=_V2_OF_A_PROVIDER, reference="502 PP001", ours="504", reason=_OUTAGE),
    Difference(aspect=Aspect.CODES, operations=_V2_OF_A_PROVIDER, reference="502 PP004", ours="504", reason=_OUTAGE),
    Difference(aspect=Aspect.CODES, operations=_V2_OF_A_PROVIDER, reference="502 00501", ours="504", reason=_OUTAGE),
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
        operations=(_V2_FISCALE,),
        reference="502 00502",
        ours=NONE,
        reason="The gateway hosts no file yet, so no hosting can fail.",
    ),
    Difference(
        aspect=Aspect.CODES,
        operations=(_V2_ENTREPRISES,),
        reference="502 01501",
        ours=NONE,
        reason=_PROVIDER_SPECIFIC,
    ),
    Difference(
        aspect=Aspect.CODES, operations=(_V2_FISCALE,), reference="422 03103", ours=NONE, reason=_PROVIDER_SPECIFIC
    ),
    Difference(
        aspect=Aspect.CODES, operations=(_V2_FISCALE,), reference="502 03501", ours=NONE, reason=_PROVIDER_SPECIFIC
    ),
    Difference(
        aspect=Aspect.CODES, operations=(_V4_VIGILANCE,), reference="502 04501", ours=NONE, reason=_PROVIDER_SPECIFIC
    ),
    Difference(
        aspect=Aspect.CODES, operations=(_V4_VIGILANCE,), reference="502 04502", ours=NONE, reason=_PROVIDER_SPECIFIC
    ),
    Difference(
        aspect=Aspect.CASES,
        operations=(_V4_VIGILANCE, _V4_FISCALE),
        reference="attestation_delivree: 200",
        ours="422 00301",
        reason=_FICTIVE_SIREN,
    ),
    Difference(
        aspect=Aspect.CASES,
        operations=(_V4_VIGILANCE,),
        reference="attestation_non_delivree: 200",
        ours="422 00301",
        reason=_FICTIVE_SIREN,
    ),
    Difference(
        aspect=Aspect.CASES,
        operations=(_V4_FISCALE,),
        reference="entite_hors_perimetre: 404",
        ours="422 00301",
        reason=_FICTIVE_SIREN,
    ),
)


def listed(aspect: Aspect, operation: str) -> set[tuple[str, str]]:
    """What is listed of an operation: what the reference says, and what we say."""
    return {
        (difference.reference, difference.ours)
        for difference in DIFFERENCES
        if difference.aspect is aspect and operation in difference.operations
    }
