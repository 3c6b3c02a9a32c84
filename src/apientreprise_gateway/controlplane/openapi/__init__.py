"""The OpenAPI 3.1 document of a product.

Everything in it is derived: endpoints and their parameters from the product, statuses, codes and error examples from
the tables of errors. What repeats is a component, written once. Texts are in French, for callers of the API.
"""

from apientreprise_gateway.controlplane.openapi.components import Json
from apientreprise_gateway.controlplane.openapi.document import document, own_operations
from apientreprise_gateway.controlplane.openapi.security import FRANCE_CONNECT
from apientreprise_gateway.controlplane.openapi.written import to_yaml

__all__ = ["FRANCE_CONNECT", "Json", "document", "own_operations", "to_yaml"]
