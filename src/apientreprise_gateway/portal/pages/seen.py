"""Objects that a visitor asks for: found with what the visitor may do with them, or answered as if there were none."""

from dataclasses import dataclass

from sqlalchemy import Connection

from apientreprise_gateway.accounts import delegations, repository
from apientreprise_gateway.accounts.model import Habilitation, Role, Token
from apientreprise_gateway.accounts.permissions import Act, Viewer, may
from apientreprise_gateway.portal.refusals import Missing
from apientreprise_gateway.portal.visitors import Visitor


@dataclass(frozen=True, slots=True)
class Seen:
    """A habilitation, and what the visitor is to it."""

    habilitation: Habilitation
    roles: frozenset[Role]
    viewer: Viewer

    def may(self, act: str) -> bool:
        """Whether the visitor may do this; templates name the act."""
        return may(Act(act), self.viewer)


def see_habilitation(connection: Connection, visitor: Visitor, habilitation_id: str, *acts: Act) -> Seen:
    """A habilitation that the visitor may see, and do these acts with.

    Raises:
        Missing: there is none, or it is not theirs.
    """
    found = repository.habilitation(connection, habilitation_id)
    if found is None:
        raise Missing
    roles = repository.roles_of(connection, visitor.user.id, found.id)
    is_editor = delegations.is_delegated(connection, found.id, visitor.user.editor_id)
    viewer = visitor.viewer(roles, is_editor=is_editor)
    if not may(Act.SEE, viewer) or not all(may(act, viewer) for act in acts):
        raise Missing
    return Seen(found, roles, viewer)


def see_token(connection: Connection, visitor: Visitor, jti: str, *acts: Act) -> tuple[Token, Seen]:
    """A token whose habilitation the visitor may see, and do these acts with.

    Raises:
        Missing: there is none, or it is not theirs.
    """
    token = repository.token(connection, jti)
    if token is None:
        raise Missing
    return token, see_habilitation(connection, visitor, token.habilitation_id, *acts)
