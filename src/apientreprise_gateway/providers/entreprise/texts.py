"""The French words of API Entreprise's pages."""

from types import MappingProxyType
from typing import Final

from apientreprise_gateway.contract.parameters import SIRET
from apientreprise_gateway.providers.product import Texts, Wording

_INTRODUCTION: Final = """\
Une seule API devant les fournisseurs de données publics.

**Jeton.** Chaque appel porte un jeton : `Authorization: Bearer …`. Le paramètre `token`, usage de la v2, reste accepté.
Chaque opération dit quels droits l'ouvrent ; un seul suffit. `/privileges` donne ceux de votre jeton.

**Traçabilité.** Chaque appel dit pour qui et pourquoi il est fait : `context`, `object` et `recipient` sont
obligatoires, et `user_id` aussi là où il figure. Chaque appel est enregistré.

**Versions.** Elles coexistent. À partir de la v3, un succès a la forme `{data, links, meta}` et une erreur la forme
`{errors: [{code, title, detail, source, meta}]}` ; en v2, le corps est à plat et les erreurs sont de simples textes.
Seules les méthodes GET et HEAD existent.

**Limites d'appels.** Elles se comptent par jeton, par groupe d'opérations et par minute. Les en-têtes
`RateLimit-Limit`, `RateLimit-Remaining` et `RateLimit-Reset` disent où vous en êtes ; au-delà, la réponse est 429 et
`Retry-After` dit combien de secondes attendre. Une adresse IP qui appelle beaucoup trop, ou qui insiste malgré les
réponses 429, est bannie pendant 12 heures : ses connexions sont fermées sans réponse ou, selon la passerelle, elle
reçoit une erreur 403.

**Documents.** Une opération qui donne un document en donne l'adresse, et les secondes pendant lesquelles elle vaut (24
heures, sauf réglage de cette passerelle ou mention contraire). Le lien se suffit : il se télécharge sans jeton, et ne
compte dans aucune limite. Qui a le lien a le document : ne le confiez qu'à qui peut le lire. GET, HEAD et `Range` sont
acceptés ; passé le délai, la réponse est 410 `00403`.

**Erreurs hors opération.**

"""

TEXTS: Final = Texts(
    introduction=_INTRODUCTION,
    bearer="Le jeton, dans l'en-tête `Authorization`.",
    parameter="Le jeton dans l'adresse, usage de la v2. Préférez l'en-tête : une adresse se retrouve dans "
    "les journaux des intermédiaires.",
    traceability=MappingProxyType(
        {
            "context": Wording("Cadre de la demande : la démarche ou la procédure.", "Aide publique"),
            "object": Wording("Objet de la demande : le dossier ou le marché concerné.", "Dossier 2024-001"),
            "recipient": Wording("SIRET de l'administration destinataire des données.", SIRET.example),
            "recipient-v2": Wording(
                "Bénéficiaire de la demande : SIRET ou nom.", "Direction interministérielle du numérique"
            ),
            "user_id": Wording(
                "Agent à l'origine de la demande. Selon le réglage de cette passerelle, il peut ne pas être exigé.",
                "agent-42",
            ),
        }
    ),
    moved="L'INSEE a remplacé ce numéro par un autre.",
)
