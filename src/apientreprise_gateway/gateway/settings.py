"""The settings: names, defaults, rules.

Read at the start and at each reload, from the environment (`GATEWAY_…`) and from a TOML file that `GATEWAY_CONFIG`
names; where both speak, the environment counts. A setting that is unknown or wrong stops the start with one line that
says which.
"""

import difflib
import os
import re
from collections.abc import Iterator, Mapping
from enum import StrEnum
from ipaddress import ip_address
from pathlib import Path
from typing import Annotated, Any, Final
from urllib.parse import urlsplit

from pydantic import (
    AfterValidator,
    AnyHttpUrl,
    BeforeValidator,
    Field,
    FilePath,
    PlainValidator,
    SecretStr,
    ValidationError,
)
from pydantic_settings import (
    BaseSettings,
    NoDecode,
    PydanticBaseSettingsSource,
    SettingsConfigDict,
    TomlConfigSettingsSource,
)

from apientreprise_gateway.auth.keys import MIN_SECRET_BYTES, secret_keys
from apientreprise_gateway.gateway import provider_settings
from apientreprise_gateway.net.addresses import Network, network
from apientreprise_gateway.providers import PROVIDERS
from apientreprise_gateway.store.url import parse_url
from apientreprise_gateway.upstream.http import MAX_CALLS
from apientreprise_gateway.upstream.settings import BaseUrl

PREFIX: Final = "GATEWAY_"
S3_SCHEME: Final = "s3://"
_BUCKET: Final = re.compile(rf"{S3_SCHEME}[a-z0-9][a-z0-9.-]{{1,62}}(/[A-Za-z0-9_.-]+)*/?")
CONFIG: Final = "GATEWAY_CONFIG"
"""The one name that is no setting: it says where the others may be."""
PROVIDER_PREFIX: Final = "GATEWAY_PROVIDERS__"
"""What the variables of single providers begin with."""

# What Kubernetes adds to the environment of every pod next to a service that is called `gateway` or `gateway-…`.
_SERVICE_LINK: Final = re.compile(r"GATEWAY_(\w+_)?(SERVICE_HOST|SERVICE_PORT(_\w+)?|PORT(_\d+_(TCP|UDP)(_\w+)?)?)")


class SettingsError(Exception):
    """The configuration cannot be used; the text names the setting and the remedy."""


class WindowKind(StrEnum):
    """How a minute is counted."""

    SLIDING = "sliding"
    FIRST_CALL = "first-call"


class BanAction(StrEnum):
    """What a banned address gets."""

    CLOSE = "close"
    FORBID = "forbid"


class UserIdRequired(StrEnum):
    """On which versions of the DGFIP endpoints `user_id` is required."""

    ALL = "all"
    V2 = "v2"
    NONE = "none"


class StoreFailure(StrEnum):
    """Who decides while Redis cannot be asked."""

    LOCAL = "local"
    REFUSE = "refuse"


class RevocationsUnknown(StrEnum):
    """What becomes of tokens as long as nobody can say which are revoked."""

    REFUSE = "refuse"
    ACCEPT = "accept"


class Limits(StrEnum):
    """What the limits and bans do."""

    ENFORCE = "enforce"
    SHADOW = "shadow"


class ValidateUpstream(StrEnum):
    """Which answers of providers are compared with their schemas."""

    SAMPLE = "sample"
    ALL = "all"
    OFF = "off"


class BreakerUse(StrEnum):
    """Whether providers in trouble are left alone for a while."""

    ON = "on"
    OFF = "off"


class PingProbes(StrEnum):
    """Which pings call their provider when no other call has told."""

    ALLOWED = "allowed"
    ALL = "all"
    NONE = "none"


class Duplicates(StrEnum):
    """What becomes of a call that is already in flight."""

    REFUSE = "refuse"
    COUNT = "count"


class CacheStore(StrEnum):
    """Where answers are kept."""

    OFF = "off"
    MEMORY = "memory"
    REDIS = "redis"


def _split(value: object) -> object:
    if isinstance(value, str):
        return tuple(part.strip() for part in value.split(",") if part.strip())
    return value


