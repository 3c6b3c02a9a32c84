"""The invented people and bodies of a demonstration."""

from typing import Final

from apientreprise_gateway.sandbox.datapass.requests import FictivePerson

TOWN: Final = "99800001200018"
TOWN_NAME: Final = "Commune de Fontaine-l’Exemple"
DISTRICT: Final = "99800004600016"
DISTRICT_NAME: Final = "Communauté de communes du Val d’Exemple"
EDITOR_NAME: Final = "Logiciels Exemple"
EDITOR_URL: Final = "https://editeur.example/"
MARKETS_FORM: Final = "demo-editeur-marches-publics"
"""The form of DataPass that names the maker of software."""
OPERATOR: Final = "operatrice@api.example"
AUDITOR: Final = "auditeur@api.example"
_TOWN_MAIL: Final = "mairie-fontaine.example"
_DISTRICT_MAIL: Final = "val-exemple.example"
_EDITOR_MAIL: Final = "editeur.example"


def _person(number: int, email: str, given_name: str, family_name: str, job: str) -> FictivePerson:
    return FictivePerson(
        number=number,
        email=email,
        given_name=given_name,
        family_name=family_name,
        phone_number=f"01000000{number}",
        job=job,
    )


CAMILLE: Final = _person(11, f"camille.martin@{_TOWN_MAIL}", "Camille", "Martin", "Responsable de la commande publique")
DOMINIQUE: Final = _person(12, f"dominique.moreau@{_TOWN_MAIL}", "Dominique", "Moreau", "Chef de service")
MORGAN: Final = _person(13, f"morgan.simon@{_TOWN_MAIL}", "Morgan", "Simon", "Secrétaire de mairie")
SACHA: Final = _person(14, f"sacha.leroy@{_EDITOR_MAIL}", "Sacha", "Leroy", "Développeuse")
LOU: Final = _person(15, f"lou.girard@{_EDITOR_MAIL}", "Lou", "Girard", "Chargée de clientèle")
ROBIN: Final = _person(16, f"robin.petit@{_DISTRICT_MAIL}", "Robin", "Petit", "Responsable des achats")
CLAUDE: Final = _person(17, f"claude.roux@{_DISTRICT_MAIL}", "Claude", "Roux", "Directrice des achats")
DPO: Final = _person(18, f"dpo@{_DISTRICT_MAIL}", "Alix", "Bonnet", "Délégué à la protection des données")
MAYOR: Final = _person(19, f"maire@{_TOWN_MAIL}", "Maxime", "Faure", "Maire")
INES: Final = _person(20, OPERATOR, "Inès", "Fabre", "Instructrice")
PAUL: Final = _person(21, AUDITOR, "Paul", "Garnier", "Auditeur")
PRESIDENT: Final = _person(22, f"presidence@{_DISTRICT_MAIL}", "Ange", "Perrin", "Présidente")
EVERYBODY: Final = (CAMILLE, DOMINIQUE, MORGAN, SACHA, LOU, ROBIN, CLAUDE, INES, PAUL)
"""Those who may log in."""
TO_BE: Final = (
    (CAMILLE.email, "Demandeur : agent d’une mairie, qui a fait la demande, voit le jeton et le transmet."),
    (SACHA.email, "Contact technique : l’éditeur du logiciel, qui voit si les appels passent."),
    (DOMINIQUE.email, "Contact métier : responsable du service qui utilise les données."),
    (LOU.email, "Éditeur : suit les habilitations de ses clients, sans voir leurs jetons."),
    (INES.email, "Opératrice : examine les demandes, révoque, répond aux questions."),
    (PAUL.email, "Auditeur : voit tout, ne change rien."),
)
"""Whom a visitor may be, with what that means."""
