"""Logging in by ProConnect: the browser goes there, and comes back with a code that we redeem.

A row of `login_attempts` ties the way back to the browser that set out: its state works once, in that browser alone,
for ten minutes.
"""

import re
from dataclasses import dataclass
from datetime import timedelta
from typing import Any, Final

import structlog
from fastapi import APIRouter, Request
from sqlalchemy import Connection, Row, delete, insert, select
from starlette.responses import Response

from apientreprise_gateway.accounts import activity
from apientreprise_gateway.accounts.model import Contact, ProductKey, User
from apientreprise_gateway.accounts.repository import upsert_user, user, user_by_email
from apientreprise_gateway.database.accounts import identities
from apientreprise_gateway.database.serving import login_attempts
from apientreprise_gateway.portal import cookies, refusals, sessions
from apientreprise_gateway.portal.forms import Posted
from apientreprise_gateway.portal.login import oidc
from apientreprise_gateway.portal.login.entering import LOGIN, enter
from apientreprise_gateway.portal.rendering import leave, local
from apientreprise_gateway.portal.sealing import SealError
from apientreprise_gateway.portal.services import Services, services
from apientreprise_gateway.portal.settings import Settings, is_mail

ATTEMPT: Final = timedelta(minutes=10)
START: Final = f"{LOGIN}/proconnect"
_CODE: Final = re.compile(r"Y\d{6}")
_LONGEST: Final = 2000
_log = structlog.get_logger(__name__)


class LoginFailed(refusals.Refusal):
    """A login by ProConnect that came to nothing."""

    status = 400
    code = "connexion"
    title = "La connexion n’a pas abouti"
    advice = "Recommencez la connexion."
    remedy = (LOGIN, "Se connecter")

    def __init__(self, code: str, title: str, advice: str, *, status: int = 400) -> None:
        super().__init__(advice)
        self.code, self.title, self.status = code, title, status


def _expired() -> LoginFailed:
    return LoginFailed(
        "connexion-expiree",
        "Cette connexion a expiré",
        "Elle a été commencée il y a plus de dix minutes, dans un autre navigateur, ou a déjà servi. Recommencez.",
    )


def _down() -> LoginFailed:
    return LoginFailed(
        "proconnect-indisponible",
        "ProConnect ne répond pas",
        "Réessayez dans quelques minutes, ou demandez un lien par courriel.",
        status=503,
    )


def _untrusted() -> LoginFailed:
    return LoginFailed(
        "proconnect-reponse",
        "La réponse de ProConnect n’a pas pu être vérifiée",
        "Nous ne vous avons donc pas connecté. Recommencez ; si cela se reproduit, écrivez au support.",
        status=502,
    )


