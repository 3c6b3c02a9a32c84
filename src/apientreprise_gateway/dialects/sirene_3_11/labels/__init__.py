"""Labels of the codes that Sirene gives without labels.

They are those of INSEE's nomenclatures, worded as in the published API. The tables of activities and legal forms are
read at their first use.
"""

import unicodedata
from collections.abc import Mapping
from functools import cache
from importlib.resources import files
from types import MappingProxyType
from typing import Any, Final, NamedTuple

NAF_REV2: Final = "NAFRev2"
NAF_2025: Final = "NAF2025"
UNKNOWN: Final = "non référencé"
"""The published label of an unknown code."""


_ACTIVITIES: Final[Mapping[str, str]] = MappingProxyType({NAF_REV2: "naf_rev2.tsv", NAF_2025: "naf_2025.tsv"})
"""The tables of activities by nomenclature."""


class _Band(NamedTuple):
    label: str
    low: int | None
    high: int | None


_BANDS: Final[Mapping[str, _Band]] = MappingProxyType(
    {
        "NN": _Band("Unités non employeuses", None, None),
        "00": _Band("0 salarié", 0, 0),
        "01": _Band("1 ou 2 salariés", 1, 2),
        "02": _Band("3 à 5 salariés", 3, 5),
        "03": _Band("6 à 9 salariés", 6, 9),
        "11": _Band("10 à 19 salariés", 10, 19),
        "12": _Band("20 à 49 salariés", 20, 49),
        "21": _Band("50 à 99 salariés", 50, 99),
        "22": _Band("100 à 199 salariés", 100, 199),
        "31": _Band("200 à 249 salariés", 200, 249),
        "32": _Band("250 à 499 salariés", 250, 499),
        "41": _Band("500 à 999 salariés", 500, 999),
        "42": _Band("1 000 à 1 999 salariés", 1000, 1999),
        "51": _Band("2 000 à 4 999 salariés", 2000, 4999),
        "52": _Band("5 000 à 9 999 salariés", 5000, 9999),
        "53": _Band("10 000 salariés et plus", 10000, None),
    }
)
"""The bands of headcounts by code."""

_STREETS: Final[Mapping[str, str]] = MappingProxyType(
    {
        "ALL": "ALLÉE",
        "AV": "AVENUE",
        "BD": "BOULEVARD",
        "CAR": "CARREFOUR",
        "CHE": "CHEMIN",
        "CHS": "CHAUSSÉE",
        "CITE": "CITÉ",
        "COR": "CORNICHE",
        "CRS": "COURS",
        "DOM": "DOMAINE",
        "DSC": "DESCENTE",
        "ECA": "ECART",
        "ESP": "ESPLANADE",
        "FG": "FAUBOURG",
        "GR": "GRANDE RUE",
        "HAM": "HAMEAU",
        "HLE": "HALLE",
        "IMP": "IMPASSE",
        "LD": "LIEU-DIT",
        "LOT": "LOTISSEMENT",
        "MAR": "MARCHÉ",
        "MTE": "MONTÉE",
        "PAS": "PASSAGE",
        "PL": "PLACE",
        "PLN": "PLAINE",
        "PLT": "PLATEAU",
        "PRO": "PROMENADE",
        "PRV": "PARVIS",
        "QUA": "QUARTIER",
        "QUAI": "QUAI",
        "RES": "RÉSIDENCE",
        "RLE": "RUELLE",
        "ROC": "ROCADE",
        "RPT": "ROND-POINT",
        "RTE": "ROUTE",
        "RUE": "RUE",
        "SEN": "SENTIER",
        "SQ": "SQUARE",
        "TPL": "TERRE-PLEIN",
        "TRA": "TRAVERSE",
        "VLA": "VILLA",
        "VLGE": "VILLAGE",
    }
)
"""The kinds of street that the published answers name, by Sirene's code."""

_INDICES: Final[Mapping[str, str]] = MappingProxyType({"B": "BIS", "T": "TER", "Q": "QUATER", "C": "QUINQUIES"})
_PUBLISHED_INDICES: Final[Mapping[str, str]] = MappingProxyType(
    {"BIS": "bis", "TER": "ter", "QUATER": "quarter", "QUINQUIES": "quinquies"}  # quarter: as the schema has it
)

