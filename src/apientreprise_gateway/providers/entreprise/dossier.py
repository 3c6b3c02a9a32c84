"""The dossier of API Entreprise: several resources of one company in one call."""

from types import MappingProxyType
from typing import Final

from apientreprise_gateway.contract.endpoint import Endpoint
from apientreprise_gateway.contract.parameters import SIRET, Parameter
from apientreprise_gateway.providers.dossier import Dossier
from apientreprise_gateway.providers.entreprise.groups import JSON

_DESCRIPTION: Final = """\
Une entreprise, plusieurs ressources, une réponse : ce qu'il faut pour préremplir un formulaire.

Chaque ressource demandée est contrôlée, comptée et tracée comme l'appel qu'elle remplace. Elle porte dans `data` son
propre statut, ses en-têtes de limite, et ses données ou ses erreurs. Le dossier répond 200 même si des ressources
manquent : lisez le statut de chacune. Il répond au plus tard après le délai d'un appel ; une ressource qui n'est pas
arrivée y figure avec le statut 504. Les en-têtes `RateLimit-*` de la réponse sont ceux de la ressource dont il reste le
moins d'appels.

Les ressources qui veulent une année, un mois ou `user_id` les lisent parmi les paramètres du dossier.
"""

DOSSIER: Final = Dossier(
    endpoint=Endpoint(
        operation="dossiers",
        path="/v3/dossiers/{siret}",
        summary="Plusieurs ressources d'une entreprise en un appel",
        tag="Dossier",
        scopes=(),
        parameters=(Parameter("siret", SIRET),),
        group=JSON,
    ),
    published="api_entreprise",
    description=_DESCRIPTION,
    examples=("insee_unites_legales", "msa_conformites_cotisations"),
    parameters=MappingProxyType(
        {
            "year": "Année, pour les ressources qui en veulent une.",
            "month": "Mois, sur deux chiffres, pour les ressources qui en veulent un.",
            "profondeur": "Nombre de mois antérieurs à joindre, pour les effectifs mensuels.",
            "nature_effectif": "Nature de l'effectif, pour les effectifs.",
            "limit": "Nombre de certificats à rendre, pour les certificats RGE.",
            "user_id": "Agent à l'origine de la demande, pour les ressources de la DGFIP.",
        }
    ),
)
