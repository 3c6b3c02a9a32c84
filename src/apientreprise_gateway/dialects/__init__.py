"""Dialects: translations of providers' own APIs into the form of our contract."""

from collections.abc import Mapping
from types import MappingProxyType
from typing import Final

from apientreprise_gateway.dialects import sirene_3_11, vies
from apientreprise_gateway.upstream.source import Translation

DIALECTS: Final[Mapping[str, Mapping[str, Mapping[str, Translation]]]] = MappingProxyType(
    {
        "insee": {sirene_3_11.DIALECT: sirene_3_11.TRANSLATIONS},
        "european_commission": {vies.DIALECT: vies.TRANSLATIONS},
    }
)
"""The translations, by provider's key, dialect and operation."""
