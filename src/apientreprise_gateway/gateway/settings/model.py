"""Every setting, with its default and the bounds of its value."""

import os
from collections.abc import Iterable, Mapping
from functools import cache
from pathlib import Path
from typing import Any

from pydantic import AnyHttpUrl, Field, FilePath, create_model
from pydantic.fields import FieldInfo
from pydantic_settings import (
    BaseSettings,
    PydanticBaseSettingsSource,
    SettingsConfigDict,
    TomlConfigSettingsSource,
)

from apientreprise_gateway.auth.keys import MIN_SECRET_BYTES
from apientreprise_gateway.gateway.settings.choices import (
    BanAction,
    BreakerUse,
    CacheStore,
    Duplicates,
    Limits,
    PingProbes,
    RevocationsUnknown,
    StoreFailure,
    UserIdRequired,
    ValidateUpstream,
    WindowKind,
)
from apientreprise_gateway.gateway.settings.france_connect import FranceConnectFields
from apientreprise_gateway.gateway.settings.names import CONFIG, PREFIX
from apientreprise_gateway.gateway.settings.providers import providers_settings
from apientreprise_gateway.gateway.settings.values import (
    DocumentPlace,
    KeySetAddress,
    LogLevel,
    Networks,
    PerMinute,
    PerMinuteOrAny,
    RedisAddress,
    SecretKey,
    SecretKeys,
    Secrets,
    chosen_of,
    hosts_of,
)
from apientreprise_gateway.providers.product import Product
from apientreprise_gateway.upstream.pool import MAX_CALLS
from apientreprise_gateway.upstream.settings import BaseUrl, ProviderSettings


