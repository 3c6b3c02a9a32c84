"""Translations from the APIs of providers into our own form, for providers that do not answer in it."""

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
"""The languages that providers speak besides our own form: by provider's key, dialect and operation."""
