"""What the settings say of the catalogue."""

from apientreprise_gateway.catalogue.document import Terms
from apientreprise_gateway.gateway.components.calls import pipeline_options
from apientreprise_gateway.gateway.settings import Settings
from apientreprise_gateway.providers.product import Product


def terms_of(settings: Settings, products: tuple[Product, ...]) -> Terms:
    """The limits of these products, and whether `user_id` has to be given."""
    names = {group.limit.setting for product in products for group in product.groups}
    return Terms({name: settings.limit(name) for name in names}, pipeline_options(settings).user_id_required)
