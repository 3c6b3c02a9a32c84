"""What a page is not given for: each is answered with a page that says what to do."""

from typing import Final


class Refusal(Exception):  # noqa: N818 - it is an outcome, with a page of its own
    """A request that is answered with a page saying why not."""

    status = 400
    code = "requete"
    title = "Cette demande ne peut pas être traitée"
    advice = "Revenez à la page précédente et recommencez."
    remedy: tuple[str, str] | None = None
    """A path to go on at, and its text."""

    def __init__(self, advice: str | None = None) -> None:
        super().__init__(self.code)
        if advice is not None:
            self.advice = advice


class Missing(Refusal):
    """There is no such object, or it is somebody else's."""

    status = 404
    code = "introuvable"
    title = "Page introuvable"
    advice = "L’adresse est peut-être incomplète, ou cette page n’est pas ouverte à votre compte."


class Forged(Refusal):
    """A form that was not given to this browser, or too long ago."""

    status = 403
    code = "formulaire"
    title = "Ce formulaire n’est plus valable"
    advice = "Il a été ouvert il y a trop longtemps, ou dans une autre session. Rechargez la page, puis renvoyez-le."


class TooLarge(Refusal):
    """More bytes than a form may have."""

    status = 413
    code = "taille"
    title = "Le formulaire est trop volumineux"
    advice = "Raccourcissez les textes ou allégez le fichier joint, puis envoyez le formulaire de nouveau."


class Unreadable(Refusal):
    """A form that cannot be read."""

    status = 400
    code = "illisible"
    title = "Le formulaire n’a pas pu être lu"
    advice = "Rechargez la page, puis envoyez le formulaire de nouveau."


class TooMany(Refusal):
    """Something that was tried too often."""

    status = 429
    code = "frequence"
    title = "Trop d’essais"
    advice = "Attendez une heure avant d’essayer de nouveau."


class Unavailable(Refusal):
    """What is needed does not answer now."""

    status = 503
    code = "indisponible"
    title = "Le service est momentanément indisponible"
    advice = (
        "Réessayez dans quelques minutes. "
        "Les appels de vos logiciels aux API ne passent pas par ce site : ils continuent."
    )


class LoginNeeded(Exception):  # noqa: N818 - it is an outcome: the browser is sent to the login, and back
    """A page that only somebody who is logged in may see; `fresh` for one that needs a login a moment ago."""

    def __init__(self, *, fresh: bool = False) -> None:
        super().__init__("login needed")
        self.fresh = fresh


BY_STATUS: Final[dict[int, type[Refusal]]] = {404: Missing, 413: TooLarge, 503: Unavailable}
