"""Makes the upstream of a provider from its settings."""

import ssl
import sys
from dataclasses import dataclass
from typing import Final

from apientreprise_gateway import __version__
from apientreprise_gateway.contract.endpoint import Provider
from apientreprise_gateway.upstream import credentials
from apientreprise_gateway.upstream.breaker import Breaker, BreakerPolicy, OnChange
from apientreprise_gateway.upstream.file_hosts import FileHosts
from apientreprise_gateway.upstream.maintenance import Maintenance
from apientreprise_gateway.upstream.oauth2 import ClientCredentials
from apientreprise_gateway.upstream.pool import MAX_FILE_BYTES, Pool
from apientreprise_gateway.upstream.settings import (
    BasicAuth,
    BearerAuth,
    HeaderAuth,
    NoAuth,
    OAuth2Auth,
    ProviderSettings,
)
from apientreprise_gateway.upstream.tls import client_context
from apientreprise_gateway.upstream.token_endpoint import TokenEndpoint
from apientreprise_gateway.upstream.upstream import Upstream

MAX_BODY_BYTES: Final = 8 * 1024 * 1024
"""Bytes of the largest answer that is read; those of the catalogue have at most some hundred kilobytes, and a thousand
establishments of INSEE three megabytes. Parsing is one uninterruptible step, so it must be bounded."""
_NEVER: Final = BreakerPolicy(calls=sys.maxsize, silent=sys.maxsize)
"""The policy of a breaker that never opens."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Defaults:
    """Defaults for providers whose settings leave a value out."""

    base_url: str | None
    timeout: float
    """Seconds that a whole call may take."""
    max_calls: int
    max_body: int = MAX_BODY_BYTES
    """Bytes of the longest answer in memory."""
    max_file: int = MAX_FILE_BYTES
    """Bytes of the longest answer that goes to a file."""
    breakers: bool = True
    """Whether there are circuit breakers at all."""


def make_upstream(provider: Provider, own: ProviderSettings, defaults: Defaults, *, on_change: OnChange) -> Upstream:
    """The upstream of a provider.

    Args:
        provider: the provider that is called.
        own: its settings.
        defaults: values for what its settings leave out.
        on_change: called when its breaker changes.

    Raises:
        ValueError: the settings cannot be used; the text says what is wrong, without a secret.
    """
    base_url = defaults.base_url if own.base_url is None else str(own.base_url)
    if base_url is None:
        raise ValueError("it has no base URL")
    timeout = own.timeout or defaults.timeout
    pool = Pool(
        base_url.rstrip("/"),
        timeout=timeout,
        max_body=defaults.max_body,
        user_agent=f"apientreprise-gateway/{__version__}",
        tls=_tls(own, base_url),
        proxy=_proxy(own),
        max_calls=own.max_calls or defaults.max_calls,
        credentials=_credentials(own),
        max_file=defaults.max_file,
    )
    return Upstream(
        provider,
        pool,
        files=FileHosts(
            base_url,
            hosts=own.document_hosts,
            tls=_tls(own, base_url),
            proxy=_proxy(own),
            timeout=timeout,
            max_file=defaults.max_file,
        ),
        timeout=timeout,
        breaker=Breaker(own.breaker.policy() if defaults.breakers else _NEVER, on_change=on_change),
        maintenance=Maintenance([window.window() for window in own.maintenance]) if own.maintenance else None,
    )


def _proxy(own: ProviderSettings) -> str | None:
    return None if own.proxy is None else own.proxy.get_secret_value()


def _tls(own: ProviderSettings, base_url: str) -> ssl.SSLContext | None:
    """The TLS context of this provider; None if the system's authorities and no client certificate are enough."""
    if own.ca is None and own.client_certificate is None:
        return None
    if not base_url.startswith("https:"):
        raise ValueError("ca and client_certificate are for https, and its address is not")
    return _context(own)


def _context(own: ProviderSettings) -> ssl.SSLContext:
    password = own.client_key_password
    return client_context(
        ca=own.ca,
        certificate=own.client_certificate,
        key=own.client_key,
        key_password=None if password is None else password.get_secret_value(),
    )


def _credentials(own: ProviderSettings) -> credentials.Credentials | None:
    """The credentials that are sent with each call."""
    try:
        match own.auth:
            case NoAuth():
                return None
            case HeaderAuth(name=name, value=value):
                return credentials.header_key(name, value.get_secret_value())
            case BasicAuth(username=username, password=password):
                return credentials.basic(username, password.get_secret_value())
            case BearerAuth(token=token):
                return credentials.bearer(token.get_secret_value())
            case OAuth2Auth():
                return _client_credentials(own, own.auth)
    except ValueError as error:
        raise ValueError(f"auth: {error}") from None  # the chained error may show a secret


def _client_credentials(own: ProviderSettings, auth: OAuth2Auth) -> ClientCredentials:
    tls = None
    if own.ca is not None or own.client_certificate is not None:
        tls = _context(own)
        tls.load_default_certs()  # the token server may have a certificate of another authority than the provider
    endpoint = TokenEndpoint(
        token_url=str(auth.token_url),
        client_id=auth.client_id,
        client_secret=auth.client_secret.get_secret_value(),
        scope=auth.scope,
        audience=auth.audience,
        client_auth=auth.client_auth,
        tls=tls,
        proxy=_proxy(own),
    )
    return ClientCredentials(endpoint)
