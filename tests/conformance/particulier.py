"""API Particulier and what is published of it, for the tests that compare the two, with the differences on purpose.

A difference that is not listed fails a test, and so does a listed one that is none any more.
"""

from typing import Final

from apientreprise_gateway.contract.endpoint import Endpoint, Provider
from apientreprise_gateway.providers.particulier.product import PROVIDERS
from conformance.conftest import Json, load_facts
from conformance.differences import NONE, Aspect, Difference

CATALOGUE: Final[dict[str, tuple[Endpoint, Provider]]] = {
    endpoint.operation: (endpoint, provider) for provider in PROVIDERS for endpoint in provider.endpoints
}
"""Our endpoints by operation."""

_PREFIX: Final = "api_particulier_"
SUCCESSOR: Final = f"{_PREFIX}v5_men_scolarites_with_civility"
"""An operation of which the lists tell beside those that they compare."""
NEWER: Final = frozenset(
    f"{_PREFIX}{name}"
    for name in (
        "v3_cnav_allocation_rentree_scolaire_with_civility",
        "v3_cnav_allocation_rentree_scolaire_with_france_connect",
        "v5_cnous_etudiant_boursier_with_civility",
        "v5_cnous_etudiant_boursier_with_france_connect",
        "v5_cnous_etudiant_boursier_with_ine",
    )
)
"""Operations that are published since the lists were made; `test_particulier_newer.py` compares them with what tells
of them."""
COMPARED: Final = {operation: pair for operation, pair in CATALOGUE.items() if operation not in {SUCCESSOR, *NEWER}}


def load_published() -> dict[str, Json]:
    """The published operations by `uid`; skips the module that asks where they are absent."""
    operations = load_facts()["operations"]
    listed = (*operations["api_particulier_v3_plus"], *operations["api_particulier_v2"])
    return {operation["uid"]: operation for operation in listed}


def _named(*parts: str) -> tuple[str, ...]:
    """The compared operations whose names have one of these parts."""
    return tuple(operation for operation in COMPARED if any(part in operation for part in parts))


_OF_TOKEN: Final = _named("cnous_etudiant_boursier_with_france_connect", "mesri_statut_etudiant_with_france_connect")
_V2_STUDENTS: Final = f"{_PREFIX}v2_mesri_student_status"
_V2_ALLOWANCE: Final = f"{_PREFIX}v2_cnaf_quotient_familial"
_LATER: Final = tuple(operation for operation, (endpoint, _) in COMPARED.items() if not endpoint.flat)
_V2: Final = tuple(operation for operation, (endpoint, _) in COMPARED.items() if endpoint.flat)
_V4_GRANTS: Final = _named("v4_cnous")
_CNAV_LATER: Final = _named("v3_cnav_")

_OUTAGE: Final = (
    "The published document declares 504 for a provider that is down, busy or cannot be found and for network trouble; "
    "the published program answers 502, as is done here: 504 means that the deadline passed, and nothing else."
)
_NETWORK_V2: Final = (
    "The old documents have 503; the published program answers 502 for the network, as with the later versions."
)
_WHOM: Final = (
    "The published program may send who the person is, for a scope that a call by FranceConnect never has: the field "
    "is known here so that it never comes out."
)
_SUCCEEDED: Final = "A newer version has succeeded it since the lists were made."
_NO_PING: Final = "The published operation names the old ping of the family funds, which is in no list of pings."
_OWN_PING: Final = "The published operation names a ping that does not watch it, although there is one that does."

