"""Makes what asks FranceConnect about access tokens."""

import os
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Final, Self
from urllib.parse import urlsplit

from pydantic import SecretStr

from apientreprise_gateway.contract.france_connect import FRANCE_CONNECT
from apientreprise_gateway.gateway.components.auth import KeySetSettings, key_set
from apientreprise_gateway.gateway.components.context import Context
from apientreprise_gateway.gateway.components.upstreams import OnBreaker, tell_of_breaker
from apientreprise_gateway.gateway.lifecycle import Component, inherited
from apientreprise_gateway.gateway.settings import BreakerUse, Settings, SettingsError, environment_name
from apientreprise_gateway.gateway.workplace import shared_file
from apientreprise_gateway.net.proxies import proxy_for
from apientreprise_gateway.observability.provider_calls import CallCounts, ProviderCalls
from apientreprise_gateway.observability.tracing import Recorder
from apientreprise_gateway.upstream.assembly import Defaults, make_upstream
from apientreprise_gateway.upstream.breaker import OnChange, State
from apientreprise_gateway.upstream.settings import ProviderSettings
from apientreprise_gateway.upstream.source import Observe
from apientreprise_gateway.upstream.upstream import Upstream

if TYPE_CHECKING:
    from apientreprise_gateway.auth.france_connect.own_key import OwnKey
    from apientreprise_gateway.auth.france_connect.service import FranceConnect

MAX_QUESTIONS: Final = 256
"""Questions to FranceConnect that a process has under way at once."""
MAX_ANSWER_BYTES: Final = 64 * 1024
"""Bytes of the longest answer of FranceConnect that is read; one has about three thousand."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Connected:
    """What FranceConnect is asked with."""

    url: str
    client: tuple[str, SecretStr]
    key: Path
    jwks: Path | str
    timeout: float


@dataclass(frozen=True, slots=True, kw_only=True)
class FranceConnectSettings:
    """The settings that the way to FranceConnect depends on."""

    connected: Connected | None
    """None for a gateway that is not connected to FranceConnect."""
    pem: bytes
    """The content of the file of our key."""
    refresh: float
    breakers: bool
    traces: tuple[object, float]

    @classmethod
    def of(cls, settings: Settings) -> Self:
        """Select them from all settings.

        Raises:
            SettingsError: the file of our key cannot be read.
        """
        connected = _connected(settings)
        try:
            pem = b"" if connected is None else connected.key.read_bytes()
        except OSError as error:
            raise _wrong("france_connect_key", f"it cannot be read ({error.strerror})") from error
        return cls(
            connected=connected,
            pem=pem,
            refresh=settings.jwks_refresh,
            breakers=settings.breaker is BreakerUse.ON,
            traces=(settings.traces_url, settings.traces_share),
        )


def _connected(settings: Settings) -> Connected | None:
    url, client_id, secret = (
        settings.france_connect_url,
        settings.france_connect_client_id,
        settings.france_connect_client_secret,
    )
    key, jwks = settings.france_connect_key, settings.france_connect_jwks
    if url is None or client_id is None or secret is None or key is None or jwks is None:
        return None
    timeout = settings.france_connect_timeout
    return Connected(url=url, client=(client_id, secret), key=key, jwks=jwks, timeout=timeout)


class FranceConnectParts:
    """The way to FranceConnect, and our key."""

    def __init__(self, service: "FranceConnect", own_key: "OwnKey") -> None:
        self.service = service
        self.own_key = own_key


FranceConnectComponent = Component[FranceConnectSettings, FranceConnectParts | None]


def france_connect_component(
    context: Context, *, recorder: Recorder | None, former: FranceConnectComponent | None
) -> FranceConnectComponent:
    """The component that asks FranceConnect, which a reload keeps; its part is None if the gateway is not connected.

    Raises:
        SettingsError: a file or an address cannot be used.
    """
    metrics = context.metrics

    def make(own: FranceConnectSettings) -> FranceConnectComponent:
        observe = ProviderCalls(FRANCE_CONNECT.key, counts=CallCounts(), metrics=metrics, recorder=recorder)
        part = france_connect(own, observe=observe, on_breaker=partial(tell_of_breaker, metrics))
        if part is None:
            return Component(name="france_connect", part=None, made_of=own)
        metrics.breaker_state(FRANCE_CONNECT.key, State.CLOSED)
        service = part.service

        async def close() -> None:
            await service.keys.close()
            service.close()

        return Component(
            name="france_connect",
            part=part,
            made_of=own,
            # Its keys are fetched in the background: a FranceConnect that does not answer delays no start.
            start=service.follow,
            background={"france_connect_keys": service.keys.watch},
            close=close,
        )

    return inherited(former, FranceConnectSettings.of(context.settings), make)


def france_connect(
    settings: FranceConnectSettings, *, observe: Observe, on_breaker: OnBreaker
) -> FranceConnectParts | None:
    """The way to FranceConnect and our key; None if the gateway is not connected. Nothing is fetched yet.

    Raises:
        SettingsError: a file or an address cannot be used.
    """
    connected = settings.connected
    if connected is None:
        return None
    # Imported only here: most gateways do without, and the library takes long.
    from apientreprise_gateway.auth.france_connect.own_key import OwnKey  # noqa: PLC0415
    from apientreprise_gateway.auth.france_connect.service import FranceConnect  # noqa: PLC0415

    try:
        own_key = OwnKey(settings.pem)
    except ValueError as error:
        raise _wrong("france_connect_key", str(error)) from None
    keys = key_set(
        KeySetSettings(source=connected.jwks, refresh=settings.refresh, copy=None),
        field="france_connect_jwks",
        copy=shared_file("france_connect_jwks.json"),
    )
    if keys is None:
        raise AssertionError("a source gives a key set")
    try:
        upstream = _upstream(connected, breakers=settings.breakers, on_change=partial(on_breaker, FRANCE_CONNECT.key))
    except ValueError as error:
        raise _wrong("france_connect_url", str(error)) from None
    parts = urlsplit(connected.url)
    client_id, secret = connected.client
    service = FranceConnect(
        upstream=upstream,
        target=f"{parts.path or '/'}{'?' if parts.query else ''}{parts.query}",
        client=(client_id, secret.get_secret_value()),
        key=own_key,
        keys=keys,
        timeout=connected.timeout,
        observe=observe,
    )
    return FranceConnectParts(service, own_key)


def _upstream(connected: Connected, *, breakers: bool, on_change: OnChange) -> Upstream:
    """The way to FranceConnect, through the proxy that the environment names for it.

    Raises:
        ValueError: it cannot be used.
    """
    parts = urlsplit(connected.url)
    # What is on this machine is not looked for elsewhere.
    proxy = None if parts.scheme == "http" else proxy_for(connected.url, os.environ)
    return make_upstream(
        FRANCE_CONNECT,
        ProviderSettings(proxy=None if proxy is None else SecretStr(proxy)),
        Defaults(
            base_url=f"{parts.scheme}://{parts.netloc}",
            timeout=connected.timeout,
            max_calls=MAX_QUESTIONS,
            max_body=MAX_ANSWER_BYTES,
            breakers=breakers,
        ),
        on_change=on_change,
    )


def _wrong(field: str, reason: str) -> SettingsError:
    return SettingsError(f"{environment_name(field)}: {reason}. Correct it, or unset all of FranceConnect.")
