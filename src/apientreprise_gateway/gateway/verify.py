"""What serving needs, made once each, so that all that is wrong with a configuration is told together."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any, Final

from apientreprise_gateway.gateway import components
from apientreprise_gateway.gateway.settings import CacheStore, Settings, SettingsError


def _cache(settings: Settings) -> None:
    if settings.cache is CacheStore.REDIS:
        components.cache_url(settings)


_PARTS: Final[tuple[Callable[[Settings], Any], ...]] = (
    components.key_set,
    components.token_registry,
    _cache,
    components.upstreams,
    components.document_desk,
    components.server_identity,
)


def verify(settings: Settings) -> None:
    """Make every part that depends on files or on other settings, and forget it.

    Raises:
        SettingsError: some cannot be made; a line for each.
    """
    problems = list(_problems(settings))
    if problems:
        raise SettingsError("\n".join(problems))


def _problems(settings: Settings) -> Iterator[str]:
    for make in _PARTS:
        try:
            make(settings)
        except SettingsError as error:
            yield str(error)


@contextmanager
def told_together(settings: Settings) -> Iterator[None]:
    """Where the block finds the settings wrong, say whatever else is wrong with them as well."""
    try:
        yield
    except SettingsError as error:
        others = [problem for problem in _problems(settings) if problem != str(error)]
        raise SettingsError("\n".join((str(error), *others))) from error
