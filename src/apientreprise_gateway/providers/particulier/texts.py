"""The French words of API Particulier's pages."""

from types import MappingProxyType
from typing import Final

from apientreprise_gateway.contract.parameters import SIRET
from apientreprise_gateway.providers.product import Texts, Wording

_INTRODUCTION: Final = """\
Les données administratives d'une personne, données à l'administration qui en a besoin : la personne n'a pas de
justificatif à fournir.

**Jeton.** Chaque appel porte un jeton : `Authorization: Bearer …`, ou l'en-tête `X-Api-Key` ; en v2, l'en-tête
`X-Api-Key`, ou le paramètre `token`. Chaque opération dit quels droits l'ouvrent : un seul suffit. Chaque champ de la
réponse a les siens : un champ dont le droit manque est absent. `/api/introspect` donne les droits de votre jeton.

**Identité.** Le dernier mot du chemin dit comment la personne est désignée : `identite` par son état civil, `ine` par
son identifiant national d'étudiant, `identifiant` par celui que le fournisseur lui a donné. `france_connect` prend le
jeton que FranceConnect a remis pour elle, à la place du vôtre : `Authorization: Bearer …`. Un paramètre dont le
nom finit par `[]` se répète, une fois par valeur, dans l'ordre. Aucune identité n'est écrite dans les journaux.

**Traçabilité.** À partir de la v3, chaque appel dit pour quelle administration il est fait : `recipient`, son SIRET,
est obligatoire. En v2, il est facultatif, sauf avec FranceConnect. Chaque appel est enregistré.

**Versions.** Elles coexistent. À partir de la v3, un succès a la forme `{data, links, meta}` et une erreur la forme
`{errors: [{code, title, detail, source, meta}]}`. En v2, le corps est à plat, et une erreur est
`{error, reason, message}` : la première seulement, si plusieurs paramètres sont en cause. Seules les méthodes GET et
HEAD existent.

**Limites d'appels.** 20 par seconde et par jeton, toutes opérations ensemble. Les en-têtes `RateLimit-Limit`,
`RateLimit-Remaining` et `RateLimit-Reset` disent où vous en êtes ; au-delà, la réponse est 429 et `Retry-After` dit
combien de secondes attendre.

**Erreurs hors opération.**

"""

TEXTS: Final = Texts(
    introduction=_INTRODUCTION,
    bearer="À partir de la v3 : le jeton, dans l'en-tête `Authorization`.",
    header="Le jeton, dans un en-tête à lui, dans toutes les versions.",
    parameter="En v2 : le jeton dans l'adresse. Préférez l'en-tête : une adresse se retrouve dans les journaux des "
    "intermédiaires.",
    france_connect="Le jeton d'accès que FranceConnect a remis pour la personne, dans l'en-tête `Authorization`, à la "
    "place du vôtre.",
    calls="Nombre d'appels permis : par seconde ou, si c'est elle qui en laisse le moins, selon la limite par minute "
    "propre au jeton.",
    traceability=MappingProxyType(
        {
            "recipient": Wording("SIRET de l'administration destinataire des données.", SIRET.example),
            "recipient-v2": Wording(
                "SIRET de l'administration destinataire des données ; facultatif, sauf avec FranceConnect.",
                SIRET.example,
            ),
        }
    ),
)
