"""Makes what authenticates calls: the keys that verify tokens, and the registry of single tokens."""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Self

from pydantic import SecretStr

from apientreprise_gateway.auth.jwks import FileKeySet, KeySet, RemoteKeySet
from apientreprise_gateway.auth.keys import Key, KeyRing, secret_keys
from apientreprise_gateway.auth.registry import TokenRegistry
from apientreprise_gateway.auth.token import Token, TokenVerifier, authenticate_with_newer_keys
from apientreprise_gateway.gateway import gauges
from apientreprise_gateway.gateway.components.context import Context
from apientreprise_gateway.gateway.lifecycle import Component, inherited
from apientreprise_gateway.gateway.series import FETCH_OUTCOMES
from apientreprise_gateway.gateway.settings import Settings, SettingsError, environment_name
from apientreprise_gateway.gateway.workplace import shared_file
from apientreprise_gateway.observability.background import Background
from apientreprise_gateway.observability.metrics import Metrics


@dataclass(frozen=True, slots=True, kw_only=True)
class KeySetSettings:
    """The settings that a set of public keys depends on."""

    source: Path | str | None
    """A file, or a URL; None for no public keys."""
    refresh: float
    """Seconds between two fetches of a URL."""
    copy: Path | None

    @classmethod
    def of(cls, settings: Settings) -> Self:
        """Select them from all settings."""
        return cls(source=settings.jwks, refresh=settings.jwks_refresh, copy=settings.jwks_copy)


def key_set(
    settings: KeySetSettings, *, field: str = "jwks", copy: Path | None = None, metrics: Metrics | None = None
) -> KeySet | None:
    """The set of public keys that the settings name, None without one; one at a URL is not fetched yet.

    Args:
        settings: valid settings.
        field: the setting that names it.
        copy: file that keeps the last key set fetched from a URL.
        metrics: where fetches are counted.

    Raises:
        SettingsError: the file cannot be used.
    """
    if settings.source is None:
        return None
    if isinstance(settings.source, Path):
        try:
            return FileKeySet(settings.source)
        except ValueError as error:
            raise SettingsError(f"{environment_name(field)}: {error}. Correct the file.") from error

    def on_fetch(well: bool) -> None:
        if metrics is not None:
            metrics.key_fetches(FETCH_OUTCOMES[well]).inc()

    def on_age(fetched_at: float) -> None:
        if metrics is not None:
            metrics.keys_fetched.set(fetched_at)

    return RemoteKeySet(settings.source, copy=copy, every=settings.refresh, on_fetch=on_fetch, on_age=on_age)


KeySetComponent = Component[KeySetSettings, KeySet | None]


def key_set_component(context: Context, *, former: KeySetComponent | None) -> KeySetComponent:
    """The component of the public keys, which a reload keeps; `Authenticator.prepare` starts it."""

    def make(own: KeySetSettings) -> KeySetComponent:
        part = key_set(own, copy=own.copy or shared_file("jwks.json"), metrics=context.metrics)
        if part is None:
            return Component(name="keys", part=None, made_of=own)
        return Component(name="keys", part=part, made_of=own, background={"keys": part.watch}, close=part.close)

    return inherited(former, KeySetSettings.of(context.settings), make)


def key_ring(secrets: Sequence[SecretStr], public: KeySet | None) -> KeyRing:
    """The keys that verify tokens: secrets, then public ones."""
    own = secret_keys(secret.get_secret_value() for secret in secrets)
    if public is None:
        return KeyRing(own)
    return KeyRing([*own, *public.keys], known=bool(public.keys), renewable=True)


def token_registry(settings: Settings) -> TokenRegistry:
    """The registry of single tokens, read from the file of GATEWAY_TOKENS.

    Raises:
        SettingsError: the file cannot be used.
    """
    try:
        return TokenRegistry(settings.tokens)
    except ValueError as error:
        raise SettingsError(f"{environment_name('tokens')}: {error}. Correct the file.") from error


class Authenticator:
    """Verifies tokens, with keys that may change while it serves."""

    def __init__(self, *, secrets: Sequence[SecretStr], public: KeySet | None, registry: TokenRegistry) -> None:
        self._secrets = secrets
        self._public = public
        self.registry = registry
        self.verifier = TokenVerifier(key_ring(secrets, public))

    @property
    def has_keys(self) -> bool:
        """Whether the public keys are known; True if none are configured."""
        return self._public is None or bool(self._public.keys)

    async def prepare(self, background: Background) -> None:
        """Read or fetch the public keys."""
        if self._public is not None:
            await background.attempt("keys", self._public.start)

    async def follow(self) -> None:
        """Follow changes of the public keys from now on, in place of the previous authenticator."""
        if self._public is not None:
            self._public.on_keys = self._use
            self._use(self._public.keys)

    async def renew_keys(self) -> None:
        """Look for newer public keys."""
        if self._public is not None:
            await self._public.renew()

    async def authenticate(self, text: str | None) -> Token:
        """The verified token of a call to the control plane.

        Raises:
            Refusal: there is no valid token.
        """
        return await authenticate_with_newer_keys(
            text, verifier=self.verifier, registry=self.registry, renew=self.renew_keys
        )

    def _use(self, _keys: Sequence[Key]) -> None:
        self.verifier.use(key_ring(self._secrets, self._public))


AuthenticatorComponent = Component[None, Authenticator]


def authenticator_component(
    context: Context,
    *,
    public: KeySet | None,
    former: AuthenticatorComponent | None,
) -> AuthenticatorComponent:
    """The component that verifies tokens; it takes over the revocations and records that its predecessor knew."""
    registry = token_registry(context.settings)
    if former is not None:
        registry.revoke(former.part.registry.revoked)
        registry.publish(former.part.registry.published)
    part = Authenticator(secrets=context.settings.jwt_secrets, public=public, registry=registry)
    return Component(
        name="tokens",
        part=part,
        made_of=None,
        start=partial(part.prepare, context.background),
        background={"tokens": registry.watch, "expiry": partial(gauges.tokens, context.metrics, part.verifier)},
    )
