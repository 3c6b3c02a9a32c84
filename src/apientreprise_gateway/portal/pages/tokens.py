"""The page of a token: its state, its string for who may see it, its end, and what was handed over."""

from typing import Any, Final

from fastapi import APIRouter, Request
from starlette.responses import Response

from apientreprise_gateway.accounts import bans, hand_overs, repository, token_ends, tokens
from apientreprise_gateway.accounts.mail_address import MailAddressError
from apientreprise_gateway.accounts.model import HabilitationState, Role, Token
from apientreprise_gateway.accounts.permissions import Act
from apientreprise_gateway.catalogue.example_call import curl_for
from apientreprise_gateway.portal.forms import Posted
from apientreprise_gateway.portal.pages.rights import product_named, rights
from apientreprise_gateway.portal.pages.seen import Seen, see_token
from apientreprise_gateway.portal.refusals import Unavailable
from apientreprise_gateway.portal.rendering import page, paris, to
from apientreprise_gateway.portal.services import Services, services
from apientreprise_gateway.portal.signing import SigningUnavailableError, string_of
from apientreprise_gateway.portal.visitors import Fresh, LoggedIn

router = APIRouter()
_JTI: Final = "/compte/jetons/{jti}"


@router.get(_JTI)
def one(request: Request, visitor: LoggedIn, jti: str) -> Response:
    """A token: its state, what it opens, what to do with it."""
    return _page(request, visitor, jti)


def _page(
    request: Request,
    visitor: LoggedIn,
    jti: str,
    *,
    string: str | None = None,
    errors: dict[str, str] | None = None,
    form: dict[str, str] | None = None,
) -> Response:
    ours = services(request)
    now = ours.now()
    with ours.reading() as connection:
        token, seen = see_token(connection, visitor, jti)
        context: dict[str, Any] = {
            "contacts": repository.contacts(connection, token.habilitation_id) if seen.may("see_contacts") else {},
            "bans": bans.of_tokens(connection, [jti], now=now).get(jti, []) if seen.may("see_bans") else [],
            "links": hand_overs.of_token(connection, jti) if seen.may("see_hand_overs") else [],
            "others": [each for each in repository.tokens_of(connection, token.habilitation_id) if each.id != jti],
        }
    product = product_named(ours.products, seen.habilitation.product)
    return page(
        request,
        "account/token.html",
        status=422 if errors else 200,
        token=token,
        state=token.state(now),
        seen=seen,
        habilitation=seen.habilitation,
        string=string,
        curl=curl(ours, token, seen, string),
        rights=rights(product, token.scopes_in_force),
        days_left=max(0, (token.ends_at - now).days),
        errors=errors or {},
        form=form or {},
        **context,
    )


def curl(ours: Services, token: Token, seen: Seen, string: str | None) -> str:
    """A call to paste that the token opens: with its string where that is shown, else with a word in its place.

    Empty where no address of the API is set, or the token opens nothing.
    """
    product = product_named(ours.products, seen.habilitation.product)
    if ours.settings.api_url is None or product is None:
        return ""
    base = str(ours.settings.api_url).rstrip("/")
    return curl_for(string or "VOTRE_JETON", token.scopes_in_force, (product,), base)


@router.post(_JTI + "/afficher")
def show(request: Request, visitor: Fresh, _form: Posted, jti: str) -> Response:
    """Show the string, to who may see it and has just logged in; each time is a row."""
    ours = services(request)
    with ours.writing() as connection:
        token, _ = see_token(connection, visitor, jti, Act.SHOW_TOKEN)
        works = token.works(ours.now())
        if works:
            try:
                string = string_of(token, ours.settings.jwt_secrets)
            except SigningUnavailableError:
                raise Unavailable(
                    "Les jetons ne peuvent pas être affichés pour l’instant : prévenez le support."
                ) from None
            tokens.shown(connection, jti, now=ours.now(), by=visitor.actor.id)
    if not works:
        return to(request, f"/compte/jetons/{jti}", notice="Ce jeton ne fonctionne plus : il n’est plus affiché.")
    return _page(request, visitor, jti, string=string)


