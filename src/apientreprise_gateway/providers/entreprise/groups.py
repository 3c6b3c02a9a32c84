"""The groups of endpoints of API Entreprise, with their limits."""

from typing import Final

from apientreprise_gateway.contract.groups import Group, Limit

_STRICT: Final = Limit(
    "limit_strict", 5, "Calls per minute and token on the attestation fiscale; as many on INPI actes and bilans."
)

JSON: Final = Group(
    "json", Limit("limit_json", 250, "Calls per minute and token, JSON endpoints together."), shared=True
)
DOCUMENTS: Final = Group(
    "documents", Limit("limit_documents", 50, "Calls per minute and token, documents together."), shared=True
)
ATTESTATION_FISCALE: Final = Group("attestation_fiscale", _STRICT)
ACTES_INPI: Final = Group("actes_inpi", _STRICT)
BILANS_INPI: Final = Group("bilans_inpi", _STRICT)
ACTES_BILANS: Final = Group("actes_bilans", _STRICT)
"""The endpoint that replaced those of actes and of bilans lists both in one call."""
EFFECTIFS: Final = Group("effectifs", Limit("limit_effectifs", 250, "Calls per minute and token on the headcounts."))
AGEFIPH: Final = Group("agefiph", Limit("limit_agefiph", 250, "Calls per minute and token on Agefiph."))

GROUPS: Final = (
    JSON,
    DOCUMENTS,
    ATTESTATION_FISCALE,
    ACTES_INPI,
    BILANS_INPI,
    ACTES_BILANS,
    EFFECTIFS,
    AGEFIPH,
)
