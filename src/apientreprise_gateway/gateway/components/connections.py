"""Makes what connections need: TLS identity, limits, the client's address, the gateway's base URL."""

from typing import Final

from apientreprise_gateway.documents.origin import Origin
from apientreprise_gateway.gateway.settings import Settings, SettingsError, environment_name
from apientreprise_gateway.net import tls
from apientreprise_gateway.net.client_ip import ClientIp
from apientreprise_gateway.observability.metrics import Metrics
from apientreprise_gateway.server.limits import ConnectionLimits

TLS_FILES: Final = (environment_name("tls_certificate"), environment_name("tls_key"))
"""The settings that name the files of the certificate and its key."""


def server_identity(settings: Settings) -> tls.Identity | None:
    """The certificate and key of the server; None without TLS.

    Raises:
        SettingsError: a file cannot be used.
    """
    if settings.tls_certificate is None or settings.tls_key is None:
        return None
    try:
        return tls.server_identity(settings.tls_certificate, settings.tls_key)
    except ValueError as error:
        raise SettingsError(
            f"{', '.join(TLS_FILES)}: {error}. Name PEM files that this user can read, of a certificate and its key."
        ) from error


def connection_limits(
    settings: Settings, metrics: Metrics, *, before: ConnectionLimits | None = None
) -> ConnectionLimits:
    """The limits of connections: duration, number and memory; `before` hands over what connections hold already, and
    the calls that wait."""
    former = before or ConnectionLimits()
    former.untaken.most = former.unanswered.most = settings.waiting_bytes
    former.gate.most = settings.waiting_calls
    return ConnectionLimits(
        untaken=former.untaken,
        unanswered=former.unanswered,
        gate=former.gate,
        keep_alive=settings.keep_alive,
        client_timeout=settings.client_timeout,
        max_connections=settings.max_connections,
        on_closed=lambda reason: metrics.connections_cut(reason).inc(),
    )


def client_ip(settings: Settings) -> ClientIp:
    """Makes what finds the address of a client."""
    return ClientIp(trusted_proxies=settings.trusted_proxies, allowlist=settings.ip_allowlist)


def origin(settings: Settings, client_ip: ClientIp) -> Origin:
    """Makes what finds the base URL at which a caller reaches the gateway."""
    public_url = None if settings.public_url is None else str(settings.public_url).rstrip("/")
    return Origin(public_url=public_url, is_trusted=client_ip.is_trusted)
