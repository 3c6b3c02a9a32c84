"""The providers: one file each, listed here."""

from collections.abc import Mapping
from types import MappingProxyType
from typing import Final

from apientreprise_gateway.catalogue.model import Provider
from apientreprise_gateway.providers import (
    ademe,
    agefiph,
    agence_bio,
    banque_de_france,
    carif_oref,
    cibtp,
    cma_france,
    cnetp,
    data_subvention,
    dgddi,
    dgfip,
    dgfip_tva,
    djepva,
    european_commission,
    fabrique_numerique,
    fntp,
    gip_mds,
    infogreffe,
    inpi,
    inpi_rne,
    insee,
    mi,
    msa,
    opqibi,
    probtp,
    qualibat,
    qualifelec,
    rna,
    sirene,
    urssaf,
    vies,
)
from apientreprise_gateway.providers.source import Translation

PROVIDERS: Final[tuple[Provider, ...]] = (
    insee.PROVIDER,
    infogreffe.PROVIDER,
    dgfip.PROVIDER,
    urssaf.PROVIDER,
    inpi.PROVIDER,
    qualibat.PROVIDER,
    rna.PROVIDER,
    cnetp.PROVIDER,
    probtp.PROVIDER,
    msa.PROVIDER,
    opqibi.PROVIDER,
    fntp.PROVIDER,
    agefiph.PROVIDER,
    fabrique_numerique.PROVIDER,
    cma_france.PROVIDER,
    dgddi.PROVIDER,
    banque_de_france.PROVIDER,
    agence_bio.PROVIDER,
    ademe.PROVIDER,
    mi.PROVIDER,
    european_commission.PROVIDER,
    djepva.PROVIDER,
    gip_mds.PROVIDER,
    qualifelec.PROVIDER,
    carif_oref.PROVIDER,
    inpi_rne.PROVIDER,
    cibtp.PROVIDER,
    dgfip_tva.PROVIDER,
    data_subvention.PROVIDER,
)
"""Every provider of the catalogue, by code prefix."""

DIALECTS: Final[Mapping[str, Mapping[str, Mapping[str, Translation]]]] = MappingProxyType(
    {
        insee.PROVIDER.key: {sirene.DIALECT: sirene.TRANSLATIONS},
        european_commission.PROVIDER.key: {vies.DIALECT: vies.TRANSLATIONS},
    }
)
"""The languages that providers speak besides our own form: by provider's key, dialect and operation."""
