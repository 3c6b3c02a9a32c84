"""The components and their ids."""

import pytest

from apientreprise_gateway.providers.products import PRODUCTS
from apientreprise_gateway.status.components import Kind, components_of
from support.status import COMPONENTS


def test_there_is_one_for_each_source_with_the_name_that_pings_give() -> None:
    """Beside the two APIs and the account side."""
    pings = [ping.name for product in PRODUCTS for provider in product.providers for ping in provider.pings]
    assert [each.name for each in COMPONENTS if each.kind is Kind.SOURCE] == pings
    assert [each.id for each in COMPONENTS if each.kind is not Kind.SOURCE] == [
        "api-entreprise",
        "api-particulier",
        "compte",
    ]
    assert {each.id: each.promise for each in COMPONENTS[:2]} == {"api-entreprise": 0.995, "api-particulier": 0.95}


def test_ids_can_stand_in_addresses() -> None:
    """Letters, digits and hyphens, and no id twice."""
    assert all(each.id.replace("-", "").isalnum() and each.id == each.id.lower() for each in COMPONENTS)
    with pytest.raises(ValueError, match="two components"):
        components_of((*PRODUCTS, PRODUCTS[0]))