_REGIONS: Final[Mapping[str, tuple[str, str]]] = MappingProxyType(
    {
        "01": ("Guadeloupe", "971"),
        "02": ("Martinique", "972"),
        "03": ("Guyane", "973"),
        "04": ("La Réunion", "974"),
        "06": ("Mayotte", "976"),
        "11": ("Île-de-France", "75 77 78 91 92 93 94 95"),
        "24": ("Centre-Val de Loire", "18 28 36 37 41 45"),
        "27": ("Bourgogne-Franche-Comté", "21 25 39 58 70 71 89 90"),
        "28": ("Normandie", "14 27 50 61 76"),
        "32": ("Hauts-de-France", "02 59 60 62 80"),
        "44": ("Grand Est", "08 10 51 52 54 55 57 67 68 88"),
        "52": ("Pays de la Loire", "44 49 53 72 85"),
        "53": ("Bretagne", "22 29 35 56"),
        "75": ("Nouvelle-Aquitaine", "16 17 19 23 24 33 40 47 64 79 86 87"),
        "76": ("Occitanie", "09 11 12 30 31 32 34 46 48 65 66 81 82"),
        "84": ("Auvergne-Rhône-Alpes", "01 03 07 15 26 38 42 43 63 69 73 74"),
        "93": ("Provence-Alpes-Côte d'Azur", "04 05 06 13 83 84"),
        "94": ("Corse", "2A 2B"),
    }
)
"""The regions by code, with their departments."""
_REGION_OF: Final[Mapping[str, str]] = MappingProxyType(
    {department: code for code, (_, departments) in _REGIONS.items() for department in departments.split()}
)


def activity(code: str | None, nomenclature: str | None) -> dict[str, Any]:
    """An activity; the codes of older nomenclatures have no labels."""
    return {"code": code, "libelle": _activity_label(code, nomenclature), "nomenclature": nomenclature}


def legal_form(code: str) -> dict[str, Any]:
    """A legal category of level III."""
    return {"code": code, "libelle": _table("categories_juridiques.tsv").get(code, UNKNOWN)}


def band(code: str | None, year: str | None) -> dict[str, Any]:
    """A band of headcounts, counted in a year."""
    known = _BANDS.get(code or "")
    if known is None:
        label, low, high = (None if code is None else UNKNOWN), None, None
        return {"code": None, "intitule": label, "date_reference": year, "de": low, "a": high}
    return {"code": code, "intitule": known.label, "date_reference": year, "de": known.low, "a": known.high}


def street(code: str | None) -> str | None:
    """The published word for a kind of street; None if the published API has none for it.

    Sirene gives its code, or the word without accents.
    """
    return _streets().get(code or "")


def index(code: str | None) -> tuple[str | None, str | None]:
    """The suffix of a house number, as on an envelope and as published; both None if there is none."""
    word = None if code is None else _INDICES.get(code, code)
    return word, _PUBLISHED_INDICES.get(word or "")


def region(commune: str | None) -> tuple[str | None, str | None]:
    """Code and name of the region of a commune, by its INSEE code; both None overseas and abroad."""
    code = _REGION_OF.get((commune or "")[:2]) or _REGION_OF.get((commune or "")[:3])
    return (None, None) if code is None else (code, _REGIONS[code][0])


def _activity_label(code: str | None, nomenclature: str | None) -> str:
    if code is None or nomenclature is None:
        return UNKNOWN
    table = _ACTIVITIES.get(nomenclature)
    return (
        f"ancienne révision NAF ({nomenclature}) non supportée" if table is None else _table(table).get(code, UNKNOWN)
    )


@cache
def _streets() -> Mapping[str, str]:
    plain = {_plain(word): word for word in _STREETS.values()}
    return {**plain, **{word: word for word in _STREETS.values()}, **_STREETS}


def _plain(word: str) -> str:
    letters = unicodedata.normalize("NFD", word)
    return "".join(letter for letter in letters if not unicodedata.combining(letter)).replace("-", " ")


@cache
def _table(name: str) -> Mapping[str, str]:
    lines = files(__name__).joinpath(name).read_text("utf-8").splitlines()[1:]
    return dict(line.split("\t") for line in lines)
