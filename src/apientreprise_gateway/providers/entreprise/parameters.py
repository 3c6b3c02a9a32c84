"""The kinds of parameters that API Entreprise alone has."""

from dataclasses import replace
from types import MappingProxyType
from typing import Final

from apientreprise_gateway.contract import identifiers
from apientreprise_gateway.contract.parameters import ParameterKind

FISCAL_YEAR: Final = ParameterKind(
    "fiscal_year",
    identifiers.is_fiscal_year,
    "00307",
    f"Année de l'exercice, sur quatre chiffres, de {identifiers.FIRST_FISCAL_YEAR} à l'an passé.",
    "2024",
    form=identifiers.is_four_digits,
    range_code="00315",
)
YEAR_V2: Final = ParameterKind("year_v2", identifiers.is_integer, "00307", "Année de l'exercice.", "2021")
DICTIONARY_YEAR: Final = replace(YEAR_V2, name="dictionary_year", description="Année du dictionnaire.")
"""The year of a dictionary, which is about no entity: the year alone says which one is asked for."""
MONTH_V2: Final = ParameterKind("month", identifiers.is_two_digits, "00305", "Mois, sur deux chiffres.", "06")
HISTORY_DEPTH: Final = ParameterKind(
    "history_depth",
    identifiers.is_history_depth,
    "00390",
    "Nombre de mois antérieurs à joindre.",
    "2",
    MappingProxyType({"type": "integer", "minimum": 0, "maximum": identifiers.DEEPEST_HISTORY, "default": 0}),
)
HEADCOUNT_NATURE: Final = ParameterKind(
    "headcount_nature",
    identifiers.is_anything,
    "",
    "Nature de l'effectif ; toute autre valeur vaut `moyen`.",
    "boeth",
    MappingProxyType(
        {"type": "string", "enum": ["moyen", "boeth", "ecap", "assujettissement_oeth"], "default": "moyen"}
    ),
)
SIREN_IS: Final = ParameterKind(
    "siren_is",
    identifiers.is_blank_or_siren,
    "00311",
    "SIREN de la société mère pour l'impôt sur les sociétés.",
    "",
)
SIREN_TVA: Final = ParameterKind(
    "siren_tva", identifiers.is_blank_or_siren, "00312", "SIREN de la société mère pour la TVA.", ""
)
CERTIFICATE_TYPE: Final = ParameterKind(
    "certificate_type",
    identifiers.is_social_certificate,
    "00310",
    "Type d'attestation ; il n'en existe qu'un.",
    identifiers.SOCIAL_CERTIFICATE,
    MappingProxyType(
        {"type": "string", "enum": [identifiers.SOCIAL_CERTIFICATE], "default": identifiers.SOCIAL_CERTIFICATE}
    ),
)
PAGE_SIZE: Final = ParameterKind(
    "page_size",
    identifiers.is_blank_or_page_size,
    "00313",
    "Nombre de certificats à rendre, au plus.",
    "100",
    MappingProxyType(
        {
            "type": "integer",
            "minimum": 1,
            "maximum": identifiers.LARGEST_PAGE,
            "default": identifiers.LARGEST_PAGE,
        }
    ),
)
SKIP_PDF: Final = ParameterKind(
    "skip_pdf",
    identifiers.is_anything,
    "",
    "`true` pour obtenir les certificats sans leurs fichiers.",
    "true",
    MappingProxyType({"type": "boolean"}),
)
EMAIL: Final = ParameterKind(
    "email", identifiers.is_anything, "", "Adresse de l'agent à l'origine de la demande.", "", names_agent=True
)
NON_DIFFUSABLES: Final = ParameterKind(
    "non_diffusables",
    identifiers.is_anything,
    "",
    "`true` pour obtenir aussi les entités qui s'opposent à la diffusion de leurs données.",
    "true",
    MappingProxyType({"type": "boolean", "default": False}),
)
