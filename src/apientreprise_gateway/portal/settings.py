"""The settings of the account side, the journal among it: names, defaults, rules.

They are read from the environment (`PORTAL_…`). An unknown or wrong setting stops the start with one line that names it
and never shows its value, which may be a secret.
"""

import os
import re
from collections.abc import Mapping
from enum import StrEnum
from typing import Annotated, Any, Final
from urllib.parse import urlsplit

from pydantic import AfterValidator, AnyHttpUrl, BeforeValidator, Field, SecretStr, ValidationError
from pydantic_settings import BaseSettings, NoDecode, SettingsConfigDict

from apientreprise_gateway.config.environment import SettingsError, unknown
from apientreprise_gateway.config.private import default_folder
from apientreprise_gateway.database.url import parse_database_url
from apientreprise_gateway.net.addresses import Network, network
from apientreprise_gateway.store.url import parse_url

PREFIX: Final = "PORTAL_"
MIN_SECRET_BYTES: Final = 32
LONGEST_MAIL: Final = 254
_SCOPE: Final = re.compile(r"[a-z0-9_]+")
_MAIL: Final = re.compile(r"[^@\s,<>]+@[^@\s,<>]+\.[^@\s,<>.]+")


class Theme(StrEnum):
    """The look of the pages."""

    NEUTRAL = "neutral"
    DSFR = "dsfr"


def _split(value: object) -> object:
    if isinstance(value, str):
        return tuple(part.strip() for part in value.split(",") if part.strip())
    return value


def _check_ring(value: tuple[SecretStr, ...]) -> tuple[SecretStr, ...]:
    for place, secret in enumerate(value, 1):
        if len(secret.get_secret_value().encode()) < MIN_SECRET_BYTES:
            raise ValueError(f"secret {place} has fewer than {MIN_SECRET_BYTES} bytes")
    return value


def is_mail(text: str) -> bool:
    """Whether a text may be a mail address."""
    return len(text) <= LONGEST_MAIL and text.isprintable() and _MAIL.fullmatch(text) is not None


def _check_mails(value: tuple[str, ...]) -> tuple[str, ...]:
    for place, mail in enumerate(value, 1):
        if not _MAIL.fullmatch(mail):
            raise ValueError(f"address {place} is no mail address")
    return tuple(mail.lower() for mail in value)


def _reporters(value: object) -> object:
    if not isinstance(value, str):
        return value
    found: dict[str, tuple[str, ...]] = {}
    for place, part in enumerate(filter(None, map(str.strip, value.split(","))), 1):
        address, given, scopes = part.partition("=")
        named = tuple(scope.strip() for scope in scopes.split("+")) if given else ()
        if not is_mail(address.strip()):
            raise ValueError(f"reporter {place} has no mail address")
        if not all(map(_SCOPE.fullmatch, named)):
            raise ValueError(f"reporter {place} names no scopes after =")
        if address.strip().lower() in found:
            raise ValueError(f"reporter {place} is there twice: join its scopes with +")
        found[address.strip().lower()] = named
    return found


def _networks(value: object) -> object:
    parts = _split(value)
    return tuple(_network(str(part)) for part in parts) if isinstance(parts, list | tuple) else parts


def _network(text: str) -> Network:
    everybody = "this means everybody: name the addresses or networks"
    found = None if text == "*" else network(text, strict=True)
    if found is None or found.prefixlen == 0:
        raise ValueError(everybody)
    return found


def _check_database(value: SecretStr) -> SecretStr:
    parse_database_url(value.get_secret_value())
    return value


def _check_redis(value: SecretStr) -> SecretStr:
    parse_url(value.get_secret_value())
    return value


def _check_smtp(value: SecretStr) -> SecretStr:
    parts = urlsplit(value.get_secret_value())
    if parts.scheme not in ("smtp", "smtps") or not parts.hostname or parts.port == 0:
        raise ValueError("this names no mail server")
    return value


def _default_database() -> SecretStr:
    return SecretStr(f"sqlite:///{default_folder('portal') / 'portal.sqlite'}")


Ring = Annotated[tuple[SecretStr, ...], NoDecode, BeforeValidator(_split), AfterValidator(_check_ring)]
"""Secrets separated by commas: the first is used, all are accepted."""
Mails = Annotated[tuple[str, ...], NoDecode, BeforeValidator(_split), AfterValidator(_check_mails)]
"""Mail addresses separated by commas, in lower case."""
Months = Annotated[int, Field(ge=1, le=1200)]


