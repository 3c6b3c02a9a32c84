"""Reads what somebody who wants a test token asks for."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any, Final
from urllib.parse import parse_qs

import orjson

from apientreprise_gateway.providers.product import Product

LONGEST: Final = 32 * 1024
"""Bytes that an order may have: all scopes of all products fit."""
_MOST_FIELDS: Final = 1000
_FORM: Final = "application/x-www-form-urlencoded"
_JSON: Final = "application/json"
_UNREADABLE: Final = f"Le corps doit être un objet JSON ({_JSON}) ou un formulaire ({_FORM}), en UTF-8."


class WrongOrderError(Exception):
    """An order that cannot be met; the text says why, in French, and repeats nothing that was sent."""

    def __init__(self, why: str, *, parameter: str = "") -> None:
        super().__init__(why)
        self.parameter = parameter
        """What is wrong; empty for the whole."""


@dataclass(frozen=True, slots=True)
class Order:
    """A token that somebody wants."""

    products: tuple[Product, ...]
    """The products whose scopes it may have."""
    scopes: tuple[str, ...]


def read_order(body: bytes, content_type: str, products: tuple[Product, ...]) -> Order:
    """Read an order; one without product is for all, one without scopes for every scope.

    Args:
        body: of the request.
        content_type: the header.
        products: those that there are.

    Raises:
        WrongOrderError: it cannot be met.
    """
    fields = _fields(body, content_type.partition(";")[0].strip().lower())
    chosen = _products(fields.get("product"), products)
    offered = {scope for product in chosen for scope in product.scopes}
    wanted = _scopes(fields.get("scopes"))
    if not offered.issuperset(wanted):
        whose = "de ce produit" if len(chosen) == 1 else "d'un produit"
        raise WrongOrderError(f"Le paramètre scopes nomme un droit qui n'est pas {whose}.", parameter="scopes")
    return Order(chosen, tuple(sorted(set(wanted) or offered)))


def _fields(body: bytes, kind: str) -> Mapping[str, Any]:
    if not body.strip():
        return {}
    if kind == _FORM:
        return _form(body)
    if kind not in {"", _JSON}:
        raise WrongOrderError(_UNREADABLE)
    try:
        found = orjson.loads(body)
    except orjson.JSONDecodeError:
        raise WrongOrderError(_UNREADABLE) from None
    if not isinstance(found, dict):
        raise WrongOrderError(_UNREADABLE)
    return found


def _form(body: bytes) -> Mapping[str, Any]:
    try:
        given = parse_qs(body.decode(), errors="strict", max_num_fields=_MOST_FIELDS)
    except ValueError:  # not UTF-8, or too many fields
        raise WrongOrderError(_UNREADABLE) from None
    return {name: values if name == "scopes" else values[-1] for name, values in given.items()}


def _products(name: Any, products: tuple[Product, ...]) -> tuple[Product, ...]:
    if name is None or name == "":
        return products
    found = tuple(product for product in products if name in (product.key, product.name))
    if not found:
        known = ", ".join(product.key for product in products)
        raise WrongOrderError(f"Le paramètre product doit être l'un de : {known}.", parameter="product")
    return found


def _scopes(given: Any) -> list[str]:
    """The scopes that are named: a list, or one text that has them between spaces or commas."""
    if given is None:
        return []
    texts: Iterable[Any] = given if isinstance(given, list) else [given]
    found = []
    for text in texts:
        if not isinstance(text, str):
            raise WrongOrderError("Le paramètre scopes doit être une liste de noms de droits.", parameter="scopes")
        found += text.replace(",", " ").split()
    return found
