"""Endpoints, their providers and pings, as data.

A provider file declares its endpoints with these classes; everything else (path lookup, checks, OpenAPI, sandbox,
metrics) reads them. They are plain data: nothing here looks at a request.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from types import MappingProxyType
from typing import Final

from apientreprise_gateway.contract.documents import Document
from apientreprise_gateway.contract.errors import FLAT_VERSION, GATEWAY_PREFIX, ApiError, Refusal, SpecificError
from apientreprise_gateway.contract.groups import Group
from apientreprise_gateway.contract.identification import Identification
from apientreprise_gateway.contract.lifetime import Lifetime
from apientreprise_gateway.contract.masks import MaskRules
from apientreprise_gateway.contract.parameters import Parameter

_VERSIONED: Final = re.compile(r"((?:/[a-z_]+)?)/v([1-9]\d*)(/.+)")


class AnswerKind(StrEnum):
    """What an endpoint answers with."""

    JSON = "json"
    DOCUMENT = "document"
    """JSON that holds the address of a file."""


_CLIENT_SECONDS: Final = MappingProxyType({AnswerKind.JSON: 5, AnswerKind.DOCUMENT: 12})
_NO_CODES: Final[Mapping[int, tuple[str, ...]]] = MappingProxyType({})


@dataclass(frozen=True, slots=True, kw_only=True)
class Endpoint:
    """One operation of the API, at one version."""

    operation: str
    """Unique name, as published (`uid`): it labels logs, metrics and OpenAPI."""
    path: str
    """With its version and its parameters in braces: `/v4/insee/sirene/unites_legales/{siren}`, `/api/v2/etudiants`."""
    summary: str
    """One line, in French."""
    tag: str
    scopes: tuple[str, ...]
    """A token needs one of these; if empty, any valid token opens the endpoint. Names that are no longer given to new
    tokens come first, unless a `mask` tells them apart."""
    parameters: tuple[Parameter, ...]
    """The parameters of the path, in its order."""
    group: Group
    """The endpoints whose calls are counted together with its own."""
    aliases: tuple[str, ...] = ()
    """Other paths that it has, at the same version and with the same parameters; the provider is asked at `path`."""
    query: tuple[Parameter, ...] = ()
    """Its own query parameters, all optional; they are passed on to the provider."""
    person: Identification | None = None
    """How calls say whom they are about, where that is a person."""
    mask: MaskRules | None = None
    """What each scope shows of the answer; None if all of it is for whoever may ask."""
    answer: AnswerKind = AnswerKind.JSON
    document: Document | None = None
    """Where the answer holds a document that the gateway stores; other documents keep the provider's address."""
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
    prefix: str = field(init=False)
    """What its path begins with, before the version: nothing, or a name such as `/api`."""
    version: int = field(init=False)
    route: str = field(init=False)
    """The path without its prefix and version."""

    def __post_init__(self) -> None:
        prefix, version, route = self._split(self.path)
        object.__setattr__(self, "prefix", prefix)
        object.__setattr__(self, "version", version)
        object.__setattr__(self, "route", route)
        if any(self._split(alias)[:2] != (prefix, version) for alias in self.aliases):
            raise ValueError(f"{self.operation}: an alias has another version than {self.path!r}")

    def _split(self, path: str) -> tuple[str, int, str]:
        """Prefix, version and rest of one of its paths."""
        match = _VERSIONED.fullmatch(path)
        if match is None:
            raise ValueError(f"{self.operation}: the path {path!r} does not start with a version")
        if re.findall(r"{(\w+)}", path) != [parameter.name for parameter in self.parameters]:
            raise ValueError(f"{self.operation}: the parameters declared are not those of {path!r}")
        return match[1], int(match[2]), match[3]

    @property
    def routes(self) -> tuple[str, ...]:
        """All of its paths without their prefix and version."""
        return (self.route, *(self._split(alias)[2] for alias in self.aliases))

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
    """A public page that says whether one source of data works."""

    key: str
    """Its address below `/ping/`, as published: `insee/sirene`."""
    name: str
    """Name in French, for the list of pings."""
    probe: str
    """The operation that is called to find out, where no recent call has shown it."""
    cache_seconds: int
    """Seconds for which a good result is given again, as published."""
    operations: tuple[str, ...] = ()
    """The operations whose calls show it, and whose documentation names the ping; all of the provider's if empty."""
    probed: bool = True
    """Whether the gateway may call the provider just to find out; otherwise only callers' calls show it. A provider of
    data about persons would be asked for an invented one, who may exist."""
    answers: tuple[str, ...] = ()
    """Error codes which prove that the source works, although their status is that of a failure."""

    def covers(self, operation: str) -> bool:
        """Whether the calls of an operation show if the source works."""
        return not self.operations or operation in self.operations


_NO_STATUSES: Final[Mapping[int, str]] = MappingProxyType({})
_NO_ERRORS: Final[Mapping[str, SpecificError]] = MappingProxyType({})


@dataclass(frozen=True, slots=True, kw_only=True)
class Provider:
    """A public body that holds data, with the endpoints that give it."""

    key: str
    """Short name: settings and metrics use it."""
    name: str
    """Name as `meta.provider` shows it."""
    prefix: str
    """The first two digits of its error codes."""
    endpoints: tuple[Endpoint, ...]
    statuses: Mapping[int, str] = field(default_factory=lambda: _NO_STATUSES)
    """Statuses that mean something else with this provider than with the others, as last three digits of a code."""
    pings: tuple[Ping, ...] = ()
    errors: Mapping[str, SpecificError] = field(default_factory=lambda: _NO_ERRORS)
    """Errors that it alone has, by code; the `codes` of an endpoint say with which status."""

    def __post_init__(self) -> None:
        codes = {code for endpoint in self.endpoints for codes in endpoint.codes.values() for code in codes}
        if not codes <= self.errors.keys():
            raise ValueError(f"{self.key}: no words for {', '.join(sorted(codes - self.errors.keys()))}")
        own = {endpoint.operation for endpoint in self.endpoints}
        for ping in self.pings:
            if not own.issuperset({ping.probe, *ping.operations}):
                raise ValueError(f"{self.key}: the ping {ping.key} names an operation of somebody else")

    def ping_of(self, operation: str) -> Ping | None:
        """The ping that covers an operation; None if none does."""
        return next((ping for ping in self.pings if ping.covers(operation)), None)

    def error(self, code: str) -> ApiError:
        """One of its own errors."""
        kind = self.errors[code]
        # An error of the gateway's own range names no provider, even if a provider says it.
        meta = kind.meta if code.startswith(GATEWAY_PREFIX) else {"provider": self.name, **kind.meta}
        return ApiError(code=code, title=kind.title, detail=kind.detail, meta=meta)

    def own_error(self, code: str, *, status: int) -> Refusal:
        """The refusal that carries one of its own errors."""
        return Refusal(status, self.error(code))
