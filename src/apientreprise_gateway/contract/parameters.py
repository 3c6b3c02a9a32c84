"""Parameters of endpoints, and the kinds that any product may have: how each is judged, named and shown.

A product's own kinds stand with the product.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Final

from apientreprise_gateway.contract import identifiers


@dataclass(frozen=True, slots=True)
class ParameterKind:
    """A kind of parameter: how a value is checked, the error of a wrong one, what OpenAPI says of it."""

    name: str
    accepts: Callable[[str], bool]
    code: str
    description: str
    example: str
    schema: Mapping[str, object] = field(default_factory=lambda: MappingProxyType({"type": "string"}))
    source: str | None = None
    """The name that the error's `source` gives, where it is not the parameter's own."""
    names_entity: bool = False
    """Whether its value says whose data is asked for."""
    form: Callable[[str], bool] | None = None
    """Whether a refused value is well formed and only out of range, where that is an error of its own."""
    range_code: str = ""
    """The error of a value that is out of range."""
    sent_as: Callable[[str], str] | None = None
    """How the provider spells an accepted value, where it spells it otherwise than the caller may."""
    names_agent: bool = False
    """Whether its value says which agent asks, not what is asked: a cached answer is the same for all agents."""

    def code_of(self, value: str) -> str:
        """The error of a value that is refused."""
        return self.range_code if self.form is not None and self.form(value) else self.code

    @property
    def codes(self) -> tuple[str, ...]:
        """Every error that a value may be refused with."""
        return tuple(code for code in (self.code, self.range_code) if code)


@dataclass(frozen=True, slots=True)
class Parameter:
    """A parameter of an endpoint: its name in the path or query, and its kind."""

    name: str
    kind: ParameterKind


_MONTHS = [f"{month:02d}" for month in range(1, 13)]

SIREN: Final = ParameterKind(
    "siren", identifiers.is_siren, "00301", "Numéro SIREN de l'unité légale.", "130025265", names_entity=True
)
SIRET: Final = ParameterKind(
    "siret", identifiers.is_siret, "00302", "Numéro SIRET de l'établissement.", "13002526500013", names_entity=True
)
SIRET_OR_RNA: Final = ParameterKind(
    "siret_or_rna",
    identifiers.is_siret_or_rna,
    "00303",
    "Numéro SIRET ou numéro RNA de l'association.",
    "W262001597",
    source="id",
    names_entity=True,
)
SIREN_OR_RNA: Final = ParameterKind(
    "siren_or_rna",
    identifiers.is_siren_or_rna,
    "00333",
    "Numéro SIREN ou numéro RNA de l'association.",
    "W262001597",
    source="id",
    names_entity=True,
)
SIREN_OR_SIRET_OR_RNA: Final = ParameterKind(
    "siren_or_siret_or_rna",
    identifiers.is_siren_or_siret_or_rna,
    "00330",
    "Numéro SIREN, SIRET ou RNA de l'association.",
    "W262001597",
    source="id",
    names_entity=True,
)
SIRET_OR_EORI: Final = ParameterKind(
    "siret_or_eori",
    identifiers.is_siret_or_eori,
    "00304",
    "Numéro SIRET de l'établissement, ou numéro EORI : le code du pays, puis quinze lettres ou chiffres au plus.",
    "FR13002526500013",
    source="id",
    names_entity=True,
    sent_as=identifiers.as_eori,
)
YEAR: Final = ParameterKind("year", identifiers.is_past_year, "00307", "Année, sur quatre chiffres.", "2024")
MONTH: Final = ParameterKind(
    "month",
    identifiers.is_month,
    "00305",
    "Mois, sur deux chiffres.",
    "06",
    MappingProxyType({"type": "string", "enum": _MONTHS}),
)
