"""The settings of one provider: names, defaults, rules.

They are in table `[providers.KEY]` of the TOML file, or in variables `GATEWAY_PROVIDERS__KEY__FIELD`. Every secret may
be given as text, or by its place: `{ env = "NAME" }`, `{ file = "/run/secrets/name" }`.
"""

import json
from collections.abc import Mapping
from datetime import time
from enum import StrEnum
from typing import Annotated, Final, Literal

from pydantic import (
    AfterValidator,
    AnyHttpUrl,
    AwareDatetime,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Discriminator,
    Field,
    FilePath,
    SecretStr,
    Tag,
    model_validator,
)
from pydantic_settings import NoDecode

from apientreprise_gateway.upstream.breaker import BreakerPolicy
from apientreprise_gateway.upstream.file_hosts import host_origin
from apientreprise_gateway.upstream.maintenance import Once, Weekly
from apientreprise_gateway.upstream.proxy import parse_proxy
from apientreprise_gateway.upstream.secret import Secret

_DEFAULTS: Final = BreakerPolicy()


def _check_proxy(value: SecretStr) -> SecretStr:
    parse_proxy(value.get_secret_value())
    return value


def _check_url(value: AnyHttpUrl) -> AnyHttpUrl:
    if value.username or value.password:
        raise ValueError("credentials do not belong in an address; use `auth`")
    if value.query is not None or value.fragment is not None:
        raise ValueError("an address has neither a query nor a fragment here")
    return value


def _check_host(value: str) -> str:
    host_origin(value)
    return value


def _split(value: object) -> object:
    return [part.strip() for part in value.split(",")] if isinstance(value, str) else value


Host = Annotated[str, AfterValidator(_check_host)]
ProxyUrl = Annotated[Secret, AfterValidator(_check_proxy)]
BaseUrl = Annotated[AnyHttpUrl, AfterValidator(_check_url)]


