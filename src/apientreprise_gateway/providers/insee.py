"""INSEE: the Sirene directory of companies and their establishments.

Its entities that object to the diffusion of their data are on the paths without `diffusibles` only.
"""

from typing import Final

from apientreprise_gateway.catalogue.model import NON_DIFFUSABLES, SIREN, SIRET, Endpoint, Parameter, Provider

_TAG: Final = "Informations générales"
_UNITES_LEGALES: Final = ("entreprises", "unites_legales_etablissements_insee")
_UNITES_LEGALES_DIFFUSIBLES: Final = ("entreprises", "open_data")
_ETABLISSEMENTS: Final = ("etablissements", "unites_legales_etablissements_insee")
_ETABLISSEMENTS_DIFFUSIBLES: Final = ("etablissements", "open_data")

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
        ),
        Endpoint(
            operation="api_entreprise_v3_insee_unites_legales",
            path="/v3/insee/sirene/unites_legales/{siren}",
            summary="Identité et situation d'une unité légale au répertoire Sirene",
            tag=_TAG,
            scopes=_UNITES_LEGALES,
            parameters=(Parameter("siren", SIREN),),
            deprecated=True,
        ),
        Endpoint(
            operation="api_entreprise_v4_insee_unites_legales_diffusables",
            path="/v4/insee/sirene/unites_legales/diffusibles/{siren}",
            summary="Unité légale au répertoire Sirene, si elle ne s'oppose pas à sa diffusion",
            tag=_TAG,
            scopes=_UNITES_LEGALES_DIFFUSIBLES,
            parameters=(Parameter("siren", SIREN),),
        ),
        Endpoint(
            operation="api_entreprise_v3_insee_unites_legales_diffusables",
            path="/v3/insee/sirene/unites_legales/diffusibles/{siren}",
            summary="Unité légale au répertoire Sirene, si elle ne s'oppose pas à sa diffusion",
            tag=_TAG,
            scopes=_UNITES_LEGALES_DIFFUSIBLES,
            parameters=(Parameter("siren", SIREN),),
            deprecated=True,
        ),
        Endpoint(
            operation="api_entreprise_v4_insee_sieges_unites_legales",
            path="/v4/insee/sirene/unites_legales/{siren}/siege_social",
            summary="Établissement siège d'une unité légale",
            tag=_TAG,
            scopes=_ETABLISSEMENTS,
            parameters=(Parameter("siren", SIREN),),
        ),
        Endpoint(
            operation="api_entreprise_v3_insee_sieges_unites_legales",
            path="/v3/insee/sirene/unites_legales/{siren}/siege_social",
            summary="Établissement siège d'une unité légale",
            tag=_TAG,
            scopes=_ETABLISSEMENTS,
            parameters=(Parameter("siren", SIREN),),
            deprecated=True,
        ),
        Endpoint(
            operation="api_entreprise_v4_insee_sieges_diffusables_unites_legales",
            path="/v4/insee/sirene/unites_legales/diffusibles/{siren}/siege_social",
            summary="Établissement siège d'une unité légale qui ne s'oppose pas à sa diffusion",
            tag=_TAG,
            scopes=_ETABLISSEMENTS_DIFFUSIBLES,
            parameters=(Parameter("siren", SIREN),),
        ),
        Endpoint(
            operation="api_entreprise_v3_insee_sieges_diffusables_unites_legales",
            path="/v3/insee/sirene/unites_legales/diffusibles/{siren}/siege_social",
            summary="Établissement siège d'une unité légale qui ne s'oppose pas à sa diffusion",
            tag=_TAG,
            scopes=_ETABLISSEMENTS_DIFFUSIBLES,
            parameters=(Parameter("siren", SIREN),),
            deprecated=True,
        ),
        Endpoint(
            operation="api_entreprise_v4_insee_etablissements",
            path="/v4/insee/sirene/etablissements/{siret}",
            summary="Établissement au répertoire Sirene, avec son adresse et son unité légale",
            tag=_TAG,
            scopes=_ETABLISSEMENTS,
            parameters=(Parameter("siret", SIRET),),
        ),
        Endpoint(
            operation="api_entreprise_v3_insee_etablissements",
            path="/v3/insee/sirene/etablissements/{siret}",
            summary="Établissement au répertoire Sirene, avec son adresse et son unité légale",
            tag=_TAG,
            scopes=_ETABLISSEMENTS,
            parameters=(Parameter("siret", SIRET),),
            deprecated=True,
        ),
        Endpoint(
            operation="api_entreprise_v4_insee_etablissements_diffusables",
            path="/v4/insee/sirene/etablissements/diffusibles/{siret}",
            summary="Établissement au répertoire Sirene, s'il ne s'oppose pas à sa diffusion",
            tag=_TAG,
            scopes=_ETABLISSEMENTS_DIFFUSIBLES,
            parameters=(Parameter("siret", SIRET),),
        ),
        Endpoint(
            operation="api_entreprise_v3_insee_etablissements_diffusables",
            path="/v3/insee/sirene/etablissements/diffusibles/{siret}",
            summary="Établissement au répertoire Sirene, s'il ne s'oppose pas à sa diffusion",
            tag=_TAG,
            scopes=_ETABLISSEMENTS_DIFFUSIBLES,
            parameters=(Parameter("siret", SIRET),),
            deprecated=True,
        ),
        Endpoint(
            operation="api_entreprise_v3_insee_adresses_etablissements",
            path="/v3/insee/sirene/etablissements/{siret}/adresse",
            summary="Adresse d'un établissement",
            tag=_TAG,
            scopes=_ETABLISSEMENTS,
            parameters=(Parameter("siret", SIRET),),
        ),
        Endpoint(
            operation="api_entreprise_v3_insee_adresses_etablissements_diffusables",
            path="/v3/insee/sirene/etablissements/diffusibles/{siret}/adresse",
            summary="Adresse d'un établissement qui ne s'oppose pas à sa diffusion",
            tag=_TAG,
            scopes=_ETABLISSEMENTS_DIFFUSIBLES,
            parameters=(Parameter("siret", SIRET),),
        ),
        Endpoint(
            operation="api_entreprise_v3_insee_successions",
            path="/v3/insee/sirene/etablissements/{siret}/successions",
            summary="Établissements qui ont précédé un établissement, et qui lui succèdent",
            tag=_TAG,
            scopes=_ETABLISSEMENTS_DIFFUSIBLES,
            parameters=(Parameter("siret", SIRET),),
        ),
        Endpoint(
            operation="api_entreprise_v2_entreprises_restored",
            path="/v2/entreprises/{siren}",
            summary="Entreprise, ses mandataires sociaux et l'établissement de son siège",
            tag=_TAG,
            scopes=_UNITES_LEGALES,
            parameters=(Parameter("siren", SIREN),),
            query=(Parameter("non_diffusables", NON_DIFFUSABLES),),
            redirects=True,
            gateway_error=True,
            codes={502: ("01501",)},
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
            redirects=True,
            gateway_error=True,
            codes={502: ("01501",)},
            deprecated=True,
        ),
    ),
)