_NO_SECOND_FACTOR: Final = (
    "double-authentification",
    "Une double authentification est nécessaire",
    "Activez-la dans votre compte ProConnect (application ou clé de sécurité), puis recommencez la connexion.",
)
_NO_MAIL: Final = (
    "adresse-absente",
    "ProConnect ne nous a pas donné d’adresse électronique vérifiée",
    "Vérifiez votre adresse dans votre compte ProConnect, ou demandez un lien par courriel.",
)
_OTHER_PERSON: Final = (
    "autre-identite",
    "Cette adresse est déjà celle d’une autre identité",
    "Votre adresse a peut-être été celle d’un collègue. Écrivez au support, qui vérifiera avec vous.",
)
_ERRORS: Final = {
    "access_denied": (
        "proconnect-refus",
        "Vous avez interrompu la connexion",
        "Rien n’a été enregistré. Vous pouvez recommencer quand vous voulez.",
    ),
    "login_required": ("proconnect-session", "Une connexion est nécessaire", "Connectez-vous de nouveau."),
    "Y500015": (
        "Y500015",
        "Ce service est réservé aux agents publics",
        "Votre compte ProConnect est celui d’un organisme privé. Un éditeur de logiciels demande un lien par courriel.",
    ),
    "Y030110": (
        "Y030110",
        "ProConnect n’a pas reconnu votre navigateur",
        "Autorisez les cookies pour ProConnect, puis recommencez.",
    ),
    "Y030111": (
        "Y030111",
        "L’adresse de retour après déconnexion n’est pas connue de ProConnect",
        "Vous êtes déconnecté ici. Signalez ce code au support.",
    ),
    "Y030031": (
        "Y030031",
        "L’adresse de retour n’est pas connue de ProConnect",
        "Ce réglage est de notre fait : signalez ce code au support. Vous pouvez demander un lien par courriel.",
    ),
}
"""What ProConnect says went wrong, by its code: our code, title and advice."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ProConnect:
    """Logins by one provider."""

    provider: oidc.OidcProvider
    second_factor: frozenset[str]
    """Identity providers (`idp_id`) of which a login needs a second factor."""

    def set_out(self, request: Request, product: ProductKey, goes_to: str | None) -> Response:
        """Send the browser to the provider."""
        cookie = cookies.session_secret(request) or cookies.visit_secret(request)
        if cookie is None:
            raise _expired()
        return self._send(request, product, cookie=cookie, goes_to=goes_to)

    def come_back(self, request: Request, product: ProductKey) -> Response:
        """Log in whoever the provider says it is."""
        ours, query = services(request), request.query_params
        state, code, error = query.get("state", ""), query.get("code", ""), query.get("error")
        cookie = cookies.session_secret(request) or cookies.visit_secret(request)
        attempt = _take(ours, state, cookie)
        if error is not None:
            raise _failed(ours, error, query.get("error_description", ""))
        if attempt is None or cookie is None:
            ours.metrics.logins.labels("proconnect", "expired").inc()
            raise _expired()
        if not 0 < len(code) <= _LONGEST:
            raise _untrusted()
        identity = self._redeem(ours, code, product, attempt)
        if identity.text("idp_id") in self.second_factor and not identity.has_second_factor:
            if attempt.second_factor:
                ours.metrics.logins.labels("proconnect", "no_second_factor").inc()
                raise LoginFailed(*_NO_SECOND_FACTOR, status=403)
            hint = identity.text("email")
            return self._send(request, product, cookie=cookie, goes_to=attempt.goes_to, login_hint=hint, again=True)
        with ours.writing() as connection:
            person = _person(connection, ours, identity)
            sealed = ours.sealer.seal(identity.id_token.encode())
            return enter(request, connection, person.id, via="proconnect", goes_to=attempt.goes_to, id_token=sealed)

    def logout_url(self, ours: Services, id_token: bytes, state: str) -> str | None:
        """Where a logout goes on; None where it cannot."""
        try:
            return self.provider.logout_url(
                id_token=ours.sealer.open(id_token).decode(), state=state, back=f"{ours.public_url}/apres-deconnexion"
            )
        except (oidc.ProviderDownError, SealError) as error:
            _log.warning("logout_not_passed_on", reason=type(error).__name__)
            return None

    def _send(
        self,
        request: Request,
        product: ProductKey,
        *,
        cookie: str,
        goes_to: str | None,
        again: bool = False,
        login_hint: str | None = None,
    ) -> Response:
        """Send the browser to the provider; `again` for a login with a second factor."""
        ours = services(request)
        state, nonce = sessions.new_secret(), sessions.new_secret()
        verifier = sessions.new_secret() if self.provider.pkce else None
        try:
            url = self.provider.authorization_url(
                redirect_uri=_callback(ours, product),
                state=state,
                nonce=nonce,
                verifier=verifier,
                second_factor=again,
                again=cookies.session_secret(request) is not None,
                login_hint=login_hint,
            )
        except oidc.ProviderDownError as error:
            raise _told(ours, error, _down()) from None
        attempt = {
            "sha256": sessions.digest(state),
            "session": sessions.digest(cookie),
            "nonce": nonce,
            "verifier": None if verifier is None else ours.sealer.seal(verifier.encode()),
            "goes_to": local(goes_to),
            "second_factor": again,
            "expires_at": ours.now() + ATTEMPT,
        }
        with ours.writing() as connection:
            connection.execute(insert(login_attempts).values(attempt))
        return leave(request, url, "ProConnect")

    def _redeem(self, ours: Services, code: str, product: ProductKey, attempt: "Row[Any]") -> oidc.Identity:
        verifier = None if attempt.verifier is None else ours.sealer.open(attempt.verifier).decode()
        try:
            return self.provider.redeem(
                code, redirect_uri=_callback(ours, product), nonce=attempt.nonce, verifier=verifier
            )
        except oidc.ProviderDownError as error:
            raise _told(ours, error, _down()) from None
        except oidc.ProviderRefusedError as error:
            raise _told(ours, error, _expired()) from None
        except oidc.UntrustedError as error:
            raise _told(ours, error, _untrusted()) from None


def make_router(services: Services) -> APIRouter:
    """The routes, if ProConnect is configured."""
    router = APIRouter()
    proconnect = services.proconnect
    if proconnect is None:
        return router

    @router.post(START)
    def start(request: Request, form: Posted) -> Response:
        """Go to ProConnect."""
        product = ProductKey.PARTICULIER if form.text("product") == "particulier" else ProductKey.ENTREPRISE
        return proconnect.set_out(request, product, form.text("goes_to"))

    @router.get("/auth/proconnect_api_{product}/callback")
    def callback(request: Request, product: ProductKey) -> Response:
        """Come back from ProConnect."""
        return proconnect.come_back(request, product)

    return router


def make(settings: Settings) -> ProConnect | None:
    """What the settings name; None without ProConnect."""
    if settings.proconnect_issuer is None or settings.proconnect_client_secret is None:
        return None
    provider = oidc.OidcProvider(
        str(settings.proconnect_issuer),
        client_id=settings.proconnect_client_id or "",
        client_secret=settings.proconnect_client_secret.get_secret_value(),
        pkce=settings.proconnect_pkce,
    )
    return ProConnect(provider=provider, second_factor=frozenset(settings.proconnect_second_factor))


def _callback(ours: Services, product: ProductKey) -> str:
    return f"{ours.public_url}/auth/proconnect_api_{product}/callback"


def _take(ours: Services, state: str, cookie: str | None) -> "Row[Any] | None":
    """The attempt of a state, which is over with this; None if it is not this browser's, or too old."""
    if not sessions.is_secret(state) or cookie is None:
        return None
    with ours.writing() as connection:
        ours_alone = (login_attempts.c.sha256 == sessions.digest(state)) & (
            login_attempts.c.session == sessions.digest(cookie)
        )
        found = connection.execute(select(login_attempts).where(ours_alone).with_for_update()).one_or_none()
        connection.execute(delete(login_attempts).where(ours_alone))
    return None if found is None or found.expires_at <= ours.now() else found


