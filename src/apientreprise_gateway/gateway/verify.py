"""Tries to make each part that serving needs, so that all problems of a configuration are reported together."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Final

from apientreprise_gateway.gateway.components.auth import KeySetSettings, key_set, token_registry
from apientreprise_gateway.gateway.components.cache import CacheSettings
from apientreprise_gateway.gateway.components.connections import server_identity
from apientreprise_gateway.gateway.components.documents import DocumentSettings, document_service
from apientreprise_gateway.gateway.components.france_connect import FranceConnectSettings, france_connect
from apientreprise_gateway.gateway.components.upstreams import upstreams
from apientreprise_gateway.gateway.settings import CacheStore, Settings, SettingsError
from apientreprise_gateway.observability.provider_calls import ignore
from apientreprise_gateway.providers.products import PRODUCTS


def _key_set(settings: Settings) -> object:
    return key_set(KeySetSettings.of(settings))


def _cache(settings: Settings) -> object:
    return CacheSettings.of(settings).require_url() if settings.cache is CacheStore.REDIS else None


def _upstreams(settings: Settings) -> object:
    return upstreams(settings, [provider for product in settings.served(PRODUCTS) for provider in product.providers])


def _documents(settings: Settings) -> object:
    return document_service(DocumentSettings.of(settings))


def _france_connect(settings: Settings) -> object:
    return france_connect(FranceConnectSettings.of(settings), observe=ignore, on_breaker=lambda *_: None)


_MAKERS: Final[tuple[Callable[[Settings], object], ...]] = (
    _key_set,
    token_registry,
    _cache,
    _upstreams,
    _documents,
    _france_connect,
    server_identity,
)
"""In the order in which a gateway makes them; problems are reported in this order."""


def verify(settings: Settings) -> None:
    """Make every part that depends on files or on several settings, and discard it.

    Raises:
        SettingsError: some cannot be made; a line for each problem.
    """
    problems = list(_problems(settings))
    if problems:
        raise SettingsError("\n".join(problems))


def _problems(settings: Settings) -> Iterator[str]:
    for make in _MAKERS:
        try:
            make(settings)
        except SettingsError as error:
            yield str(error)


@contextmanager
def told_together(settings: Settings) -> Iterator[None]:
    """If the block raises a `SettingsError`, raise one that reports all other problems as well."""
    try:
        yield
    except SettingsError as error:
        others = [problem for problem in _problems(settings) if problem != str(error)]
        raise SettingsError("\n".join((str(error), *others))) from error