def _networks(value: object) -> object:
    parts = _split(value)
    return tuple(_network(str(part)) for part in parts) if isinstance(parts, list | tuple) else parts


def _network(text: str) -> Network:
    everybody = f"{text} means everybody: name the addresses or networks"
    if text == "*":
        raise ValueError(everybody)
    found = network(text, strict=True)
    if found.prefixlen == 0:
        raise ValueError(everybody)
    return found


Networks = Annotated[tuple[Network, ...], NoDecode, BeforeValidator(_networks)]


def _check_redis_url(value: SecretStr) -> SecretStr:
    parse_url(value.get_secret_value())
    return value


def _key_set_address(value: object) -> Path | str:
    text = str(value)
    if "://" not in text:
        if not Path(text).is_file():
            raise ValueError("there is no such file")
        return Path(text)
    parts = urlsplit(text)
    if parts.username is not None or parts.password is not None:
        raise ValueError("a URL with credentials is not supported")
    if parts.scheme != "https" and not (parts.scheme == "http" and _is_loopback(parts.hostname)):
        raise ValueError("keys are fetched by https alone, or by http from this machine")
    if not parts.hostname or parts.port == 0:  # a port that is none is an error by itself
        raise ValueError("the URL names no host")
    return text


def _is_loopback(host: str | None) -> bool:
    try:
        return host == "localhost" or ip_address(host or "").is_loopback
    except ValueError:
        return False


KeySetAddress = Annotated[Path | str, PlainValidator(_key_set_address)]
"""A file, or the text of a URL."""
RedisUrl = Annotated[SecretStr, AfterValidator(_check_redis_url)]


def _check_documents(value: str) -> str:
    if value.startswith(S3_SCHEME):
        if not _BUCKET.fullmatch(value):
            raise ValueError("this names no bucket")
    elif "://" in value:
        raise ValueError("this is neither a folder nor a bucket")
    return value


def _in_capitals(value: object) -> object:
    return value.upper() if isinstance(value, str) else value


DocumentPlace = Annotated[str, AfterValidator(_check_documents)]
Secrets = Annotated[tuple[SecretStr, ...], NoDecode, BeforeValidator(_split)]
PerMinute = Annotated[int, Field(ge=1, le=1_000_000_000)]


