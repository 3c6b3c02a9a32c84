"""Translates the links of succession of an establishment into the form of the published API."""

from typing import Any

from apientreprise_gateway.dialects.sirene_3_11.fields import Fields, digits, flag, midnight, needed

_BEFORE = "siretEtablissementPredecesseur"
_AFTER = "siretEtablissementSuccesseur"


def description(links: list[Fields], siret: str) -> dict[str, Any]:
    """The published predecessors and successors of an establishment."""
    return {
        "predecesseurs": [_link(link, _BEFORE) for link in links if digits(link, _AFTER, 14) == siret],
        "successeurs": [_link(link, _AFTER) for link in links if digits(link, _BEFORE, 14) == siret],
    }


def _link(link: Fields, other: str) -> dict[str, Any]:
    day = needed(link, "dateLienSuccession")
    midnight(day)  # raises if it is not a date
    return {
        "siret": digits(link, other, 14),
        "date_succession": day,
        "transfert_siege": flag(link, "transfertSiege"),
        "continuite_economique": flag(link, "continuiteEconomique"),
    }