class Settings(BaseSettings):
    """Every setting; the descriptions appear in the documentation."""

    model_config = SettingsConfigDict(env_prefix=PREFIX, env_ignore_empty=True, extra="forbid", frozen=True)

    database_url: Annotated[SecretStr, AfterValidator(_check_database)] = Field(
        default_factory=_default_database,
        description="Database: `sqlite:///FILE` (an absolute path has four slashes), or "
        "`postgresql://[user:password@]host[:port]/name` (15 or later; `?sslmode=verify-full` and other parameters of "
        "libpq). Unset: a SQLite file in a folder of this user in `/var/tmp` (else in `TMPDIR`).",
    )
    secret_keys: Ring = Field(
        default=(),
        description="Secrets that sign links and seal what sessions keep, separated by commas; each has at least "
        f"{MIN_SECRET_BYTES} bytes.",
    )
    jwt_secrets: Ring = Field(
        default=(),
        description="The gateway's `GATEWAY_JWT_SECRETS`: the first signs tokens. Each has at least "
        f"{MIN_SECRET_BYTES} bytes.",
    )
    redis_url: Annotated[SecretStr, AfterValidator(_check_redis)] | None = Field(
        default=None, description="The gateway's Redis, in the forms of `GATEWAY_REDIS_URL`. Unset: it is not met."
    )
    public_url: AnyHttpUrl | None = Field(default=None, description="Address of the portal, as users see it.")
    gateway_url: AnyHttpUrl | None = Field(
        default=None,
        description="Address at which the portal asks the gateway whether sources work, and for the names of bodies.",
    )
    status_gateways: Annotated[tuple[AnyHttpUrl, ...], NoDecode, BeforeValidator(_split)] = Field(
        default=(),
        description="Addresses of the gateways whose status is measured, separated by commas. Unset: "
        "`PORTAL_GATEWAY_URL`.",
    )
    api_url: AnyHttpUrl | None = Field(default=None, description="Public address of the gateway, shown in pages.")
    smtp_url: Annotated[SecretStr, AfterValidator(_check_smtp)] | None = Field(
        default=None,
        description="Mail server: `smtp://[user:password@]host[:port]` without TLS, `smtps://` with. Unset: no mail.",
    )
    mail_from: str | None = Field(
        default=None, pattern=rf"^([^<>@]+ <{_MAIL.pattern}>|{_MAIL.pattern})$", description="Sender of the mails."
    )
    datapass_secrets: Annotated[tuple[SecretStr, ...], NoDecode, BeforeValidator(_split)] = Field(
        default=(), description="Secrets with which DataPass signs its webhooks, separated by commas."
    )
    proconnect_issuer: AnyHttpUrl | None = Field(default=None, description="Issuer of ProConnect. Unset: mail links.")
    proconnect_client_id: str | None = Field(default=None, description="Our name with ProConnect.")
    proconnect_client_secret: SecretStr | None = Field(default=None, description="Our secret with ProConnect.")
    proconnect_pkce: bool = Field(
        default=True, description="Whether logins by ProConnect use PKCE, which old versions of it refuse (Y000400)."
    )
    proconnect_second_factor: Annotated[tuple[str, ...], NoDecode, BeforeValidator(_split)] = Field(
        default=("71144ab3-ee1a-4401-b7b3-79b44f7daeeb",),
        description="Identity providers (`idp_id`) of which a login needs a second factor, separated by commas.",
    )
    operators: Mails = Field(default=(), description="Mail addresses of the operators, separated by commas.")
    auditors: Mails = Field(default=(), description="Mail addresses of the auditors, separated by commas.")
    reporters: Annotated[Mapping[str, tuple[str, ...]], NoDecode, BeforeValidator(_reporters)] = Field(
        default={},
        description="Mail addresses that are told of each request that is submitted or approved, separated by commas; "
        "`address=scope+scope` for those alone that ask for one of these scopes.",
    )
    trusted_proxies: Annotated[tuple[Network, ...], NoDecode, BeforeValidator(_networks)] = Field(
        default=(), description="Proxies whose `X-Forwarded-For` counts: addresses and CIDRs, separated by commas."
    )
    theme: Theme = Field(
        default=Theme.NEUTRAL,
        description="Look of the pages: `neutral`, or `dsfr` (the State's own, for sites of the State alone).",
    )
    texts: str | None = Field(
        default=None,
        description="Folder with the operator's own texts, in Markdown: `conditions.md`, `confidentialite.md`, "
        "`accessibilite.md`, `mentions-legales.md`. Unset, or for those not there: templates to be completed.",
    )
    support_address: str | None = Field(
        default=None, pattern=rf"^{_MAIL.pattern}$", description="Mail address of the support, shown in pages."
    )
    sandbox_url: AnyHttpUrl | None = Field(
        default=None, description="Address of a gateway for trials, whose page `/sandbox` gives out test tokens."
    )
    dsfr: str | None = Field(
        default=None,
        description="Folder of the unpacked npm package `@gouvfr/dsfr`, for the theme `dsfr`; `make dsfr` fetches it.",
    )
    metrics_port: int | None = Field(
        default=None, ge=1, le=65535, description="Port of `/metrics`, also of `journal follow`. Unset: none."
    )
    status_seconds: float = Field(default=60, gt=0, le=3600, description='Length of a "minute" of the status page.')
    technical_contact_sees_tokens: bool = Field(
        default=False, description="Whether the technical contact of a habilitation may see its token as well."
    )
    keep_calls_months: Months = Field(default=36, description="Months that the journal keeps calls; whole ones.")
    keep_contacts_months: Months = Field(default=18, description="Months that contacts are kept after their last use.")
    keep_activity_months: Months = Field(default=13, description="Months that acts of users are kept.")
    keep_webhooks_months: Months = Field(default=12, description="Months that bodies of webhooks are kept.")
    log_level: Annotated[str, BeforeValidator(lambda value: value.upper() if isinstance(value, str) else value)] = (
        Field(default="INFO", pattern="^(DEBUG|INFO|WARNING|ERROR)$", description="Of the operators' log.")
    )


