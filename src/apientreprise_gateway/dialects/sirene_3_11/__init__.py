"""The dialect of INSEE: translations of its operations to and from API Sirene 3.11.

The provider's address must be that of the API with its version, such as `https://api.insee.fr/api-sirene/3.11`. Module
`api` makes the calls; the other modules translate the objects in the answers. `docs/adr/0011-translations.md` says what
Sirene does not know and what is answered instead.
"""

from collections.abc import Mapping
from types import MappingProxyType
from typing import Final

from apientreprise_gateway.dialects.sirene_3_11 import operations
from apientreprise_gateway.upstream.source import Translation

DIALECT: Final = "sirene-3.11"

TRANSLATIONS: Final[Mapping[str, Translation]] = MappingProxyType(
    {
        "api_entreprise_v4_insee_unites_legales": operations.unite_legale(4),
        "api_entreprise_v3_insee_unites_legales": operations.unite_legale(3),
        "api_entreprise_v4_insee_unites_legales_diffusables": operations.unite_legale(4, public=True),
        "api_entreprise_v3_insee_unites_legales_diffusables": operations.unite_legale(3, public=True),
        "api_entreprise_v4_insee_sieges_unites_legales": operations.siege(4),
        "api_entreprise_v3_insee_sieges_unites_legales": operations.siege(3),
        "api_entreprise_v4_insee_sieges_diffusables_unites_legales": operations.siege(4, public=True),
        "api_entreprise_v3_insee_sieges_diffusables_unites_legales": operations.siege(3, public=True),
        "api_entreprise_v4_insee_etablissements": operations.etablissement(4),
        "api_entreprise_v3_insee_etablissements": operations.etablissement(3),
        "api_entreprise_v4_insee_etablissements_diffusables": operations.etablissement(4, public=True),
        "api_entreprise_v3_insee_etablissements_diffusables": operations.etablissement(3, public=True),
        "api_entreprise_v3_insee_adresses_etablissements": operations.adresse(),
        "api_entreprise_v3_insee_adresses_etablissements_diffusables": operations.adresse(public=True),
        "api_entreprise_v3_insee_successions": operations.successions(),
        "api_entreprise_v2_entreprises_restored": operations.entreprise_v2(),
        "api_entreprise_v2_etablissements_restored": operations.etablissement_v2(),
    }
)
"""The translation of each operation."""
