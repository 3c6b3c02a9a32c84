"""INSEE: the Sirene directory of companies and their establishments.

Entities that object to the diffusion of their data are only on the paths without `diffusibles`.
"""

from collections.abc import Mapping
from types import MappingProxyType
from typing import Final

from apientreprise_gateway.contract.endpoint import Endpoint, Ping, Provider
from apientreprise_gateway.contract.errors import BAD_ANSWER, SpecificError
from apientreprise_gateway.contract.lifetime import HOUR
from apientreprise_gateway.contract.parameters import SIREN, SIRET, Parameter
from apientreprise_gateway.providers.entreprise.groups import JSON
from apientreprise_gateway.providers.entreprise.parameters import NON_DIFFUSABLES

_TAG: Final = "Informations générales"
_UNITES_LEGALES: Final = ("entreprises", "unites_legales_etablissements_insee")
_UNITES_LEGALES_DIFFUSIBLES: Final = ("entreprises", "open_data")
_ETABLISSEMENTS: Final = ("etablissements", "unites_legales_etablissements_insee")
_ETABLISSEMENTS_DIFFUSIBLES: Final = ("etablissements", "open_data")
_SEVERAL_HEAD_OFFICES: Final = "01501"

_ERRORS: Final[Mapping[str, SpecificError]] = MappingProxyType(
    {
        _SEVERAL_HEAD_OFFICES: SpecificError(BAD_ANSWER, "L'INSEE donne plusieurs sièges à cette unité légale."),
    }
)

