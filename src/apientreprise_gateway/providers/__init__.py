"""The providers: one file each, listed here."""

from collections.abc import Mapping
from types import MappingProxyType
from typing import Final

from apientreprise_gateway.contract.endpoint import Provider
from apientreprise_gateway.dialects import sirene_3_11, vies
from apientreprise_gateway.providers.entreprise import (
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
    urssaf,
)
from apientreprise_gateway.upstream.source import Translation

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
        insee.PROVIDER.key: {sirene_3_11.DIALECT: sirene_3_11.TRANSLATIONS},
        european_commission.PROVIDER.key: {vies.DIALECT: vies.TRANSLATIONS},
    }
)
"""The languages that providers speak besides our own form: by provider's key, dialect and operation."""
