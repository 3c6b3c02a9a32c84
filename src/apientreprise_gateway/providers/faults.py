"""What can go wrong with a call to a provider."""

from enum import Enum


class Fault(Enum):
    """A kind of failure."""

    TIMEOUT = "the whole answer did not come within the deadline"
    BUSY = "as many calls as allowed are under way"
    REFUSED = "the connection was refused"
    NAME = "the name could not be resolved"
    CERTIFICATE = "the certificate is not valid"
    CLIENT_CERTIFICATE = "the server refuses our certificate, or wants one and we have none"
    NETWORK = "the connection broke, or could not be made"
    NOT_HTTP = "what came back is not HTTP"
    TOO_LARGE = "the body is larger than allowed"
    ENCODED = "the body is compressed, which was not asked for"


class CallError(Exception):
    """A call got no usable answer; the text says why, without a secret."""

    def __init__(self, fault: Fault, detail: str = "", *, unanswered: bool = False) -> None:
        super().__init__(f"{fault.value}: {detail}" if detail else fault.value)
        self.fault = fault
        self.unanswered = unanswered
        """Whether the connection was closed before the first byte of an answer."""
