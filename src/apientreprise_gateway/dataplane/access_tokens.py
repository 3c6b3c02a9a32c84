"""The third check of a call that comes with an access token of FranceConnect, in place of a token of ours."""

from typing import Final, Protocol

from apientreprise_gateway.auth.france_connect.claims import Introspection
from apientreprise_gateway.auth.token import Token, TokenVerifier, UnknownKeyError, token_reader
from apientreprise_gateway.contract.errors import FLAT_VERSION, Refusal, refuse
from apientreprise_gateway.contract.france_connect import FRANCE_CONNECT, MALFORMED, NOT_CONNECTED
from apientreprise_gateway.contract.passing import TokenPassing
from apientreprise_gateway.contract.person.pivot import ByToken
from apientreprise_gateway.dataplane.call import Call
from apientreprise_gateway.dataplane.plan import Plan

_UID: Final = "11111111-1111-1111-1111-111111111111"
"""Stands for the holder of any access token of FranceConnect, as published."""
_ABOUT_IDENTITY: Final = "_identite"
"""What scopes have in their name that show an identity: FranceConnect has shown it already (from v3 on)."""
_read: Final = token_reader(TokenPassing(bearer=True))


class FranceConnect(Protocol):
    """Knows access tokens, see `auth.france_connect.service.FranceConnect`."""

    async def introspect(self, token: str, *, request_id: str) -> Introspection:
        """What an access token is."""

    def name_of(self, found: Introspection) -> str:
        """A name for its holder that tells nothing of it."""


class AccessTokens:
    """Authenticates calls by access tokens of FranceConnect."""

    def __init__(self, service: FranceConnect | None = None, *, tokens: TokenVerifier | None = None) -> None:
        """Configure it.

        Args:
            service: knows access tokens; None for a gateway that is not connected to FranceConnect.
            tokens: knows our own tokens, which FranceConnect is not shown.
        """
        self._service = service
        self._tokens = tokens

    def given(self, call: Call, plan: Plan, by_token: ByToken) -> str | None:
        """The access token of a call; None for a call that is to come with a token of ours.

        Raises:
            Refusal: 401 `00101`, it has none and needs one.
        """
        text = _read(call.headers, call.parameters)
        if by_token.always:
            if text is None:
                raise refuse("00101")
        elif self._service is None and plan.token(call.headers, call.parameters):
            return None  # a bearer is nothing here, and must not stand in the way of what counts
        return text

    async def authenticate(self, call: Call, plan: Plan, text: str) -> Token:
        """What an access token opens, as a token of ours; the identity of its holder is noted in the call.

        Raises:
            Refusal: 401 `50001`, `50002`, `50003`; 503 `00911` for a gateway that is not connected to FranceConnect.
            UnavailableError: FranceConnect could not say.
        """
        if self._is_ours(text):
            raise refuse(MALFORMED)
        if self._service is None:
            raise refuse(NOT_CONNECTED)
        found = await self._service.introspect(text, request_id=call.request_id.decode())
        scopes = found.scopes
        if plan.route.endpoint.version > FLAT_VERSION:
            scopes = frozenset(scope for scope in scopes if _ABOUT_IDENTITY not in scope)
        call.pivot = found.person.identity
        call.token = Token(
            jti=self._service.name_of(found),
            uid=_UID,
            scopes=scopes,
            subject=FRANCE_CONNECT.name,
            expires_at=found.expires_at,
        )
        return call.token

    def _is_ours(self, text: str) -> bool:
        """Whether a text is a token of ours, in force or not."""
        if self._tokens is None:
            return False
        try:
            self._tokens.verify(text)
        except UnknownKeyError:
            return False
        except Refusal as refusal:
            return refusal.errors[0].code == "00103"
        return True
