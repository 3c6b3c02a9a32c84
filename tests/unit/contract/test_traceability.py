"""Tests of which traceability parameters an endpoint requires."""

import pytest

from apientreprise_gateway.contract.traceability import required_of
from apientreprise_gateway.providers.entreprise import dgfip
from apientreprise_gateway.providers.entreprise.product import ENTREPRISE, PROVIDERS

ENDPOINTS = [endpoint for provider in PROVIDERS for endpoint in provider.endpoints]
THREE = ("context", "object", "recipient")
FOUR = (*THREE, "user_id")


@pytest.mark.parametrize("endpoint", ENDPOINTS, ids=lambda endpoint: endpoint.operation)
def test_required_of_every_endpoint(endpoint: object) -> None:
    """The DGFIP's endpoints require `user_id` where the deployment wants it, the others never do."""
    (found,) = [each for each in ENDPOINTS if each is endpoint]
    rule = ENTREPRISE.version_of(found).traceability
    of_dgfip = found in dgfip.PROVIDER.endpoints
    assert required_of(found, rule, user_id_required=True) == (FOUR if of_dgfip else THREE)
    assert required_of(found, rule, user_id_required=False) == THREE
