"""The answers to calls that are refused."""

from typing import Final

from apientreprise_gateway.contract.errors import Refusal, is_flagged, render
from apientreprise_gateway.contract.routes import version_of
from apientreprise_gateway.dataplane.call import Call, head_lines
from apientreprise_gateway.net.header_lines import lines_of

Answered = tuple[int, bytes, bytes]
"""Status, body and header lines of what goes out as an answer."""
_LATEST_SHAPE: Final = 3
"""The version whose error bodies a path without a version gets."""


def refused(call: Call, refusal: Refusal) -> Answered:
    """What goes out to a call that is refused; the codes of its errors are noted in the call."""
    call.codes = tuple(error.code for error in refusal.errors)
    flagged = call.plan is not None and call.plan.route.endpoint.gateway_error and is_flagged(refusal)
    version = version_of(call.scope["raw_path"]) or _LATEST_SHAPE
    body = render(refusal.errors, version=version, gateway_error=flagged)
    return refusal.status, body, head_lines(call) + lines_of(refusal.headers)
