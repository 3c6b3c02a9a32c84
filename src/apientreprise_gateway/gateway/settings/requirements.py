"""Rules about several settings together: to be valid, to serve, to serve with workers."""

from collections.abc import Iterable, Iterator

from apientreprise_gateway.auth.keys import MIN_SECRET_BYTES, secret_keys
from apientreprise_gateway.config.environment import SettingsError
from apientreprise_gateway.contract.france_connect import NOT_CONNECTED
from apientreprise_gateway.gateway.settings import france_connect, providers
from apientreprise_gateway.gateway.settings.choices import CacheStore
from apientreprise_gateway.gateway.settings.model import Settings
from apientreprise_gateway.gateway.settings.names import PREFIX, PROVIDER_PREFIX, environment_name
from apientreprise_gateway.providers.product import Product
from apientreprise_gateway.providers.products import PRODUCTS


def contradictions(settings: Settings) -> Iterator[str]:
    """A line for each contradiction between settings whose values are valid one by one."""
    yield from _weak_secrets(settings)
    yield from _half_of_tls(settings)
    yield from _hosts_of_nothing(settings)
    yield from france_connect.incomplete(settings)
    yield from providers.unknown_dialects(settings.providers, PROVIDER_PREFIX)


def require_for_serving(settings: Settings, products: Iterable[Product] = PRODUCTS) -> None:
    """Refuse settings that are valid but not enough to serve real calls.

    Raises:
        SettingsError: a setting without a safe default is missing.
    """
    keys = [provider.key for product in settings.served(products) for provider in product.providers]
    problems = [*_lacking_keys(settings), *_lacking_addresses(settings, keys)]
    if problems:
        raise SettingsError("\n".join(problems))


def remarks(settings: Settings, products: Iterable[Product] = PRODUCTS) -> Iterator[str]:
    """A line for each thing that a gateway which can serve with these settings will not do for lack of another."""
    endpoints = [each for product in settings.served(products) for each in product.endpoints if each.person is not None]
    if not endpoints:
        return
    if settings.pseudonym_key is None:
        yield (
            f"{PREFIX}PSEUDONYM_KEY is not set: access lines do not say which person a call was about (`identifier` is "
            "null)."
        )
    if settings.cache is CacheStore.REDIS and settings.cache_keys is None:
        yield f"{PREFIX}CACHE_KEYS is not set: answers about persons are not kept in Redis, nor anywhere else."
    if settings.france_connect_url is None:
        yield (
            f"{PREFIX}FRANCE_CONNECT_URL is not set: calls with an access token of FranceConnect are answered with 503 "
            f"{NOT_CONNECTED}."
        )


def _hosts_of_nothing(settings: Settings) -> Iterator[str]:
    for host, name in settings.hosts.items():
        if name not in settings.products:
            yield f"{PREFIX}HOSTS: {host} is for {name}, which {PREFIX}PRODUCTS does not serve"


def require_for_workers(settings: Settings, *, named: str = "--workers") -> None:
    """Refuse settings with which several processes could not serve as one gateway.

    Raises:
        SettingsError: some state would be in one process only.
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


def _weak_secrets(settings: Settings) -> Iterator[str]:
    try:
        secret_keys(secret.get_secret_value() for secret in settings.jwt_secrets)
    except ValueError as error:
        yield f"{PREFIX}JWT_SECRETS: {error}. Use longer, random ones."


def _half_of_tls(settings: Settings) -> Iterator[str]:
    if (settings.tls_certificate is None) == (settings.tls_key is None):
        return
    given, missing = map(environment_name, ("tls_certificate", "tls_key"))
    if settings.tls_certificate is None:
        given, missing = missing, given
    yield f"{missing}: {given} is set without it. Set both for TLS, or neither."


def _lacking_keys(settings: Settings) -> Iterator[str]:
    if not settings.jwt_secrets and settings.jwks is None:
        yield (
            f"{PREFIX}JWT_SECRETS: no key verifies tokens. Set it to a random secret of at least {MIN_SECRET_BYTES} "
            f"bytes, or set {PREFIX}JWKS to a file of public keys."
        )


def _lacking_addresses(settings: Settings, keys: Iterable[str]) -> Iterator[str]:
    """A line about providers without an address, neither their own nor the common one."""
    if settings.upstream_url is not None:
        return
    keys = list(keys)
    lacking = [key for key in keys if not _has_address(settings, key)]
    if 0 < len(lacking) < len(keys):
        yield (
            f"{PREFIX}UPSTREAM_URL: {', '.join(lacking)} have no address. Set it to the base URL of all that have none "
            f"of their own, or set {PROVIDER_PREFIX}{lacking[0].upper()}__BASE_URL and so on; providers of a product "
            f"that {PREFIX}PRODUCTS leaves out need none."
        )
    elif lacking:
        yield (
            f"{PREFIX}UPSTREAM_URL: no provider can be called. Set it to their base URL, such as http://127.0.0.1:8081 "
            "for a local sandbox."
        )


def _has_address(settings: Settings, key: str) -> bool:
    return key in settings.providers and settings.providers[key].base_url is not None