class Settings(BaseSettings):
    """Every setting; the description is what the documentation says of it."""

    model_config = SettingsConfigDict(
        env_prefix=PREFIX, env_nested_delimiter="__", env_ignore_empty=True, extra="forbid", frozen=True
    )

    jwt_secrets: Secrets = Field(
        default=(),
        description="Secrets that sign tokens (HS256), separated by commas; the first signs, all verify. "
        f"Each has at least {MIN_SECRET_BYTES} bytes.",
    )
    jwks: KeySetAddress | None = Field(
        default=None,
        description="JWKS with public keys that verify tokens (RS256, ES256, EdDSA): a file, read anew on change, "
        "or an `https` URL; see docs/keys.md.",
    )
    jwks_refresh: float = Field(default=300, ge=1, le=86_400, description="Seconds between two fetches of a JWKS URL.")
    jwks_copy: Path | None = Field(
        default=None,
        description="File that keeps the last JWKS fetched from a URL, for a start while the URL does not answer.",
    )
    tokens: FilePath | None = Field(
        default=None,
        description="JSON file of what is known of single tokens: revocation, allowed addresses, a limit of their own. "
        "Read anew on change; see docs/store.md.",
    )
    redis_url: RedisUrl | None = Field(
        default=None,
        description="Redis that all processes share: `redis://[user:password@]host[:port][/db]`, "
        "`redis+cluster://host:port,host:port`, `redis+sentinel://host:port,host:port/service[/db]`; `rediss` for TLS. "
        "Unset: the memory of one process.",
    )
    store_failure: StoreFailure = Field(
        default=StoreFailure.LOCAL,
        description="While Redis cannot be asked: each process decides from its own memory (`local`), or calls are "
        "refused with 503 (`refuse`).",
    )
    revocations_copy: Path | None = Field(
        default=None,
        description="File that keeps what is revoked and banned, for a start while Redis cannot be asked; it names its "
        "Redis, and serves no other. Unset: one for each Redis in a folder of this user in `/var/tmp` (else in "
        "`TMPDIR`), which outlives a restart of the machine as well. See docs/store.md.",
    )
    revocations_unknown: RevocationsUnknown = Field(
        default=RevocationsUnknown.REFUSE,
        description="Tokens, as long as Redis has never been read and there is no copy: `refuse` them with 503 "
        "(`/readyz` is 503 too), or `accept` them, also those that may be revoked.",
    )
    cache: CacheStore = Field(
        default=CacheStore.OFF,
        description="Where answers are kept that may be given to others who ask the same: nowhere (`off`), in the "
        "`memory` of a single process, or in `redis`; see docs/cache.md.",
    )
    cache_redis_url: RedisUrl | None = Field(
        default=None,
        description="Redis of the cache, in the forms of `GATEWAY_REDIS_URL`, which it is by default.",
    )
    cache_bytes: int | None = Field(
        default=None,
        ge=1024 * 1024,
        description="Bytes that the cache may take; 64 MiB in memory and 256 MiB in Redis by default.",
    )
    cache_stale_seconds: int = Field(
        default=0,
        ge=0,
        le=7 * 24 * 3600,
        description="Seconds for which the last good answer of a provider that is down may be given beyond its "
        "lifetime; 0 for never.",
    )
    limits: Limits = Field(
        default=Limits.ENFORCE,
        description="`shadow`: count, log and report what limits and bans would refuse, and refuse nothing.",
    )
    upstream_url: BaseUrl | None = Field(
        default=None, description="Base URL of the providers: a sandbox, a staging platform."
    )
    upstream_timeout: float = Field(default=10, gt=0, le=60, description="Seconds that a call to a provider may take.")
    upstream_max_calls: int = Field(
        default=MAX_CALLS,
        ge=1,
        le=100_000,
        description="Calls to one provider that a process makes at once; one more is answered at once with `PP001`.",
    )
    breaker: BreakerUse = Field(
        default=BreakerUse.ON,
        description="`off`: providers in trouble are asked all the same (tests that want every fault).",
    )
    providers: provider_settings.ProvidersSettings = Field(
        default={}, description="What differs from provider to provider, see below and docs/providers.md."
    )
    validate_upstream: ValidateUpstream = Field(
        default=ValidateUpstream.SAMPLE,
        description="Answers of providers compared with their schemas once they are given, deviations counted: "
        "`sample` (one a second of each operation), `all`, `off`.",
    )
    ping_probes: PingProbes = Field(
        default=PingProbes.ALLOWED,
        description="Pings that ask their provider for an example when no caller's call has told lately whether it "
        "works: those whose provider may be asked so (`allowed`), `all` (a sandbox, a staging platform), `none`.",
    )
    documents: DocumentPlace | None = Field(
        default=None,
        description="Where documents are kept: a folder, made if it does not exist, which all processes share; or "
        "`s3://bucket/prefix`, with the usual `AWS_…` variables. Unset: a folder of this user in `/var/tmp`. See "
        "docs/documents.md.",
    )
    document_seconds: int = Field(
        default=86_400, ge=60, le=31 * 86_400, description="Seconds for which the link to a document works."
    )
    document_max_bytes: int = Field(
        default=64 * 1024 * 1024, ge=1024, le=1024**3, description="Longest document that is accepted of a provider."
    )
    public_url: BaseUrl | None = Field(
        default=None,
        description="What callers reach the gateway at, for the links in answers: `https://api.example.fr`. Unset: for "
        "links to documents the `Host` of the call, and the `X-Forwarded-Proto` and `X-Forwarded-Host` of trusted "
        "proxies; other links are paths.",
    )
    trusted_proxies: Networks = Field(
        default=(),
        description="Addresses and CIDRs of the proxies whose `X-Forwarded-For` is believed; IPv4 "
        "also in the form of IPv6 (`::ffff:10.0.0.0/104`). Not everybody, nor networks that hold both families.",
    )
    ip_allowlist: Networks = Field(
        default=(),
        description="Addresses and CIDRs exempt from the ceiling per address and from bans, in the same forms.",
    )
    limit_ip: PerMinute = Field(default=1000, description="Calls per minute from one address; one more bans it.")
    limit_json: PerMinute = Field(default=250, description="Calls per minute and token, JSON endpoints together.")
    limit_documents: PerMinute = Field(default=50, description="Calls per minute and token, documents together.")
    limit_strict: PerMinute = Field(
        default=5,
        description="Calls per minute and token on the attestation fiscale; as many on INPI actes and bilans.",
    )
    limit_effectifs: PerMinute = Field(default=250, description="Calls per minute and token on the headcounts.")
    limit_agefiph: PerMinute = Field(default=250, description="Calls per minute and token on Agefiph.")
    window: WindowKind = Field(
        default=WindowKind.SLIDING,
        description="`sliding`: the last 60 s; `first-call`: the 60 s that a first call opens. Counts begin anew when "
        "it changes.",
    )
    ignored_429_limit: PerMinute = Field(
        default=100, description="Calls refused with 429, per minute and address; one more bans it."
    )
    ban_action: BanAction = Field(
        default=BanAction.CLOSE,
        description="What a banned address gets: `close`, its connection is closed without an answer; `forbid`, 403.",
    )
    user_id_required: UserIdRequired = Field(
        default=UserIdRequired.ALL, description="Where DGFIP endpoints require `user_id`: `all`, `v2`, `none`."
    )
    duplicates: Duplicates = Field(
        default=Duplicates.REFUSE,
        description="A call that is already in flight: `refuse` it with 409, or only `count` it (load tests).",
    )
    access_log: Path | None = Field(
        default=None,
        description="File of the access lines; standard output if unset. Opened anew at SIGHUP, SIGUSR1.",
    )
    tls_certificate: Path | None = Field(
        default=None,
        description="PEM file of the certificate that callers are shown, followed by those between it and its "
        "authority: `serve` speaks TLS (1.2 and 1.3), and HTTP without it no more. Read anew at SIGHUP.",
    )
    tls_key: Path | None = Field(
        default=None, description="PEM file of that certificate's key, not encrypted; needed with it, and only then."
    )
    keep_alive: float = Field(
        default=75,
        gt=0,
        le=3600,
        description="Seconds that a connection may wait for its next request: more than the load balancer in front "
        "keeps its connections, so that it is the one that closes them.",
    )
    client_timeout: float = Field(
        default=10,
        gt=0,
        le=300,
        description="Seconds within which a client must send a whole head (the first after a handshake of TLS, both "
        "together), and must take something of its answer.",
    )
    waiting_bytes: int = Field(
        default=64 * 1024 * 1024,
        ge=1024 * 1024,
        description="Bytes of answers that clients have not taken yet, in each process, all connections together; as "
        "many again of requests that come in. Beyond it the slowest are let go, then long answers get 503 `00908`.",
    )
    max_connections: int = Field(
        default=4096,
        ge=1,
        description="Connections of one process. One more takes the place of those that take longer than a second "
        "for a request, then of those that have been idle longest, or is closed if there are none.",
    )
    drain_delay: float = Field(
        default=0,
        ge=0,
        le=300,
        description="Seconds between the signal to stop, from which on `/readyz` is 503, and the closing of "
        "connections: as long as the load balancers take to notice.",
    )
    stop_timeout: float = Field(
        default=30,
        gt=0,
        le=300,
        description="Seconds that a stop may take once connections close: four fifths for calls in flight, the rest "
        "for access lines that are not written yet and all else.",
    )
    traces_url: AnyHttpUrl | None = Field(
        default=None,
        description="Collector that spans are sent to (OTLP over HTTP), such as `http://127.0.0.1:4318/v1/traces`; "
        "needs the extra `otel`. Unset: none are recorded.",
    )
    traces_share: float = Field(
        default=0.01,
        ge=0,
        le=1,
        description="Share of the calls without a trace of their own whose spans are recorded; those of a trace are if "
        "its `traceparent` asks for it.",
    )
    log_level: Annotated[str, BeforeValidator(_in_capitals)] = Field(
        default="INFO", pattern="^(DEBUG|INFO|WARNING|ERROR)$", description="Of the operators' log."
    )
    metrics_port: int | None = Field(
        default=None, ge=1, le=65535, description="Also serve `/metrics` on this port, for a network of its own."
    )

    @classmethod
    def settings_customise_sources(
        cls,
        settings_cls: type[BaseSettings],
        init_settings: PydanticBaseSettingsSource,
        env_settings: PydanticBaseSettingsSource,
        dotenv_settings: PydanticBaseSettingsSource,
        file_secret_settings: PydanticBaseSettingsSource,
    ) -> tuple[PydanticBaseSettingsSource, ...]:
        """What is given in code, then the environment, then the TOML file."""
        del dotenv_settings, file_secret_settings
        path = os.environ.get(CONFIG)
        toml = () if not path else (TomlConfigSettingsSource(settings_cls, toml_file=Path(path)),)
        return (init_settings, env_settings, *toml)


