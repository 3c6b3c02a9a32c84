"""What an endpoint is.

A provider file declares its endpoints with these classes; everything else (path lookup, checks, OpenAPI, sandbox,
metrics) reads them. They are plain data: nothing here looks at a request.
"""

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from enum import StrEnum
from types import MappingProxyType
from typing import Final

from apientreprise_gateway.contract import identifiers
from apientreprise_gateway.contract.errors import FLAT_VERSION
from apientreprise_gateway.contract.lifetime import Lifetime

_VERSIONED: Final = re.compile(r"/v([1-9]\d*)(/.+)")


@dataclass(frozen=True, slots=True)
class ParameterKind:
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
    form: Callable[[str], bool] | None = None
    """What tells a refused value that is only out of range, where that is an error of its own."""
    range_code: str = ""
    """That error."""
    sent_as: Callable[[str], str] | None = None
    """How the provider spells an accepted value, where it spells it otherwise than the caller may."""
    names_agent: bool = False
    """Whether its value says who asks, not what is asked: an answer that is kept is the same for all of them."""

    def code_of(self, value: str) -> str:
        """The error of a value that is refused."""
        return self.range_code if self.form is not None and self.form(value) else self.code

    @property
    def codes(self) -> tuple[str, ...]:
        """Every error that a value may be refused with."""
        return tuple(code for code in (self.code, self.range_code) if code)


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
"""A dictionary is about no entity: its year is what says which one is asked for."""
MONTH: Final = ParameterKind(
    "month",
    identifiers.is_month,
    "00305",
    "Mois, sur deux chiffres.",
    "06",
    MappingProxyType({"type": "string", "enum": _MONTHS}),
)
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


@dataclass(frozen=True, slots=True)
class Parameter:
    """A parameter of an endpoint: its name in the path or query, and its kind."""

    name: str
    kind: ParameterKind


class LimitSetting(StrEnum):
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
    figure: LimitSetting
    shared: bool = False
    """Whether endpoints of several providers share it; otherwise it protects one, and no token may have more."""


JSON: Final = Group("json", LimitSetting.JSON, shared=True)
DOCUMENTS: Final = Group("documents", LimitSetting.DOCUMENTS, shared=True)
ATTESTATION_FISCALE: Final = Group("attestation_fiscale", LimitSetting.STRICT)
ACTES_INPI: Final = Group("actes_inpi", LimitSetting.STRICT)
BILANS_INPI: Final = Group("bilans_inpi", LimitSetting.STRICT)
ACTES_BILANS: Final = Group("actes_bilans", LimitSetting.STRICT)
"""What succeeded to actes and bilans lists both in one call."""
EFFECTIFS: Final = Group("effectifs", LimitSetting.EFFECTIFS)
AGEFIPH: Final = Group("agefiph", LimitSetting.AGEFIPH)

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


class AnswerKind(StrEnum):
    """What an endpoint answers with."""

    JSON = "json"
    DOCUMENT = "document"
    """JSON that holds the address of a file."""


class FileKind(StrEnum):
    """What a document is; the value is the ending of its name."""

    PDF = "pdf"
    ZIP = "zip"


EACH: Final = "*"
"""In a path through an answer: each entry of a list."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Document:
    """Where an answer speaks of its document, or of its documents, which the gateway keeps.

    A provider sends the file alone, or the address of the file in the field that is published for it, or the file in
    base64 there or in `CONTENT` beside it.
    """

    address: tuple[str, ...]
    """The field that holds the address of the file: names from the outside in, `EACH` for the entries of a list."""
    expires_in: str = ""
    """The field beside it that holds the seconds for which that address works; empty where none does."""
    kinds: tuple[FileKind, ...] = (FileKind.PDF,)
    alone: bool = False
    """Whether the answer says nothing else: then the file alone is an answer too."""
    own: tuple[str, ...] = ()
    """Where the provider's own form, which is not ours, holds the file in base64; only if `alone`."""
    optional: bool = False
    """Whether there may be none."""
    faulty: tuple[str, ...] = ()
    """The field that counts the documents that could not be had; without it, one such fails the whole call."""
    seconds: int | None = None
    """How long it is kept at most, where that is less than usual."""


CONTENT: Final = "document"
"""The field that holds a file in base64, beside the one of its address; it is no part of our own answer."""
DOCUMENT_V4: Final = Document(address=("data", "document_url"), expires_in="document_url_expires_in")
DOCUMENT_V3: Final = Document(address=("data", "document_url"), expires_in="expires_in", alone=True)
DOCUMENT_V2: Final = Document(address=("url",), alone=True)