class Settings(FranceConnectFields):
    """Every setting that does not depend on the products served; the descriptions appear in the documentation.

    `settings_of` adds the settings that do.
    """

    model_config = SettingsConfigDict(
        env_prefix=PREFIX, env_nested_delimiter="__", env_ignore_empty=True, extra="forbid", frozen=True
    )

    products: tuple[str, ...] = Field(
        default=(), description="The products that are served, separated by commas: `entreprise`, `particulier`."
    )
    hosts: Mapping[str, str] = Field(
        default={},
        description="Names of hosts that serve one product alone, as `host=product`, separated by commas; other hosts "
        "serve all.",
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
        description="JSON file of what is recorded of single tokens: revocation, allowed addresses, limits, scopes "
        "that count. Read anew on change; see docs/store.md.",
    )
    pseudonym_key: SecretKey | None = Field(
        default=None,
        description="Key under which access lines name the persons whom calls are about: 64 hexadecimal digits or 32 "
        'bytes in base64, or `{"env": "NAME"}`, `{"file": "/path"}`. Unset: they name none (`identifier` is null). See '
        "docs/access-log.md.",
    )
    redis_url: RedisAddress | None = Field(
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
        description="File that keeps what is revoked, recorded of tokens and banned, for a start while Redis cannot be "
        "asked; it names its Redis, and serves no other. Unset: one for each Redis in a folder of this user in "
        "`/var/tmp` (else in `TMPDIR`), which outlives a restart of the machine as well. See docs/store.md.",
    )
    revocations_unknown: RevocationsUnknown = Field(
        default=RevocationsUnknown.REFUSE,
        description="Tokens, as long as Redis has never been read and there is no copy: `refuse` them with 503 "
        "(`/readyz` is 503 too), or `accept` them, also those that may be revoked or narrowed.",
    )
    cache: CacheStore = Field(
        default=CacheStore.OFF,
        description="Where answers are kept that may be given to others who ask the same: nowhere (`off`), in the "
        "`memory` of a single process, or in `redis`; see docs/cache.md.",
    )
    cache_redis_url: RedisAddress | None = Field(
        default=None,
        description="Redis of the cache, in the forms of `GATEWAY_REDIS_URL`, which it is by default.",
    )
    cache_bytes: int | None = Field(
        default=None,
        ge=1024 * 1024,
        description="Bytes that the cache may take; 64 MiB in memory and 256 MiB in Redis by default.",
    )
    cache_keys: SecretKeys | None = Field(
        default=None,
        description="Keys that encrypt answers about persons that are kept in Redis, separated by commas, in the forms "
        "of `GATEWAY_PSEUDONYM_KEY`: the first encrypts, all decrypt. Unset: no such answer is kept in Redis.",
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
    providers: Mapping[str, ProviderSettings] = Field(
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
    limit_ip: PerMinute = Field(
        default=1000,
        description="Calls per minute from one address, without those that have a ceiling of their own; one more bans "
        "it.",
    )
    window: WindowKind = Field(
        default=WindowKind.SLIDING,
        description="`sliding`: the last 60 s, or 1 s; `first-call`: the 60 s, or 1 s, that a first call opens. Counts "
        "begin anew when it changes.",
    )
    ignored_429_limit: PerMinute = Field(
        default=100,
        description="Calls refused with 429, per minute and address (API Particulier: address and token); one more "
        "bans it.",
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
    waiting_calls: int = Field(
        default=512,
        ge=1,
        description="Calls of one process that may wait for the processor, all connections together. If more wait for "
        "half a second or longer, those that have waited longest get 503 `00912`.",
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
    log_level: LogLevel = Field(
        default="INFO", pattern="^(DEBUG|INFO|WARNING|ERROR)$", description="Of the operators' log."
    )
    metrics_port: int | None = Field(
        default=None, ge=1, le=65535, description="Also serve `/metrics` on this port, for a network of its own."
    )

    def served(self, products: Iterable[Product]) -> tuple[Product, ...]:
        """Those of the products that are to be served."""
        return tuple(product for product in products if product.name in self.products)

    def limit(self, setting: str) -> int:
        """The value of the setting of a group's limit, in calls."""
        value: int = getattr(self, setting)
        return value

    @classmethod
    def settings_customise_sources(
        cls,
        settings_cls: type[BaseSettings],
        init_settings: PydanticBaseSettingsSource,
        env_settings: PydanticBaseSettingsSource,
        dotenv_settings: PydanticBaseSettingsSource,
        file_secret_settings: PydanticBaseSettingsSource,
    ) -> tuple[PydanticBaseSettingsSource, ...]:
        """Order of precedence: values given in code, the environment, the TOML file."""
        del dotenv_settings, file_secret_settings
        path = os.environ.get(CONFIG)
        toml = () if not path else (TomlConfigSettingsSource(settings_cls, toml_file=Path(path)),)
        return (init_settings, env_settings, *toml)


def scheme(settings: Settings) -> str:
    """The scheme of the gateway's own URLs: `https` with TLS, else `http`."""
    return "http" if settings.tls_certificate is None else "https"


@cache
def settings_of(products: tuple[Product, ...]) -> type[Settings]:
    """The settings class for these products, with a limit for each setting of their groups and of their ceilings."""
    limits = {group.limit.setting: group.limit for product in products for group in product.groups}
    fields: dict[str, Any] = {
        limit.setting: (PerMinute, Field(default=limit.calls, description=limit.description))
        for limit in limits.values()
    }
    for ceiling in filter(None, (product.ceiling for product in products)):
        fields[ceiling.setting] = (PerMinuteOrAny, Field(default=ceiling.calls, description=ceiling.description))
    keys = (provider.key for product in products for provider in product.providers)
    table = (providers_settings(keys), Settings.model_fields["providers"])
    names = tuple(product.name for product in products)
    aliases = {alias: product.name for product in products for alias in (product.name, product.key)}
    chosen = (
        chosen_of(aliases),
        Field(default=names, description=Settings.model_fields["products"].description),
    )
    hosts = (hosts_of(aliases), Settings.model_fields["hosts"])
    return create_model("Settings", __base__=Settings, providers=table, products=chosen, hosts=hosts, **fields)


def fields_of(products: tuple[Product, ...]) -> dict[str, FieldInfo]:
    """The fields of all settings, in the order of the documentation, which puts the limits together."""
    fields = settings_of(products).model_fields
    names = [name for name in fields if name in Settings.model_fields]
    names.sort(key=FranceConnectFields.model_fields.__contains__)
    place = names.index("limit_ip") + 1
    return {
        name: fields[name] for name in (*names[:place], *(each for each in fields if each not in names), *names[place:])
    }
