"""The kinds of failure of a call to a provider."""

import ssl
from enum import Enum
from typing import Final

_ABOUT_OUR_CERTIFICATE: Final = ("CERTIFICATE", "UNKNOWN_CA", "ACCESS_DENIED")
"""Words in OpenSSL's names of the alerts by which a server rejects a client's certificate, or the lack of one."""


class Fault(Enum):
    """A kind of failure."""

    TIMEOUT = "the whole answer did not come within the deadline"
    BUSY = "as many calls as allowed are under way"
    REFUSED = "the connection was refused"
    NAME = "the name could not be resolved"
    CERTIFICATE = "the certificate is not valid"
    CLIENT_CERTIFICATE = "the server refuses our certificate, or wants one and we have none"
    CREDENTIALS = "the token server refuses our credentials"
    NO_CREDENTIALS = "the token server gives no token"
    NETWORK = "the connection broke, or could not be made"
    NOT_HTTP = "what came back is not HTTP"
    TOO_LARGE = "the body is larger than allowed"
    ENCODED = "the body is compressed, which was not asked for, and cannot be decompressed"


class CallError(Exception):
    """A call got no usable answer; the text says why, without a secret."""

    def __init__(self, fault: Fault, detail: str = "", *, unanswered: bool = False) -> None:
        super().__init__(f"{fault.value}: {detail}" if detail else fault.value)
        self.fault = fault
        self.unanswered = unanswered
        """Whether the connection was closed before the first byte of an answer."""


def tls_fault(error: ssl.SSLError) -> Fault:
    """The kind of failure that a TLS error means."""
    if isinstance(error, ssl.SSLCertVerificationError):
        return Fault.CERTIFICATE
    reason = error.reason or ""
    if "ALERT" in reason and any(word in reason for word in _ABOUT_OUR_CERTIFICATE):
        return Fault.CLIENT_CERTIFICATE
    return Fault.NETWORK


def words(error: OSError) -> str:
    """The text of an error, in short."""
    if isinstance(error, ssl.SSLError):
        return getattr(error, "verify_message", "") or error.reason or "TLS failed"
    return error.strerror or str(error) or type(error).__name__
