"""Parts that the descriptions of legal units and establishments share."""

from typing import Any, Final

from apientreprise_gateway.dialects.sirene_3_11 import labels
from apientreprise_gateway.dialects.sirene_3_11.fields import Fields, MalformedAnswerError, day, needed, text

FULLY: Final = "diffusible"
PARTIALLY: Final = "partiellement_diffusible"
NOT_AT_ALL: Final = "non_diffusible"
_STATUSES: Final = {"O": FULLY, "P": PARTIALLY, "N": NOT_AT_ALL}
_FIRST_VERSION: Final = 3


def diffusion(of: Fields, name: str) -> str:
    """The published status of diffusion of a legal unit or an establishment: what may be made public."""
    found = _STATUSES.get(needed(of, name))
    if found is None:
        raise MalformedAnswerError(name)
    return found


def activities(of: Fields, *, version: int, suffix: str, newer: Fields) -> dict[str, Any]:
    """The main activity, in the nomenclature that it was coded in.

    From v4 on it is given in NAF 2025, if Sirene has that, and also in NAF rév. 2.

    Args:
        of: the object with the code and its nomenclature.
        version: version of the answer.
        suffix: suffix of the fields' names.
        newer: the object with the code in NAF 2025.
    """
    code = text(of, f"activitePrincipale{suffix}")
    nomenclature = text(of, f"nomenclatureActivitePrincipale{suffix}")
    coded = labels.activity(code, nomenclature)
    if version == _FIRST_VERSION:
        return {"activite_principale": coded}
    of_2025 = text(newer, f"activitePrincipaleNAF25{suffix}")
    is_rev2 = nomenclature == labels.NAF_REV2
    return {
        "activite_principale": coded if of_2025 is None else labels.activity(of_2025, labels.NAF_2025),
        "activite_principale_naf_rev2": coded if is_rev2 else labels.activity(None, labels.NAF_REV2),
    }


def band(of: Fields, *, suffix: str) -> dict[str, Any]:
    """The band of headcounts, with its year."""
    return labels.band(text(of, f"trancheEffectifs{suffix}"), text(of, f"anneeEffectifs{suffix}"))


def since(periods: list[Fields], change: str) -> int | None:
    """The day of the last change of a kind, in Unix seconds; None if unknown."""
    for period in periods:
        if period.get(change) is True:
            return day(period, "dateDebut")
    return None


def first_known(*days: int | None) -> int:
    """The first of these days that is known, in Unix seconds."""
    for found in days:
        if found is not None:
            return found
    raise MalformedAnswerError("dateDernierTraitement")
