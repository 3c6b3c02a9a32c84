"""Who looks at a page: dependencies of handlers.

`Anyone` gives the visitor or None; `LoggedIn` sends others to the login and back; `Fresh` asks for a login of the last
15 minutes; `Operator` and `Auditor` answer 404 to everybody else. Auditors see what operators see, and change nothing.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Annotated

from fastapi import Depends, Request

from apientreprise_gateway.accounts.activity import record
from apientreprise_gateway.accounts.model import Role, User
from apientreprise_gateway.accounts.permissions import Viewer
from apientreprise_gateway.portal import cookies, sessions
from apientreprise_gateway.portal.refusals import LoginNeeded, Missing
from apientreprise_gateway.portal.services import services
from apientreprise_gateway.portal.sessions import Session


@dataclass(frozen=True, slots=True, kw_only=True)
class Visitor:
    """Somebody who is logged in."""

    session: Session
    actor: User
    """Who is logged in."""
    user: User
    """Whose account is seen: the actor, or whom an operator looks at it as."""
    is_operator: bool
    """False while another person's account is looked at, as is the next one."""
    is_auditor: bool
    technical_contact_sees_tokens: bool = False
    """`PORTAL_TECHNICAL_CONTACT_SEES_TOKENS`."""

    def viewer(self, roles: Iterable[Role] = (), *, is_editor: bool = False) -> Viewer:
        """What this visitor is to a habilitation, for `accounts.permissions.may`; `roles` are those of `user` on it."""
        return Viewer(
            user=self.user,
            roles=frozenset(roles),
            is_operator=self.is_operator,
            is_auditor=self.is_auditor,
            is_editor=is_editor,
            impersonating=self.is_impersonating,
            technical_contact_sees_tokens=self.technical_contact_sees_tokens,
        )

    @property
    def is_impersonating(self) -> bool:
        """Whether an operator looks at another person's account."""
        return self.actor.id != self.user.id


def anyone(request: Request) -> Visitor | None:
    """Who is logged in; None if nobody is."""
    known: Visitor | None
    try:
        known = request.state.visitor
    except AttributeError:
        known = request.state.visitor = _find(request)
    return known


Anyone = Annotated[Visitor | None, Depends(anyone)]


def logged_in(visitor: Anyone) -> Visitor:
    """Who is logged in.

    Raises:
        LoginNeeded: nobody is.
    """
    if visitor is None:
        raise LoginNeeded
    return visitor


LoggedIn = Annotated[Visitor, Depends(logged_in)]


def fresh(request: Request, visitor: LoggedIn) -> Visitor:
    """Who has logged in within the last 15 minutes.

    Raises:
        LoginNeeded: nobody has.
    """
    if not visitor.session.is_fresh(services(request).now()):
        raise LoginNeeded(fresh=True)
    return visitor


Fresh = Annotated[Visitor, Depends(fresh)]


def operator(visitor: LoggedIn) -> Visitor:
    """An operator.

    Raises:
        Missing: it is somebody else.
    """
    if not visitor.is_operator:
        raise Missing
    return visitor


def auditor(visitor: LoggedIn) -> Visitor:
    """An auditor, or an operator.

    Raises:
        Missing: it is somebody else.
    """
    if not (visitor.is_auditor or visitor.is_operator):
        raise Missing
    return visitor


Operator = Annotated[Visitor, Depends(operator)]
Auditor = Annotated[Visitor, Depends(auditor)]


def _find(request: Request) -> Visitor | None:
    secret = cookies.session_secret(request)
    if secret is None:
        return None
    ours = services(request)
    with ours.reading() as connection:
        found = sessions.find(connection, secret, now=ours.now())
    if found is None:
        return None
    session, actor, other = found
    if other is not None:
        with ours.writing() as connection:
            record(
                connection, "account.seen", at=ours.now(), user_id=actor.id, as_user_id=other.id,
                details={"page": request.url.path},
            )  # fmt: skip
    by_proconnect = session.via == "proconnect" or ours.settings.proconnect_issuer is None
    may = other is None and by_proconnect  # with ProConnect, a link in a mail is too little to be one of these
    return Visitor(
        session=session,
        actor=actor,
        user=other or actor,
        is_operator=may and actor.email in ours.settings.operators,
        is_auditor=may and actor.email in ours.settings.auditors,
        technical_contact_sees_tokens=ours.settings.technical_contact_sees_tokens,
    )
