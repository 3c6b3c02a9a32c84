"""Tests of the answers that tell of errors, where a form answers at other statuses than those of the errors."""

from typing import Any

import pytest

from apientreprise_gateway.contract.endpoint import Endpoint, Provider
from apientreprise_gateway.controlplane.openapi.components import Components
from apientreprise_gateway.controlplane.openapi.failures import failures_of
from apientreprise_gateway.providers.particulier.product import PARTICULIER

COMPONENTS = Components(calls="")
FLAT = [
    pytest.param(endpoint, provider, id=endpoint.operation)
    for provider in PARTICULIER.providers
    for endpoint in provider.endpoints
    if endpoint.flat
]


def examples_of(endpoint: Endpoint, provider: Provider) -> dict[str, dict[str, Any]]:
    """The examples of each status, by what they are called."""
    found = {}
    for status, reference in failures_of(endpoint, provider, PARTICULIER, COMPONENTS).items():
        response = COMPONENTS.sections["responses"][reference["$ref"].rpartition("/")[2]]
        (content,) = response["content"].values()
        found[status] = content["examples"]
    return found


@pytest.mark.parametrize(("endpoint", "provider"), FLAT)
def test_errors_are_under_the_status_that_is_answered(endpoint: Endpoint, provider: Provider) -> None:
    """Errors of different statuses that a form answers at one are told together, and none is lost."""
    found = examples_of(endpoint, provider)
    assert "422" not in found
    assert "00210" in found["400"]
    assert found["401"].keys() >= {"00100", "00101", "00103", "00105"}
    assert provider.prefix + "003" in found["404"]
    by_token = {"51004"} if endpoint.person and endpoint.person.france_connect else set()
    assert found["502"].keys() == {"00501", provider.prefix + "004", *by_token}
    assert found["401"].keys() >= ({"50001", "50002", "50003"} if by_token else set())
    assert found["503"].keys() >= {provider.prefix + subcode for subcode in ("000", "001", "006", "008", "020", "999")}
    assert "00500" in found["500"]


@pytest.mark.parametrize(("endpoint", "provider"), FLAT)
def test_answers_are_named_by_what_is_asked(endpoint: Endpoint, provider: Provider) -> None:
    """What may be wrong with a call is told by family: no two families share an answer."""
    assert endpoint.person is not None
    reference = failures_of(endpoint, provider, PARTICULIER, COMPONENTS)["400"]["$ref"]
    assert f"/400-{endpoint.person.family}-" in reference
