"""The traceability parameters: for whom, in which context and for what a call is made."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from apientreprise_gateway.contract.endpoint import Endpoint
from apientreprise_gateway.contract.errors import Refusal, gateway_error, refuse
from apientreprise_gateway.contract.identifiers import is_recipient
from apientreprise_gateway.contract.query import UNDECODABLE

CODES: Final = {"context": "00201", "object": "00202", "recipient": "00203", "user_id": "00204"}
"""The error of each parameter, in the order in which they are reported."""
NOT_A_SIRET: Final = "00210"
"""The error of a recipient that is no SIRET, where it has to be one."""


@dataclass(frozen=True, slots=True, kw_only=True)
class TraceabilityRule:
    """What the calls of a version have to say; `user_id` is asked for by single endpoints besides."""

    required: tuple[str, ...]
    """The parameters that every endpoint requires, in the order of `CODES`."""
    siret_recipient: bool
    """Whether `recipient`, which is then required, has to be a SIRET."""


def required_of(endpoint: Endpoint, rule: TraceabilityRule, *, user_id_required: bool) -> tuple[str, ...]:
    """The parameters that an endpoint requires."""
    return (*rule.required, "user_id") if endpoint.user_id and user_id_required else rule.required


def check(parameters: Mapping[str, str], *, required: tuple[str, ...], siret_recipient: bool) -> None:
    """Refuse a call whose traceability parameters are missing or blank.

    Args:
        parameters: the decoded query.
        required: their names, from `required_of`.
        siret_recipient: whether `recipient` must be a SIRET.

    Raises:
        Refusal: 422 with one error per missing parameter, else 00210 for a recipient that is no SIRET.
    """
    for name in required:
        value = parameters.get(name)
        if value is None or not value.strip() or UNDECODABLE in value:
            missing = (each for each in required if not _is_given(parameters.get(each)))
            raise Refusal(422, *(gateway_error(CODES[each]) for each in missing))
    if siret_recipient and not is_recipient(parameters["recipient"]):
        raise refuse(NOT_A_SIRET)


def _is_given(value: str | None) -> bool:
    return value is not None and UNDECODABLE not in value and bool(value.strip())
