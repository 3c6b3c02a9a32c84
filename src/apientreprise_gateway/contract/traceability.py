"""The traceability parameters: for whom, in which context and for what a call is made."""

from dataclasses import dataclass
from typing import Final

from apientreprise_gateway.contract.endpoint import Endpoint

CODES: Final = {"context": "00201", "object": "00202", "recipient": "00203", "user_id": "00204"}
"""The error of each parameter, in the order in which they are reported."""
NOT_A_SIRET: Final = "00210"
"""The error of a recipient that is no SIRET, where it has to be one."""


@dataclass(frozen=True, slots=True, kw_only=True)
class TraceabilityRule:
    """The traceability parameters that a version requires; single endpoints may require `user_id` besides."""

    required: tuple[str, ...]
    """The parameters that every endpoint requires, in the order of `CODES`."""
    siret_recipient: bool
    """Whether `recipient` has to be a SIRET, wherever it is given."""
    known: tuple[str, ...] = tuple(CODES)
    """The parameters that are read and logged. Others are not: they may hold anything, a person's name as well."""


def required_of(endpoint: Endpoint, rule: TraceabilityRule, *, user_id_required: bool) -> tuple[str, ...]:
    """The parameters that an endpoint requires."""
    return (*rule.required, "user_id") if endpoint.user_id and user_id_required else rule.required