def load(**given: Any) -> Settings:
    """Read the settings; `given` ones count more than the environment.

    Raises:
        SettingsError: one of them cannot be used.
    """
    problems = list(_contradiction(os.environ))
    if problems:
        raise SettingsError("\n".join(problems))  # what they would be read as is anybody's guess
    problems = list(_unknown(os.environ))
    path = os.environ.get(CONFIG)
    if path and not Path(path).is_file():
        raise SettingsError(f"{CONFIG}: there is no file {path}. Point it at a TOML file, or unset it.")
    try:
        settings = Settings(**given)
    except ValidationError as error:
        problems += _lines(error)
        raise SettingsError("\n".join(problems)) from None  # the chained text could show a secret
    except ValueError as error:
        problems.append(f"{CONFIG}: {path} is not valid TOML ({error}). Correct it, or unset it.")
        raise SettingsError("\n".join(problems)) from error
    problems += _contradictions(settings)
    if problems:
        raise SettingsError("\n".join(problems))
    return settings


def _contradictions(settings: Settings) -> Iterator[str]:
    """What is wrong with settings each of which could be right."""
    for refuse in (_refuse_weak_secrets, _refuse_half_of_tls, _refuse_unknown_dialects):
        try:
            refuse(settings)
        except SettingsError as error:
            yield str(error)


