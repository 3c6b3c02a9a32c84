"""TLS settings of the connections to a provider, from files."""

import ssl
from functools import cache
from pathlib import Path

from apientreprise_gateway.net.tls import load_certificate, readable


@cache
def system_context() -> ssl.SSLContext:
    """Trust in the system's authorities; one for all that need no other, as reading them takes long."""
    return ssl.create_default_context()


def client_context(
    *,
    ca: Path | None = None,
    certificate: Path | None = None,
    key: Path | None = None,
    key_password: str | None = None,
) -> ssl.SSLContext:
    """How to check a provider's certificate, and which one to show it (mutual TLS).

    Certificate and name of the server are checked in every case.

    Args:
        ca: PEM file of the authorities to trust instead of the system's.
        certificate: PEM file of our certificate, followed by those between it and its authority.
        key: PEM file of its key; that of the certificate by default.
        key_password: opens the key, if it is encrypted.

    Raises:
        ValueError: a file cannot be used; the text names it.
    """
    try:
        context = ssl.create_default_context(cafile=None if ca is None else readable(ca))
    except ssl.SSLError as error:
        raise ValueError(f"{ca}: it holds no certificate of an authority in PEM form") from error
    if ca is not None:
        # What the file names is trusted as it is, also where it is not a root: newer versions of Python do this anyway.
        context.verify_flags |= ssl.VERIFY_X509_PARTIAL_CHAIN
    if certificate is not None:
        load_certificate(context, certificate, key or certificate, key_password)
    elif key is not None:
        raise ValueError(f"{key}: a key without the certificate that it belongs to")
    return context
