"""TLS contexts for connections to providers."""

import ssl
from functools import cache
from pathlib import Path

from apientreprise_gateway.net.tls import load_certificate, readable
from apientreprise_gateway.upstream.sessions import resume_in


@cache
def system_context() -> ssl.SSLContext:
    """A context that trusts the system's authorities; one shared by all, as reading them is slow."""
    return resume_in(ssl.create_default_context())


def client_context(
    *,
    ca: Path | None = None,
    certificate: Path | None = None,
    key: Path | None = None,
    key_password: str | None = None,
) -> ssl.SSLContext:
    """A context with authorities or a client certificate (mutual TLS) of its own.

    The server's certificate and name are always checked.

    Args:
        ca: PEM file of the authorities to trust instead of the system's.
        certificate: PEM file of our certificate, followed by the intermediate certificates.
        key: PEM file of its key; the file of the certificate by default.
        key_password: decrypts the key, if it is encrypted.

    Raises:
        ValueError: a file cannot be used; the text names it.
    """
    try:
        context = ssl.create_default_context(cafile=None if ca is None else readable(ca))
    except ssl.SSLError as error:
        raise ValueError(f"{ca}: it holds no certificate of an authority in PEM form") from error
    if ca is not None:
        # Certificates in the file are trusted even if they are no roots, as newer versions of Python do by default.
        context.verify_flags |= ssl.VERIFY_X509_PARTIAL_CHAIN
    if certificate is not None:
        load_certificate(context, certificate, key or certificate, key_password)
    elif key is not None:
        raise ValueError(f"{key}: a key without the certificate that it belongs to")
    return resume_in(context)