def _refuse_unknown_dialects(settings: Settings) -> None:
    try:
        provider_settings.refuse_unknown_dialects(settings.providers, PROVIDER_PREFIX)
    except ValueError as error:
        raise SettingsError(str(error)) from None


def require_for_serving(settings: Settings) -> None:
    """Refuse settings that are valid but not enough to serve real calls.

    Raises:
        SettingsError: a setting without a safe default is missing.
    """
    problems = list(_lacking(settings))
    if problems:
        raise SettingsError("\n".join(problems))


def _lacking(settings: Settings) -> Iterator[str]:
    if not settings.jwt_secrets and settings.jwks is None:
        yield (
            f"{PREFIX}JWT_SECRETS: no key verifies tokens. Set it to a random secret of at least {MIN_SECRET_BYTES} "
            f"bytes, or set {PREFIX}JWKS to a file of public keys."
        )
    lacking = [provider.key for provider in PROVIDERS if not _has_address(settings, provider.key)]
    if settings.upstream_url is None and 0 < len(lacking) < len(PROVIDERS):
        yield (
            f"{PREFIX}UPSTREAM_URL: {', '.join(lacking)} have no address. Set it to the base URL of all that have none "
            f"of their own, or set {PROVIDER_PREFIX}{lacking[0].upper()}__BASE_URL and so on."
        )
    elif settings.upstream_url is None and lacking:
        yield (
            f"{PREFIX}UPSTREAM_URL: no provider can be called. Set it to their base URL, such as http://127.0.0.1:8081 "
            "for a local sandbox."
        )


def _has_address(settings: Settings, key: str) -> bool:
    return key in settings.providers and settings.providers[key].base_url is not None