class _Table(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid", hide_input_in_errors=True)


# Authentication.


class NoAuth(_Table):
    """No authentication."""

    kind: Literal["none"] = Field(default="none", description="No authentication.")


class HeaderAuth(_Table):
    """A header with a key."""

    kind: Literal["header"] = Field(description="A header with a key.")
    name: str = Field(pattern=r"^[A-Za-z0-9!#$%&'*+.^_`|~-]+$", description="Name of the header.")
    value: Secret = Field(description="Value of the header (secret).")


class BasicAuth(_Table):
    """User and password."""

    kind: Literal["basic"] = Field(description="User and password (RFC 7617).")
    username: str = Field(pattern=r"^[^:\x00-\x1f\x7f]+$", description="The user, without a colon.")
    password: Secret = Field(description="The password (secret).")


class BearerAuth(_Table):
    """A token that does not change."""

    kind: Literal["bearer"] = Field(description="A token that does not change.")
    token: Secret = Field(description="The token (secret).")


class OAuth2Auth(_Table):
    """OAuth2 client credentials."""

    kind: Literal["oauth2"] = Field(description="OAuth2 client credentials: a token is fetched, and renewed in time.")
    token_url: BaseUrl = Field(description="Where tokens are fetched.")
    client_id: str = Field(min_length=1, description="Who we are there.")
    client_secret: Secret = Field(description="How we prove it (secret).")
    scope: str | None = Field(default=None, description="Scopes to ask for, separated by blanks.")
    audience: str | None = Field(default=None, description="Audience to ask for, where the server wants one.")
    client_auth: Literal["basic", "post"] = Field(
        default="basic", description="How id and secret are sent: in a header (`basic`) or in the body (`post`)."
    )


Auth = NoAuth | HeaderAuth | BasicAuth | BearerAuth | OAuth2Auth
KINDS: Final[Mapping[str, type[BaseModel]]] = {
    "none": NoAuth,
    "header": HeaderAuth,
    "basic": BasicAuth,
    "bearer": BearerAuth,
    "oauth2": OAuth2Auth,
}


# Breaker.


class BreakerTable(_Table):
    """When the circuit breaker opens, and for how long."""

    window: float = Field(default=_DEFAULTS.window, ge=1, le=3600, description="Seconds over which calls are counted.")
    calls: int = Field(
        default=_DEFAULTS.calls, ge=1, description="Calls within the window that a share is judged from, at least."
    )
    share: float = Field(default=_DEFAULTS.share, gt=0, le=1, description="Share of failed calls that opens it.")
    silent: int = Field(
        default=_DEFAULTS.silent, ge=1, description="Calls in a row that got no answer at all, which open it as well."
    )
    wait: float = Field(
        default=_DEFAULTS.wait, gt=0, le=3600, description="Seconds until a probe; doubled after each that fails."
    )
    longest_wait: float = Field(
        default=_DEFAULTS.longest_wait, gt=0, le=3600, description="Seconds between probes, at most."
    )

    @model_validator(mode="after")
    def _check_waits(self) -> "BreakerTable":
        if self.longest_wait < self.wait:
            raise ValueError("longest_wait is shorter than wait")
        return self

    def policy(self) -> BreakerPolicy:
        """The same for a `Breaker`."""
        return BreakerPolicy(**self.model_dump())


# Maintenance.


class Day(StrEnum):
    """A day of the week."""

    MONDAY = "monday"
    TUESDAY = "tuesday"
    WEDNESDAY = "wednesday"
    THURSDAY = "thursday"
    FRIDAY = "friday"
    SATURDAY = "saturday"
    SUNDAY = "sunday"


class OnceTable(_Table):
    """A window that comes once."""

    start: AwareDatetime = Field(description="When it begins, with its zone: `2026-12-01T20:00:00+01:00`.")
    end: AwareDatetime = Field(description="When it ends, with its zone.")

    @model_validator(mode="after")
    def _check_order(self) -> "OnceTable":
        if self.end <= self.start:
            raise ValueError("it ends before it begins")
        return self

    def window(self) -> Once:
        """The same for `Maintenance`."""
        return Once(self.start, self.end)

    def __str__(self) -> str:
        return f"{self.start.isoformat()} to {self.end.isoformat()}"


class WeeklyTable(_Table):
    """A window that comes every week, in French legal time."""

    days: Annotated[tuple[Day, ...], BeforeValidator(_split)] = Field(
        min_length=1, description="On which days it begins: `monday` to `sunday`."
    )
    begins: time = Field(alias="from", description="When it begins, in French legal time: `22:00`.")
    ends: time = Field(alias="to", description="When it ends; on the next day if that is not later than `from`.")

    @model_validator(mode="after")
    def _check_zone(self) -> "WeeklyTable":
        if self.begins.tzinfo or self.ends.tzinfo:
            raise ValueError("weekly windows are in French legal time: leave the zone out")
        return self

    def window(self) -> Weekly:
        """The same for `Maintenance`."""
        return Weekly(frozenset(list(Day).index(day) for day in self.days), self.begins, self.ends)

    def __str__(self) -> str:
        return f"{', '.join(self.days)} {self.begins:%H:%M} to {self.ends:%H:%M}"


def _kind_of_window(value: object) -> str:
    weekly = isinstance(value, WeeklyTable) or (isinstance(value, Mapping) and not {"start", "end"} & value.keys())
    return "weekly" if weekly else "once"


def _read_json(value: object) -> object:
    if isinstance(value, str):
        try:
            return json.loads(value)
        except ValueError:
            raise ValueError("it is not valid JSON") from None
    return value


Window = Annotated[
    Annotated[OnceTable, Tag("once")] | Annotated[WeeklyTable, Tag("weekly")], Discriminator(_kind_of_window)
]


# All of one provider.


class ProviderSettings(_Table):
    """The settings of one provider; each may be left out."""

    base_url: BaseUrl | None = Field(
        default=None, description="Base URL, to which paths are appended; `GATEWAY_UPSTREAM_URL` by default."
    )
    dialect: str | None = Field(
        default=None,
        description="The language that it speaks (docs/providers.md lists them); our own form by default, as a sandbox "
        "does.",
    )
    timeout: float | None = Field(
        default=None, gt=0, le=60, description="Seconds that a call may take; `GATEWAY_UPSTREAM_TIMEOUT` by default."
    )
    max_calls: int | None = Field(
        default=None,
        ge=1,
        le=100_000,
        description="Calls under way at once, per process; `GATEWAY_UPSTREAM_MAX_CALLS` by default. One more is "
        "answered at once with `PP001`.",
    )
    proxy: ProxyUrl | None = Field(
        default=None, description="HTTP proxy to go through: `http://[user:password@]host[:port]` (secret)."
    )
    ca: FilePath | None = Field(
        default=None, description="PEM file of the authorities that sign its certificate; the system's by default."
    )
    client_certificate: FilePath | None = Field(
        default=None,
        description="PEM file of our certificate, for mutual TLS, with those between it and its authority.",
    )
    client_key: FilePath | None = Field(
        default=None, description="PEM file of the certificate's key; the certificate's own file by default."
    )
    client_key_password: Secret | None = Field(default=None, description="Opens the key, if it is encrypted (secret).")
    auth: Annotated[Auth, Field(discriminator="kind")] = Field(
        default=NoAuth(), description="How to authenticate; its `kind` says which further fields there are."
    )
    document_hosts: Annotated[tuple[Host, ...], NoDecode, BeforeValidator(_split)] = Field(
        default=(),
        description="Hosts, besides its own, that the addresses of its documents may lead to, over HTTPS: `host` or "
        "`host:port`, separated by commas.",
    )
    breaker: BreakerTable = Field(default=BreakerTable(), description="When to stop asking it for a while.")
    maintenance: Annotated[tuple[Window, ...], BeforeValidator(_read_json)] = Field(
        default=(), description="Windows during which it is not asked; as JSON in the environment."
    )

    @model_validator(mode="after")
    def _check_tls(self) -> "ProviderSettings":
        if self.client_certificate is None and (self.client_key or self.client_key_password):
            raise ValueError("client_key and client_key_password need client_certificate")
        return self

    def __str__(self) -> str:
        """What is set, in one line, without a secret."""
        breaker = self.breaker.model_dump(exclude_unset=True)
        said = {
            "base_url": self.base_url,
            "dialect": self.dialect,
            "auth": None if self.auth.kind == "none" else self.auth.kind,
            "timeout": self.timeout and f"{self.timeout:g} s",
            "max_calls": self.max_calls,
            "proxy": self.proxy and "(set)",
            "ca": self.ca,
            "client_certificate": self.client_certificate,
            "client_key": self.client_key,
            "client_key_password": self.client_key_password and "(set)",
            "document_hosts": ", ".join(self.document_hosts),
            "breaker": ", ".join(f"{name} {value:g}" for name, value in breaker.items()),
            "maintenance": " and ".join(str(window) for window in self.maintenance),
        }
        return "; ".join(f"{name} {value}" for name, value in said.items() if value) or "(nothing)"


TABLES: Final[Mapping[str, type[BaseModel]]] = {
    **KINDS,
    "breaker": BreakerTable,
    "once": OnceTable,
    "weekly": WeeklyTable,
}
"""The tables below that of a provider, by what leads to them."""
