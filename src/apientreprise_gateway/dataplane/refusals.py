"""The answers to calls that are refused."""

from apientreprise_gateway.contract.errors import Refusal
from apientreprise_gateway.dataplane.call import Call, head_lines
from apientreprise_gateway.net.header_lines import lines_of
from apientreprise_gateway.providers.product import Versions

Answered = tuple[int, bytes, bytes]
"""Status, body and header lines of what goes out as an answer."""


class Refusals:
    """What goes out to calls that are refused."""

    def __init__(self, versions: Versions) -> None:
        """Take what tells the version of a call whose endpoint is not known."""
        self.versions = versions

    def __call__(self, call: Call, refusal: Refusal) -> Answered:
        """What goes out to a call; the codes of its errors are noted in it."""
        call.codes = tuple(error.code for error in refusal.errors)
        plan = call.plan
        if plan is None:
            _, version = self.versions.of(call.scope["raw_path"])
            status, body = version.errors.render(refusal, None)
        else:
            status, body = plan.errors.render(refusal, plan.route.endpoint)
        return status, body, head_lines(call) + lines_of(refusal.headers)
