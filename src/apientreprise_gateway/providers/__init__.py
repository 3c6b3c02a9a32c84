"""The providers: one file each, listed here."""

from typing import Final

from apientreprise_gateway.catalogue.model import Provider
from apientreprise_gateway.providers import agefiph, dgfip, gip_mds, infogreffe, inpi, insee, mi, urssaf

PROVIDERS: Final[tuple[Provider, ...]] = (
    insee.PROVIDER,
    infogreffe.PROVIDER,
    dgfip.PROVIDER,
    urssaf.PROVIDER,
    agefiph.PROVIDER,
    mi.PROVIDER,
    gip_mds.PROVIDER,
    inpi.PROVIDER,
)
"""Every provider of the catalogue, by code prefix."""
