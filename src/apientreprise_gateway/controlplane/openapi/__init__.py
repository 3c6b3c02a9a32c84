"""The OpenAPI 3.1 document of a product.

Everything in it is derived: endpoints and their parameters from the product, statuses, codes and error examples from
the tables of errors. What repeats is a component, written once. Texts are in French, for callers of the API.
"""

from apientreprise_gateway.controlplane.openapi.document import document
from apientreprise_gateway.controlplane.openapi.security import BEARER, OWN_HEADER
from apientreprise_gateway.controlplane.openapi.written import to_yaml

__all__ = ["BEARER", "OWN_HEADER", "document", "to_yaml"]
