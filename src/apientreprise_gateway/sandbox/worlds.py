"""The fictive worlds of products, kept here and nowhere else."""

from apientreprise_gateway.providers.product import Product
from apientreprise_gateway.sandbox.entreprise.world import EntityWorld
from apientreprise_gateway.sandbox.particulier.world import PersonWorld
from apientreprise_gateway.sandbox.world import Options, World


def world_of(product: Product, options: Options) -> World:
    """The fictive world of a product: of persons if its calls are about persons, else of companies."""
    persons = any(endpoint.person for endpoint in product.endpoints)
    return PersonWorld(product) if persons else EntityWorld(product, options)
