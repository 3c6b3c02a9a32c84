"""The page of limits, for integrators."""

from typing import Final

from apientreprise_gateway.contract.groups import Group
from apientreprise_gateway.providers.product import Product

_HEAD: Final = """# Les limites

Un jeton a droit à un nombre d'appels dans une fenêtre qui glisse, pour chaque compteur. Ce qui suit vaut si
l'exploitant ne l'a pas réglé autrement : `RateLimit-Limit` dit ce qui vaut vraiment, et `RateLimit-Remaining` ce qui
reste.
"""
_TAIL: Final = """
## Ce que disent les en-têtes

| en-tête | sens |
|---|---|
| `RateLimit-Limit` | appels permis dans la fenêtre |
| `RateLimit-Remaining` | appels encore permis maintenant : à 0, attendre |
| `RateLimit-Reset` | horodatage Unix, en secondes : quand une place se libère |
| `Retry-After` | avec un 429 : secondes à attendre, suffisantes pour un appel |

Un appel refusé n'est pas compté. Un jeton peut avoir une limite à lui ; à API Particulier, où l'on compte par
seconde, elle s'ajoute, par minute, et les en-têtes montrent la plus serrée des deux.

## Les adresses IP

| | API Entreprise | API Particulier |
|---|---|---|
| appels d'une adresse en 60 secondes | 1000 ; un de plus la bannit | pas de limite pour les jetons valides |
| appels refusés par un 429 en 60 secondes | 100 par adresse ; un de plus la bannit | 100 par jeton, de même |
| durée du bannissement | 12 heures | 12 heures |

Une adresse bannie ne reçoit rien : la connexion se ferme sans réponse. En IPv6, un /64 compte pour une adresse. Le
[guide](guide-integrateur.md#les-bannissements) dit comment ne pas l'être.

## Le reste

| quoi | limite |
|---|---|
| attente d'un fournisseur | 10 secondes, puis 504 `PP002` |
| attente conseillée à un client | 5 secondes pour du JSON, 12 pour un document |
| lien vers un document | 24 heures (CIBTP : 10 minutes), puis 410 `00403` |
| téléchargements à la fois | 32 d'un lien, 64 d'une adresse |
| pages sans jeton (`/docs`, `/pings`, `/errors` ...) | 600 appels par minute et par adresse, puis 429 `00907` |
| adresse d'un appel | 16 ko ; 100 en-têtes, 64 ko en tout |
| durée d'un jeton | 18 mois |
"""


def limits_page(products: tuple[Product, ...]) -> str:
    """The page in Markdown, in French."""
    return _HEAD + "".join(_product_part(product) for product in products) + _TAIL


def _product_part(product: Product) -> str:
    rows = "\n".join(_row(group, product) for group in product.groups)
    return f"\n## {product.title}\n\n| compteur | appels par jeton | qui compte ensemble |\n|---|---|---|\n{rows}\n"


def _row(group: Group, product: Product) -> str:
    period = "minute" if group.seconds == 60 else "seconde"
    endpoints = [endpoint for endpoint in product.endpoints if endpoint.group is group]
    if group.shared:
        counted = f"{len(endpoints)} ressources"
    else:
        counted = "<br>".join(f"`{endpoint.path}`" for endpoint in endpoints)
    return f"| `{group.name}` | {group.limit.calls} par {period} | {counted} |"