PROVIDER: Final = Provider(
    key="insee",
    name="INSEE",
    prefix="01",
    # Sirene answers 403 for an entity whose data may not be diffused.
    statuses={403: "005", 451: "005"},
    endpoints=(
        Endpoint(
            operation="api_entreprise_v4_insee_unites_legales",
            path="/v4/insee/sirene/unites_legales/{siren}",
            summary="Identité et situation d'une unité légale au répertoire Sirene",
            tag=_TAG,
            scopes=_UNITES_LEGALES,
            parameters=(Parameter("siren", SIREN),),
            group=JSON,
            cache=HOUR,
        ),
        Endpoint(
            operation="api_entreprise_v3_insee_unites_legales",
            path="/v3/insee/sirene/unites_legales/{siren}",
            summary="Identité et situation d'une unité légale au répertoire Sirene",
            tag=_TAG,
            scopes=_UNITES_LEGALES,
            parameters=(Parameter("siren", SIREN),),
            group=JSON,
            cache=HOUR,
            deprecated=True,
        ),
        Endpoint(
            operation="api_entreprise_v4_insee_unites_legales_diffusables",
            path="/v4/insee/sirene/unites_legales/diffusibles/{siren}",
            summary="Unité légale au répertoire Sirene, si elle ne s'oppose pas à sa diffusion",
            tag=_TAG,
            scopes=_UNITES_LEGALES_DIFFUSIBLES,
            parameters=(Parameter("siren", SIREN),),
            group=JSON,
            cache=HOUR,
        ),
        Endpoint(
            operation="api_entreprise_v3_insee_unites_legales_diffusables",
            path="/v3/insee/sirene/unites_legales/diffusibles/{siren}",
            summary="Unité légale au répertoire Sirene, si elle ne s'oppose pas à sa diffusion",
            tag=_TAG,
            scopes=_UNITES_LEGALES_DIFFUSIBLES,
            parameters=(Parameter("siren", SIREN),),
            group=JSON,
            cache=HOUR,
            deprecated=True,
        ),
        Endpoint(
            operation="api_entreprise_v4_insee_sieges_unites_legales",
            path="/v4/insee/sirene/unites_legales/{siren}/siege_social",
            summary="Établissement siège d'une unité légale",
            tag=_TAG,
            scopes=_ETABLISSEMENTS,
            parameters=(Parameter("siren", SIREN),),
            group=JSON,
            codes={502: (_SEVERAL_HEAD_OFFICES,)},
            cache=HOUR,
        ),
        Endpoint(
            operation="api_entreprise_v3_insee_sieges_unites_legales",
            path="/v3/insee/sirene/unites_legales/{siren}/siege_social",
            summary="Établissement siège d'une unité légale",
            tag=_TAG,
            scopes=_ETABLISSEMENTS,
            parameters=(Parameter("siren", SIREN),),
            group=JSON,
            codes={502: (_SEVERAL_HEAD_OFFICES,)},
            cache=HOUR,
            deprecated=True,
        ),
        Endpoint(
            operation="api_entreprise_v4_insee_sieges_diffusables_unites_legales",
            path="/v4/insee/sirene/unites_legales/diffusibles/{siren}/siege_social",
            summary="Établissement siège d'une unité légale qui ne s'oppose pas à sa diffusion",
            tag=_TAG,
            scopes=_ETABLISSEMENTS_DIFFUSIBLES,
            parameters=(Parameter("siren", SIREN),),
            group=JSON,
            codes={502: (_SEVERAL_HEAD_OFFICES,)},
            cache=HOUR,
        ),
        Endpoint(
            operation="api_entreprise_v3_insee_sieges_diffusables_unites_legales",
            path="/v3/insee/sirene/unites_legales/diffusibles/{siren}/siege_social",
            summary="Établissement siège d'une unité légale qui ne s'oppose pas à sa diffusion",
            tag=_TAG,
            scopes=_ETABLISSEMENTS_DIFFUSIBLES,
            parameters=(Parameter("siren", SIREN),),
            group=JSON,
            codes={502: (_SEVERAL_HEAD_OFFICES,)},
            cache=HOUR,
            deprecated=True,
        ),
        Endpoint(
            operation="api_entreprise_v4_insee_etablissements",
            path="/v4/insee/sirene/etablissements/{siret}",
            summary="Établissement au répertoire Sirene, avec son adresse et son unité légale",
            tag=_TAG,
            scopes=_ETABLISSEMENTS,
            parameters=(Parameter("siret", SIRET),),
            group=JSON,
            cache=HOUR,
        ),
        Endpoint(
            operation="api_entreprise_v3_insee_etablissements",
            path="/v3/insee/sirene/etablissements/{siret}",
            summary="Établissement au répertoire Sirene, avec son adresse et son unité légale",
            tag=_TAG,
            scopes=_ETABLISSEMENTS,
            parameters=(Parameter("siret", SIRET),),
            group=JSON,
            cache=HOUR,
            deprecated=True,
        ),
        Endpoint(
            operation="api_entreprise_v4_insee_etablissements_diffusables",
            path="/v4/insee/sirene/etablissements/diffusibles/{siret}",
            summary="Établissement au répertoire Sirene, s'il ne s'oppose pas à sa diffusion",
            tag=_TAG,
            scopes=_ETABLISSEMENTS_DIFFUSIBLES,
            parameters=(Parameter("siret", SIRET),),
            group=JSON,
            cache=HOUR,
        ),
        Endpoint(
            operation="api_entreprise_v3_insee_etablissements_diffusables",
            path="/v3/insee/sirene/etablissements/diffusibles/{siret}",
            summary="Établissement au répertoire Sirene, s'il ne s'oppose pas à sa diffusion",
            tag=_TAG,
            scopes=_ETABLISSEMENTS_DIFFUSIBLES,
            parameters=(Parameter("siret", SIRET),),
            group=JSON,
            cache=HOUR,
            deprecated=True,
        ),
        Endpoint(
            operation="api_entreprise_v3_insee_adresses_etablissements",
            path="/v3/insee/sirene/etablissements/{siret}/adresse",
            summary="Adresse d'un établissement",
            tag=_TAG,
            scopes=_ETABLISSEMENTS,
            parameters=(Parameter("siret", SIRET),),
            group=JSON,
            cache=HOUR,
        ),
        Endpoint(
            operation="api_entreprise_v3_insee_adresses_etablissements_diffusables",
            path="/v3/insee/sirene/etablissements/diffusibles/{siret}/adresse",
            summary="Adresse d'un établissement qui ne s'oppose pas à sa diffusion",
            tag=_TAG,
            scopes=_ETABLISSEMENTS_DIFFUSIBLES,
            parameters=(Parameter("siret", SIRET),),
            group=JSON,
            cache=HOUR,
        ),
        Endpoint(
            operation="api_entreprise_v3_insee_successions",
            path="/v3/insee/sirene/etablissements/{siret}/successions",
            summary="Établissements qui ont précédé un établissement, et qui lui succèdent",
            tag=_TAG,
            scopes=_ETABLISSEMENTS_DIFFUSIBLES,
            parameters=(Parameter("siret", SIRET),),
            group=JSON,
            cache=HOUR,
        ),
        Endpoint(
            operation="api_entreprise_v2_entreprises_restored",
            path="/v2/entreprises/{siren}",
            summary="Entreprise, ses mandataires sociaux et l'établissement de son siège",
            tag=_TAG,
            scopes=_UNITES_LEGALES,
            parameters=(Parameter("siren", SIREN),),
            query=(Parameter("non_diffusables", NON_DIFFUSABLES),),
            group=JSON,
            redirects=True,
            gateway_error=True,
            codes={502: (_SEVERAL_HEAD_OFFICES,)},
            deprecated=True,
        ),
        Endpoint(
            operation="api_entreprise_v2_etablissements_restored",
            path="/v2/etablissements/{siret}",
            summary="Établissement, son adresse et son activité",
            tag=_TAG,
            scopes=_ETABLISSEMENTS,
            parameters=(Parameter("siret", SIRET),),
            query=(Parameter("non_diffusables", NON_DIFFUSABLES),),
            group=JSON,
            redirects=True,
            gateway_error=True,
            codes={502: (_SEVERAL_HEAD_OFFICES,)},
            deprecated=True,
        ),
    ),
    errors=_ERRORS,
    pings=(
        Ping(
            key="insee/sirene",
            name="INSEE - Sirene",
            probe="api_entreprise_v4_insee_etablissements",
            cache_seconds=120,
            answers=("01501",),
        ),
    ),
)