def environment_name(field: str) -> str:
    """The environment variable of a field."""
    return PREFIX + field.upper()


def load(**given: Any) -> Settings:
    """Read the settings; those given take precedence over the environment.

    Raises:
        SettingsError: one of them cannot be used.
    """
    problems = list(unknown(os.environ, PREFIX, map(environment_name, Settings.model_fields)))
    try:
        settings = Settings(**given)
    except ValidationError as error:
        problems += _lines(error)
        raise SettingsError("\n".join(problems)) from None  # the chained text could show a secret
    problems += _contradictions(settings)
    if problems:
        raise SettingsError("\n".join(problems))
    return settings


def _lines(error: ValidationError) -> list[str]:
    """The first problem of each setting, in one line, without the value that caused it."""
    found: dict[str, str] = {}
    for problem in error.errors(include_input=False, include_url=False):
        field = str(problem["loc"][0])
        message = problem["msg"].removeprefix("Value error, ")
        meaning = Settings.model_fields[field].description
        found.setdefault(field, f"{environment_name(field)}: {message}. Expected: {meaning}")
    return list(found.values())


def _contradictions(settings: Settings) -> list[str]:
    """The problems of settings that only make sense together."""
    of_proconnect = ("proconnect_issuer", "proconnect_client_id", "proconnect_client_secret")
    given = [name for name in of_proconnect if getattr(settings, name) is not None]
    problems = []
    if 0 < len(given) < len(of_proconnect):
        missing = next(name for name in of_proconnect if name not in given)
        problems.append(
            f"{environment_name(missing)}: ProConnect needs it beside {environment_name(given[0])}. Set it."
        )
    if settings.smtp_url is not None and settings.mail_from is None:
        problems.append("PORTAL_MAIL_FROM: mails need a sender. Set it, or unset PORTAL_SMTP_URL.")
    return problems


def require_for_serving(settings: Settings, *, host: str) -> None:
    """Refuse settings with which pages cannot be served.

    Raises:
        SettingsError: something that pages need is missing.
    """
    problems = []
    if not settings.secret_keys:
        problems.append(
            "PORTAL_SECRET_KEYS: forms and links are signed with it. Set it to a text of at least "
            f"{MIN_SECRET_BYTES} bytes, such as what `openssl rand -hex 32` prints."
        )
    if settings.public_url is None and host not in ("127.0.0.1", "::1", "localhost"):
        problems.append("PORTAL_PUBLIC_URL: links begin with it, since others than this machine use them. Set it.")
    if problems:
        raise SettingsError("\n".join(problems))
