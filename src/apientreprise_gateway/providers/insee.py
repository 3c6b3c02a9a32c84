"""INSEE: the Sirene directory of companies and their establishments."""

from typing import Final

from apientreprise_gateway.catalogue.model import NON_DIFFUSABLES, SIREN, SIRET, Endpoint, Parameter, Provider

_TAG: Final = "Informations générales"
_UNITES_LEGALES_SCOPES: Final = ("entreprises", "unites_legales_etablissements_insee")
_ETABLISSEMENTS_SCOPES: Final = ("etablissements", "unites_legales_etablissements_insee")

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
            scopes=_UNITES_LEGALES_SCOPES,
            parameters=(Parameter("siren", SIREN),),
        ),
        Endpoint(
            operation="api_entreprise_v3_insee_unites_legales",
            path="/v3/insee/sirene/unites_legales/{siren}",
            summary="Identité et situation d'une unité légale au répertoire Sirene",
            tag=_TAG,
            scopes=_UNITES_LEGALES_SCOPES,
            parameters=(Parameter("siren", SIREN),),
            deprecated=True,
        ),
        Endpoint(
            operation="api_entreprise_v4_insee_etablissements",
            path="/v4/insee/sirene/etablissements/{siret}",
            summary="Établissement au répertoire Sirene, avec son adresse et son unité légale",
            tag=_TAG,
            scopes=_ETABLISSEMENTS_SCOPES,
            parameters=(Parameter("siret", SIRET),),
        ),
        Endpoint(
            operation="api_entreprise_v2_entreprises_restored",
            path="/v2/entreprises/{siren}",
            summary="Entreprise, ses mandataires sociaux et l'établissement de son siège",
            tag=_TAG,
            scopes=_UNITES_LEGALES_SCOPES,
            parameters=(Parameter("siren", SIREN),),
            query=(Parameter("non_diffusables", NON_DIFFUSABLES),),
            gateway_error=True,
            deprecated=True,
        ),
    ),
)