_CLIENT_SECONDS: Final = MappingProxyType({AnswerKind.JSON: 5, AnswerKind.DOCUMENT: 12})
_NO_CODES: Final[Mapping[int, tuple[str, ...]]] = MappingProxyType({})


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
    """Any one of them opens the endpoint; empty if any valid token does."""
    parameters: tuple[Parameter, ...]
    """Those of the path, in its order."""
    aliases: tuple[str, ...] = ()
    """Other paths that it has, at the same version and with the same parameters; the provider is asked at `path`."""
    query: tuple[Parameter, ...] = ()
    """Its own query parameters, all optional; they are passed on to the provider."""
    group: Group = JSON
    answer: AnswerKind = AnswerKind.JSON
    document: Document | None = None
    """Where the answer holds a document that the gateway stores; the addresses of other ones are their provider's."""
    user_id: bool = False
    """Whether the provider wants to know which agent asks (`user_id`)."""
    cache: Lifetime | None = None
    """How long its answers may be kept and given to others who ask the same; None if they may not be kept."""
    redirects: bool = False
    """Whether a number that the provider has replaced is answered with a redirection (v2 of INSEE)."""
    gateway_error: bool = False
    """v2 only: whether bodies carry the `gateway_error` flag."""
    array: bool = False
    """v2 only: whether its success is a list, not an object."""
    codes: Mapping[int, tuple[str, ...]] = field(default_factory=lambda: _NO_CODES)
    """Its provider's own errors, by status, besides those that any provider may have."""
    deprecated: bool = False
    version: int = field(init=False)
    route: str = field(init=False)
    """The path without its version."""

    def __post_init__(self) -> None:
        version, route = self._split(self.path)
        object.__setattr__(self, "version", version)
        object.__setattr__(self, "route", route)
        if any(self._split(alias)[0] != version for alias in self.aliases):
            raise ValueError(f"{self.operation}: an alias has another version than {self.path!r}")

    def _split(self, path: str) -> tuple[int, str]:
        """Version and rest of one of its paths."""
        match = _VERSIONED.fullmatch(path)
        if match is None:
            raise ValueError(f"{self.operation}: the path {path!r} does not start with a version")
        if re.findall(r"{(\w+)}", path) != [parameter.name for parameter in self.parameters]:
            raise ValueError(f"{self.operation}: the parameters declared are not those of {path!r}")
        return int(match[1]), match[2]

    @property
    def routes(self) -> tuple[str, ...]:
        """All of its paths without their version."""
        return (self.route, *(self._split(alias)[1] for alias in self.aliases))

    @property
    def flat(self) -> bool:
        """Whether bodies have the flat shape of v2."""
        return self.version == FLAT_VERSION

    @property
    def client_timeout(self) -> int:
        """Seconds that a caller is advised to wait for the answer."""
        return _CLIENT_SECONDS[self.answer]


@dataclass(frozen=True, slots=True, kw_only=True)
class Ping:
    """A question that anybody may ask: does this source of data work?"""

    key: str
    """Its address below `/ping/`, as published: `insee/sirene`."""
    name: str
    """In French, for the list of pings."""
    probe: str
    """The operation that is asked where no call has told lately."""
    cache_seconds: int
    """How long a good answer stands, as published."""
    operations: tuple[str, ...] = ()
    """The operations whose calls tell, and whose pages name the ping; all of the provider's if empty."""
    probed: bool = True
    """Whether it may be asked without a caller's need; otherwise calls alone tell."""
    answers: tuple[str, ...] = ()
    """Codes of answers that prove that it works, although their status is that of a failure."""

    def covers(self, operation: str) -> bool:
        """Whether the calls of an operation tell."""
        return not self.operations or operation in self.operations


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
    pings: tuple[Ping, ...] = ()

    def __post_init__(self) -> None:
        own = {endpoint.operation for endpoint in self.endpoints}
        for ping in self.pings:
            if not own.issuperset({ping.probe, *ping.operations}):
                raise ValueError(f"{self.key}: the ping {ping.key} names an operation of somebody else")

    def ping_of(self, operation: str) -> Ping | None:
        """The ping that tells about an operation."""
        return next((ping for ping in self.pings if ping.covers(operation)), None)