DIFFERENCES: Final[tuple[Difference, ...]] = (
    Difference(
        aspect=Aspect.QUERY,
        operations=_V4_GRANTS,
        reference=NONE,
        ours="campaignYear",
        reason="The published service takes it in v4 as well since the lists were made.",
    ),
    *(
        Difference(
            aspect=Aspect.QUERY,
            operations=(_V2_ALLOWANCE,),
            reference=f"{name}: type number",
            ours=f"{name}: type string",
            reason="A number that may begin with zero is a text of digits.",
        )
        for name in ("numeroAllocataire", "codePostal")
    ),
    Difference(
        aspect=Aspect.PROVIDER,
        operations=_named("v3_gip_mds", "v2_pole_emploi", "v3_cnav_quotient", "v2_cnav_quotient"),
        reference="key of another name",
        ours="own key",
        reason="The key of a provider is no other provider's, and one provider has one.",
    ),
    Difference(
        aspect=Aspect.DEPRECATION,
        operations=_named("v3_men_", "v4_men_", "v4_cnous_"),
        reference="False",
        ours="True",
        reason=_SUCCEEDED,
    ),
    Difference(
        aspect=Aspect.CACHE,
        operations=(_V2_ALLOWANCE,),
        reference="no-cache declared: True",
        ours="no-cache declared: False",
        reason="Its answers are not kept, so there is nothing to bypass.",
    ),
    *(
        Difference(
            aspect=Aspect.PING,
            operations=_named(benefit),
            reference="caf",
            ours=f"cnaf_msa_{benefit}",
            reason=_NO_PING,
        )
        for benefit in (
            "allocation_adulte_handicape",
            "allocation_soutien_familial",
            "prime_activite",
            "revenu_solidarite_active",
        )
    ),
    Difference(aspect=Aspect.PING, operations=(_V2_ALLOWANCE,), reference="caf", ours=NONE, reason=_NO_PING),
    Difference(
        aspect=Aspect.PING,
        operations=_named("v3_cnous_etudiant_boursier_with_c", "v4_cnous_etudiant_boursier_with_c"),
        reference="cnous_etudiant_boursier_ine",
        ours="cnous_etudiant_boursier_identite",
        reason=_OWN_PING,
    ),
    Difference(
        aspect=Aspect.PING,
        operations=_named("v3_cnous_etudiant_boursier_with_f", "v4_cnous_etudiant_boursier_with_f"),
        reference="cnous_etudiant_boursier_ine",
        ours="cnous_etudiant_boursier_france_connect",
        reason=_OWN_PING,
    ),
    Difference(
        aspect=Aspect.PING,
        operations=_named("mesri_statut_etudiant_with_civility"),
        reference="mesri_statut_etudiant_ine",
        ours="mesri_statut_etudiant_identite",
        reason=_OWN_PING,
    ),
    Difference(
        aspect=Aspect.SCHEMA,
        operations=_OF_TOKEN,
        reference=NONE,
        ours="data.identite",
        reason=_WHOM,
    ),
    Difference(
        aspect=Aspect.SCHEMA,
        operations=(_V2_STUDENTS,),
        reference=NONE,
        ours="ine",
        reason="The published document leaves it out; the published program sends it, for a scope of its own.",
    ),
    *(
        Difference(aspect=Aspect.CODES, operations=operations, reference=f"504 {code}", ours="502", reason=_OUTAGE)
        for code, operations in (("00501", _LATER), ("PP001", _LATER), ("PP004", _LATER), ("PP008", _CNAV_LATER))
    ),
    Difference(
        aspect=Aspect.CODES,
        operations=_V2,
        reference="503 network_error",
        ours="502",
        reason=_NETWORK_V2,
    ),
    Difference(
        aspect=Aspect.CODES,
        operations=_named("v2_pole_emploi_statut"),
        reference="500 invalid_response",
        ours=NONE,
        reason="An answer of a provider that cannot be read is its fault: 503, provider_unknown_error.",
    ),
)


def listed(aspect: Aspect, operation: str) -> set[tuple[str, str]]:
    """What is listed of an operation: what the reference says, and what we say."""
    return {
        (difference.reference, difference.ours)
        for difference in DIFFERENCES
        if difference.aspect is aspect and operation in difference.operations
    }
