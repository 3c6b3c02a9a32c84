"""How the providers of API Particulier write down what their scopes show."""

from collections.abc import Mapping
from typing import Final

from apientreprise_gateway.contract.masks import MaskRules, Needs

DATA: Final = "data."
"""What paths of fields begin with from v3 on; those of v2 begin with the field."""


def shown(fields: Mapping[str, str], start: str = DATA) -> MaskRules:
    """Rules by which each field needs one scope.

    Args:
        fields: the scope by the path of the field.
        start: what all paths begin with.
    """
    return MaskRules(fields={start + path: needed(scope) for path, scope in fields.items()})


def needed(*scopes: str) -> Needs:
    """One of these scopes is needed."""
    return Needs(any_of=frozenset(scopes))
