"""Answers of the fictive GIP-MDS."""

from collections.abc import Iterator, Mapping
from typing import Final

from apientreprise_gateway.sandbox.entreprise.answers import headcount
from apientreprise_gateway.sandbox.entreprise.answers.shape import Answer, Body, envelope
from apientreprise_gateway.sandbox.entreprise.entities import Entity, Establishment

_AVERAGE: Final = "moyen"
_LAST_YEAR: Final = 2024
# Share of the headcount by purpose: all, disabled workers, specific jobs, the base of the obligation.
_SHARES: Final[Mapping[str, float]] = {"moyen": 1.0, "boeth": 0.06, "ecap": 0.1, "assujettissement_oeth": 0.96}


def _months_back(year: int, month: int, depth: int) -> Iterator[tuple[int, int]]:
    last = 12 * year + month - 1
    for index in range(last, last - depth - 1, -1):
        yield index // 12, index % 12 + 1


def _entries(establishment: Establishment, nature: str, year: int, month: int) -> Iterator[Body]:
    value = round(_SHARES[nature] * headcount.of_month(establishment, year=year, month=month), 2)
    # No entity of the sandbox employs farm workers: that scheme is listed, as in the published API, without a value.
    for scheme, figure, updated in (
        ("regime_general", value, f"{year + month // 12:04d}-{month % 12 + 1:02d}-15"),
        ("regime_agricole", None, None),
    ):
        yield {
            "regime": scheme,
            "nature": f"effectif_{nature}_mensuel",
            "annee": f"{year:04d}",
            "mois": f"{month:02d}",
            "value": figure,
            "date_derniere_mise_a_jour": updated,
        }


def _mensuels_v3(entity: Entity, values: Mapping[str, str], query: Mapping[str, str]) -> Body:
    establishment = entity.establishment(values["siret"])
    nature = _nature(query)
    months = _months_back(int(values["year"]), int(values["month"]), int(query.get("profondeur", "0")))
    return envelope(
        {
            "siret": establishment.siret,
            "effectifs_mensuels": [
                entry for year, month in months for entry in _entries(establishment, nature, year, month)
            ],
        }
    )


def _annuels_v3(entity: Entity, values: Mapping[str, str], query: Mapping[str, str]) -> Body:
    nature, year = _nature(query), int(values["year"])
    figures = {"regime_general": round(_SHARES[nature] * _of_year(entity, year), 2), "regime_agricole": None}
    return envelope(
        {
            "siren": entity.siren,
            "annee": values["year"],
            "effectifs_annuel": [
                {
                    "regime": scheme,
                    "value": figure,
                    "nature": f"effectif_{nature}_annuel",
                    "date_derniere_mise_a_jour": None if figure is None else f"{year + 1:04d}-02-15",
                }
                for scheme, figure in figures.items()
            ],
        }
    )


def _of_year(entity: Entity, year: int) -> float:
    """The mean headcount of an entity in a year."""
    months = range(1, 13)
    return (
        sum(headcount.of_month(place, year=year, month=month) for place in entity.establishments for month in months)
        / 12
    )


def _annuels_v2(entity: Entity, _values: Mapping[str, str], _query: Mapping[str, str]) -> Body:
    return {
        "siren": entity.siren,
        "annee": str(_LAST_YEAR),
        "effectifs_annuels": headcount.as_text(_of_year(entity, _LAST_YEAR)),
    }


def _nature(query: Mapping[str, str]) -> str:
    asked = query.get("nature_effectif", _AVERAGE)
    return asked if asked in _SHARES else _AVERAGE


def _mensuels_v2(entity: Entity, values: Mapping[str, str], _query: Mapping[str, str]) -> Body:
    establishment = entity.establishment(values["siret"])
    staff = headcount.of_month(establishment, year=int(values["annee"]), month=int(values["mois"]))
    return {
        "siret": establishment.siret,
        "annee": values["annee"],
        "mois": values["mois"],
        "effectifs_mensuels": headcount.as_text(staff),
    }


ANSWERS: Final[Mapping[str, Answer]] = {
    "api_entreprise_v3_gip_mds_effectifs_mensuels_etablissement": _mensuels_v3,
    "api_entreprise_v3_gip_mds_effectifs_annuels_entreprise": _annuels_v3,
    "api_entreprise_v2_effectifs_annuels_entreprise_acoss_covid": _annuels_v2,
    "api_entreprise_v2_effectifs_mensuels_etablissement_acoss_covid": _mensuels_v2,
}