@router.post(_JTI + "/revoquer")
def revoke(request: Request, visitor: Fresh, form: Posted, jti: str) -> Response:
    """Revoke a token that has leaked, now, and make another one that ends with it."""
    ours = services(request)
    now = ours.now()
    if not form.ticked("confirmation"):
        text = "Cochez la case pour confirmer : une révocation ne s’annule pas."
        return _page(request, visitor, jti, errors={"confirmation": text}, form=form.values())
    try:
        with ours.writing() as connection:
            _, seen = see_token(connection, visitor, jti, Act.REVOKE_TOKEN)
            made = token_ends.end(
                connection, seen.habilitation, jti, now=now, by=visitor.actor.id,
                reason=form.text("reason") or "Révoqué par son demandeur",
                replaced=seen.habilitation.state is HabilitationState.VALIDATED,
            )  # fmt: skip
    except tokens.TokenRefusalError as error:
        return _page(request, visitor, jti, errors={"confirmation": str(error)}, form=form.values())
    if made is None:
        return to(request, f"/compte/jetons/{jti}", notice="Le jeton est révoqué.")
    notice = "L’ancien jeton est révoqué. Voici son remplaçant : transmettez-le à votre contact technique."
    return to(request, f"/compte/jetons/{made.id}", notice=notice)


@router.get(_JTI + "/partager")
def sharing(request: Request, visitor: LoggedIn, jti: str) -> Response:
    """The form by which a link to a token is sent."""
    return _sharing(request, visitor, jti)


def _sharing(
    request: Request, visitor: LoggedIn, jti: str, *, errors: dict[str, str] | None = None, email: str = ""
) -> Response:
    ours = services(request)
    with ours.reading() as connection:
        token, seen = see_token(connection, visitor, jti, Act.HAND_OVER)
        people = repository.contacts(connection, token.habilitation_id)
        links = hand_overs.of_token(connection, jti)
    technical = people.get(Role.TECHNICAL_CONTACT)
    return page(
        request,
        "account/hand_over.html",
        status=422 if errors else 200,
        token=token,
        state=token.state(ours.now()),
        seen=seen,
        habilitation=seen.habilitation,
        links=links,
        errors=errors or {},
        email=email or ("" if technical is None else technical.email),
    )


@router.post(_JTI + "/partager")
def share(request: Request, visitor: Fresh, form: Posted, jti: str) -> Response:
    """Have a link to a token sent."""
    ours = services(request)
    try:
        with ours.writing() as connection:
            _, seen = see_token(connection, visitor, jti, Act.HAND_OVER)
            made = hand_overs.share(
                connection, seen.habilitation, jti, email=form.text("email"), by=visitor.user.id,
                seal=ours.sealer.seal, now=ours.now(),
            )  # fmt: skip
    except (tokens.TokenRefusalError, MailAddressError) as error:
        return _sharing(request, visitor, jti, errors={"email": str(error)}, email=form.text("email"))
    return to(
        request,
        f"/compte/jetons/{jti}/partager",
        notice=f"Le lien est envoyé. Il fonctionne jusqu’au {paris(made.expires_at)}.",
    )


@router.post(_JTI + "/partager/{link_id}/revoquer")
def withdraw(request: Request, visitor: LoggedIn, _form: Posted, jti: str, link_id: str) -> Response:
    """Revoke a link before its end."""
    ours = services(request)
    with ours.writing() as connection:
        see_token(connection, visitor, jti, Act.WITHDRAW_HAND_OVER)
        done = hand_overs.withdraw(connection, link_id, jti=jti, by=visitor.actor.id, now=ours.now())
    notice = "Le lien ne fonctionne plus." if done else "Ce lien avait déjà pris fin."
    return to(request, f"/compte/jetons/{jti}/partager", notice=notice)