def require_for_workers(settings: Settings, *, named: str = "--workers") -> None:
    """Refuse settings with which several processes could not serve as one.

    Raises:
        SettingsError: something would be known to one of them alone.
    """
    if settings.redis_url is None:
        raise SettingsError(
            f"{named}: without {PREFIX}REDIS_URL limits are counted in memory, which one process alone can do exactly. "
            f"Set {PREFIX}REDIS_URL, or serve with --workers 1."
        )
    if settings.cache is CacheStore.MEMORY:
        raise SettingsError(
            f"{named}: with {PREFIX}CACHE=memory an answer would depend on the process that is asked. "
            f"Set {PREFIX}CACHE=redis, or serve with --workers 1."
        )


def scheme(settings: Settings) -> str:
    """What the addresses of the gateway itself begin with."""
    return "http" if settings.tls_certificate is None else "https"


def environment_name(field: str) -> str:
    """The environment variable of a field."""
    return PREFIX + field.upper()


def _unknown(environment: Mapping[str, str]) -> Iterator[str]:
    """What is wrong with names of variables."""
    known = {environment_name(field) for field in Settings.model_fields} | {CONFIG}
    for name, value in environment.items():
        if name.startswith(PROVIDER_PREFIX):
            continue  # what it names is looked for with its value
        if name.startswith(PREFIX) and value and name not in known and not _SERVICE_LINK.fullmatch(name):
            near = difflib.get_close_matches(name.partition("__")[0], known, n=1)
            remedy = f"Did you mean {near[0]}?" if near else "Remove it; docs/settings.md lists those that exist."
            yield f"{name}: there is no such setting. {remedy}"


def _contradiction(environment: Mapping[str, str]) -> Iterator[str]:
    """Find variables for the whole of a table beside others for a part of it."""
    for name in environment:
        if not name.startswith(PROVIDER_PREFIX):
            continue
        parts = name.split("__")
        wholes = ("__".join(parts[:end]) for end in range(2, len(parts)))
        whole = next((each for each in wholes if environment.get(each)), None)
        if whole is not None:
            yield f"{name}: {whole} gives a value for all of it. Remove one of them."


def _refuse_weak_secrets(settings: Settings) -> None:
    try:
        secret_keys(secret.get_secret_value() for secret in settings.jwt_secrets)
    except ValueError as error:
        raise SettingsError(f"{PREFIX}JWT_SECRETS: {error}. Use longer, random ones.") from None


def _refuse_half_of_tls(settings: Settings) -> None:
    given, missing = "tls_certificate", "tls_key"
    if settings.tls_certificate is None:
        given, missing = missing, given
    if getattr(settings, given) is not None and getattr(settings, missing) is None:
        raise SettingsError(
            f"{environment_name(missing)}: {environment_name(given)} is set without it. Set both for TLS, or neither."
        )


def _lines(error: ValidationError) -> list[str]:
    """The problems, each in one line, without the value that caused it: the first of each setting."""
    found: dict[tuple[int | str, ...], str] = {}
    for problem in error.errors(include_input=False, include_url=False):
        place = problem["loc"]
        if place[:1] == ("providers",):
            unknown = ("providers", place[1] if len(place) > 1 else "", "[key]")
            place = unknown if unknown in found else place[:3]
        else:
            place = place[:1]
        found.setdefault(place, _line(problem))
    return list(found.values())


def _line(problem: Mapping[str, Any]) -> str:
    if problem["loc"][:1] == ("providers",) and len(problem["loc"]) > 1:
        return provider_settings.explain({**problem, "loc": problem["loc"][1:]}, PROVIDER_PREFIX)
    field = str(problem["loc"][0]) if problem["loc"] else ""
    if problem["type"] == "extra_forbidden":
        near = difflib.get_close_matches(field, Settings.model_fields, n=1)
        remedy = f"Did you mean {near[0]}?" if near else "Remove it; docs/settings.md lists those that exist."
        return f"{CONFIG}: {field} is no setting. {remedy}"
    message = problem["msg"].removeprefix("Value error, ")
    return f"{environment_name(field)}: {message}. Expected: {Settings.model_fields[field].description}"
