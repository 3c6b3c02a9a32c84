"""Makes the answers to refused calls, in the error form of the call's product and version."""

from apientreprise_gateway.contract.errors import Refusal
from apientreprise_gateway.dataplane.call import Call, head_lines
from apientreprise_gateway.net.header_lines import lines_of
from apientreprise_gateway.providers.product import Versions

Answered = tuple[int, bytes, bytes]
"""Status, body and header lines of an answer."""


class Refusals:
    """Makes the answers to refused calls."""

    def __init__(self, versions: Versions) -> None:
        """Configure it; `versions` find the version of a call whose endpoint is unknown."""
        self.versions = versions

    def __call__(self, call: Call, refusal: Refusal) -> Answered:
        """The answer to a refused call; the codes of the errors are stored in the call."""
        call.codes = tuple(error.code for error in refusal.errors)
        plan = call.plan
        if plan is None:
            _, version = self.versions.of(call.scope["raw_path"])
            status, body = version.errors.render(refusal, None)
        else:
            status, body = plan.errors.render(refusal, plan.route.endpoint)
        return status, body, head_lines(call) + lines_of(refusal.headers)
