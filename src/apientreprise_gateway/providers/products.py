"""The list of all products, kept here and nowhere else."""

from typing import Final

from apientreprise_gateway.providers.entreprise.product import ENTREPRISE
from apientreprise_gateway.providers.particulier.product import PARTICULIER
from apientreprise_gateway.providers.product import Product

PRODUCTS: Final[tuple[Product, ...]] = (ENTREPRISE, PARTICULIER)