def _person(connection: Connection, ours: Services, identity: oidc.Identity) -> User:
    """The person of an identity: found by (issuer, subject), and at the first login linked by the mail address."""
    now = ours.now()
    key = (identities.c.issuer == identity.issuer) & (identities.c.subject == identity.subject)
    known = connection.scalar(select(identities.c.user_id).where(key))
    found = None if known is None else user(connection, known)
    if found is not None:
        return found
    email = (identity.text("email") or "").lower()
    if not is_mail(email) or identity.claims.get("email_verified") is False:
        ours.metrics.logins.labels("proconnect", "no_mail").inc()
        raise LoginFailed(*_NO_MAIL)
    idp, before = identity.text("idp_id"), user_by_email(connection, email)
    if before is not None and _has_identity(connection, before.id, identity.issuer, idp):
        ours.metrics.logins.labels("proconnect", "other_person").inc()
        raise LoginFailed(*_OTHER_PERSON, status=403)
    names = {"given_name": identity.text("given_name"), "family_name": identity.text("usual_name")}
    phone = identity.text("phone_number")
    person = before or upsert_user(connection, Contact(email=email, phone_number=phone, **names), now)
    connection.execute(
        insert(identities).values(
            issuer=identity.issuer,
            subject=identity.subject,
            user_id=person.id,
            idp_id=idp,
            siret=identity.text("siret"),
            created_at=now,
        )
    )
    activity.record(connection, "identity.linked", at=now, user_id=person.id, about=("user", person.id))
    return person


def _has_identity(connection: Connection, user_id: str, issuer: str, idp: str | None) -> bool:
    """Whether a person has another identity of the same identity provider, which gives each of its people one."""
    same = (identities.c.user_id == user_id) & (identities.c.issuer == issuer)
    same &= identities.c.idp_id.is_(None) if idp is None else identities.c.idp_id == idp
    return connection.scalar(select(identities.c.subject).where(same).limit(1)) is not None


def _failed(ours: Services, error: str, description: str) -> LoginFailed:
    """The page of an error that ProConnect sent the browser back with."""
    found = _CODE.search(description) or _CODE.search(error)
    code = found[0] if found is not None and found[0] in _ERRORS else error
    known = _ERRORS.get(code)
    ours.metrics.logins.labels("proconnect", "refused").inc()
    if known is not None:
        return LoginFailed(*known)
    said = found[0] if found is not None else "proconnect-erreur"
    return LoginFailed(
        said,
        "ProConnect n’a pas pu vous connecter",
        "Recommencez dans quelques minutes. Si cela se reproduit, donnez ce code au support.",
    )


def _told(ours: Services, error: Exception, page: LoginFailed) -> LoginFailed:
    """The page of a fault, which is logged without anything about the person."""
    _log.error("proconnect_failed", kind=type(error).__name__, reason=str(error))
    ours.metrics.logins.labels("proconnect", "failed").inc()
    return page
