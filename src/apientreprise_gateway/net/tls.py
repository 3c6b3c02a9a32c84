"""TLS contexts from a certificate and its key, with errors that name the file and what is wrong with it."""

import ssl
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from cryptography import x509

from apientreprise_gateway.config.watched import must_be_regular


@dataclass(frozen=True, slots=True)
class Identity:
    """The certificate that the server shows to its callers, loaded into a TLS context."""

    context: ssl.SSLContext
    ends: datetime
    """When the certificate expires, in UTC."""


def server_identity(certificate: Path, key: Path) -> Identity:
    """The identity of a server that speaks TLS 1.2 and 1.3.

    Args:
        certificate: PEM file of the certificate, followed by the intermediate ones.
        key: PEM file of its key, not encrypted.

    Raises:
        ValueError: a file cannot be used; the text names it.
    """
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    context.options |= ssl.OP_NO_RENEGOTIATION
    context.set_alpn_protocols(["http/1.1"])
    load_certificate(context, certificate, key)
    return Identity(context, x509.load_pem_x509_certificates(certificate.read_bytes())[0].not_valid_after_utc)


def load_certificate(context: ssl.SSLContext, certificate: Path, key: Path, password: str | None = None) -> None:
    """Load a certificate and its key into a context.

    Raises:
        ValueError: a file cannot be used; the text names it.
    """
    asked = False

    def give_password() -> str:
        # Without this OpenSSL would ask on the terminal.
        nonlocal asked
        asked = True
        return password or ""

    try:
        context.load_cert_chain(readable(certificate), readable(key), password=give_password)
    except ssl.SSLError as error:
        if error.reason == "KEY_VALUES_MISMATCH":
            why = f"{certificate}: it does not belong to the key in {key}"
        elif asked and password:
            why = f"{key}: the password does not open this key"
        elif asked:
            why = f"{key}: the key is encrypted, and no password is given"
        else:
            why = f"{certificate}, {key}: they do not hold a certificate and its key in PEM form"
        raise ValueError(why) from None  # what OpenSSL says may quote the file


def readable(path: Path) -> Path:
    """The path of a file, once it is known that it can be read: `ssl` would not name it.

    Raises:
        ValueError: it cannot.
    """
    try:
        must_be_regular(path, path.stat())
        with path.open("rb"):
            return path
    except OSError as error:
        raise ValueError(f"{path}: {error.strerror}") from error
