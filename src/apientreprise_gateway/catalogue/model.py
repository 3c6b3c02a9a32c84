"""What an endpoint is.

A provider file declares its endpoints with these classes; everything else (path lookup, checks, OpenAPI, sandbox,
metrics) reads them. They are plain data: nothing here looks at a request.
"""

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from types import MappingProxyType
from typing import Final

from apientreprise_gateway.catalogue import identifiers
from apientreprise_gateway.errors import FLAT_VERSION

_VERSIONED: Final = re.compile(r"/v([1-9]\d*)(/.+)")


@dataclass(frozen=True, slots=True)
class Kind:
    """A kind of parameter: how it is judged, which error says that it is wrong, how OpenAPI shows it."""

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


_MONTHS = [f"{month:02d}" for month in range(1, 13)]

SIREN: Final = Kind(
    "siren", identifiers.is_siren, "00301", "Numéro SIREN de l'unité légale.", "130025265", names_entity=True
)
SIRET: Final = Kind(
    "siret", identifiers.is_siret, "00302", "Numéro SIRET de l'établissement.", "13002526500013", names_entity=True
)
SIRET_OR_RNA: Final = Kind(
    "siret_or_rna",
    identifiers.is_siret_or_rna,
    "00303",
    "Numéro SIRET ou numéro RNA de l'association.",
    "W262001597",
    source="id",
    names_entity=True,
)
YEAR: Final = Kind("year", identifiers.is_past_year, "00307", "Année, sur quatre chiffres.", "2024")
MONTH: Final = Kind(
    "month",
    identifiers.is_month,
    "00305",
    "Mois, sur deux chiffres.",
    "06",
    MappingProxyType({"type": "string", "enum": _MONTHS}),
)
MONTH_V2: Final = Kind("month", identifiers.is_two_digits, "00305", "Mois, sur deux chiffres.", "06")
HISTORY_DEPTH: Final = Kind(
    "history_depth",
    identifiers.is_history_depth,
    "00390",
    "Nombre de mois antérieurs à joindre.",
    "2",
    MappingProxyType({"type": "integer", "minimum": 0, "maximum": identifiers.DEEPEST_HISTORY, "default": 0}),
)
HEADCOUNT_NATURE: Final = Kind(
    "headcount_nature",
    identifiers.is_anything,
    "",
    "Nature de l'effectif ; toute autre valeur vaut `moyen`.",
    "boeth",
    MappingProxyType(
        {"type": "string", "enum": ["moyen", "boeth", "ecap", "assujettissement_oeth"], "default": "moyen"}
    ),
)
SIREN_IS: Final = Kind(
    "siren_is",
    identifiers.is_blank_or_siren,
    "00311",
    "SIREN de la société mère pour l'impôt sur les sociétés.",
    "",
)
SIREN_TVA: Final = Kind(
    "siren_tva", identifiers.is_blank_or_siren, "00312", "SIREN de la société mère pour la TVA.", ""
)
NON_DIFFUSABLES: Final = Kind(
    "non_diffusables",
    identifiers.is_anything,
    "",
    "`true` pour obtenir aussi les entités qui s'opposent à la diffusion de leurs données.",
    "true",
    MappingProxyType({"type": "boolean", "default": False}),
)


@dataclass(frozen=True, slots=True)
class Parameter:
    """A parameter of an endpoint: its name in the path or query, and its kind."""

    name: str
    kind: Kind


class Figure(StrEnum):
    """The setting that holds a group's number of calls per minute."""

    JSON = "limit_json"
    DOCUMENTS = "limit_documents"
    STRICT = "limit_strict"
    EFFECTIFS = "limit_effectifs"
    AGEFIPH = "limit_agefiph"


@dataclass(frozen=True, slots=True)
class Group:
    """Endpoints that share one counter per token."""

    name: str
    figure: Figure
    shared: bool = False
    """Whether endpoints of several providers share it; otherwise it protects one, and no token may have more."""


JSON: Final = Group("json", Figure.JSON, shared=True)
DOCUMENTS: Final = Group("documents", Figure.DOCUMENTS, shared=True)
ATTESTATION_FISCALE: Final = Group("attestation_fiscale", Figure.STRICT)
ACTES_BILANS: Final = Group("actes_bilans", Figure.STRICT)
EFFECTIFS: Final = Group("effectifs", Figure.EFFECTIFS)
AGEFIPH: Final = Group("agefiph", Figure.AGEFIPH)

GROUPS: Final = (JSON, DOCUMENTS, ATTESTATION_FISCALE, ACTES_BILANS, EFFECTIFS, AGEFIPH)


class Answer(StrEnum):
    """What an endpoint answers with."""

    JSON = "json"
    DOCUMENT = "document"
    """JSON that holds the address of a file."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Endpoint:
    """One operation of the API, at one version."""

    operation: str
    """Unique name, as published (`uid`): it labels logs, metrics and OpenAPI."""
    path: str
    """With its version and its parameters in braces: `/v4/insee/sirene/unites_legales/{siren}`."""
    summary: str
    """One line of French."""
    tag: str
    scopes: tuple[str, ...]
    """Any one of them opens the endpoint."""
    parameters: tuple[Parameter, ...]
    """Those of the path, in its order."""
    query: tuple[Parameter, ...] = ()
    """Its own query parameters, all optional; they are passed on to the provider."""
    group: Group = JSON
    answer: Answer = Answer.JSON
    user_id: bool = False
    """Whether the provider wants to know which agent asks (`user_id`)."""
    gateway_error: bool = False
    """v2 only: whether bodies carry the `gateway_error` flag."""
    deprecated: bool = False
    version: int = field(init=False)
    route: str = field(init=False)
    """The path without its version."""

    def __post_init__(self) -> None:
        match = _VERSIONED.fullmatch(self.path)
        if match is None:
            raise ValueError(f"{self.operation}: the path {self.path!r} does not start with a version")
        named = re.findall(r"{(\w+)}", self.path)
        if named != [parameter.name for parameter in self.parameters]:
            raise ValueError(f"{self.operation}: the parameters declared are not those of {self.path!r}")
        object.__setattr__(self, "version", int(match[1]))
        object.__setattr__(self, "route", match[2])

    @property
    def flat(self) -> bool:
        """Whether bodies have the flat shape of v2."""
        return self.version == FLAT_VERSION


_NO_STATUSES: Final[Mapping[int, str]] = MappingProxyType({})


@dataclass(frozen=True, slots=True, kw_only=True)
class Provider:
    """A public body that answers, with the endpoints that it answers for."""

    key: str
    """Short name: settings and metrics use it."""
    name: str
    """As `meta.provider` shows it."""
    prefix: str
    """The first two digits of its error codes."""
    endpoints: tuple[Endpoint, ...]
    statuses: Mapping[int, str] = field(default_factory=lambda: _NO_STATUSES)
    """Statuses that mean something else with this provider than with the others, as last three digits of a code."""
