"""The token that gives a call its access: found in it, verified, not revoked."""

from collections.abc import Awaitable, Callable
from typing import Final

from apientreprise_gateway.auth.registry import TokenRegistry
from apientreprise_gateway.auth.token import Token, TokenVerifier, UnknownKeyError
from apientreprise_gateway.contract.errors import refuse

_SOON: Final = ((b"retry-after", b"2"),)
"""Redis is asked for the revocations every second."""


def bearer(header: bytes | None) -> str | None:
    """The token of an `Authorization` header (RFC 6750), or None if it holds none."""
    if header is None or header[:7].lower() != b"bearer ":
        return None
    return header[7:].strip().decode("latin-1")


def authenticate(text: str | None, *, verifier: TokenVerifier, registry: TokenRegistry) -> Token:
    """What a token says, if it is in force.

    Raises:
        Refusal: 401, `00101` for a missing or invalid token, `00103` for an expired one, `00105` for a revoked one; 503
            `00904` as long as nobody can say whether it is revoked.
    """
    token = verifier.verify(text)
    if registry.is_revoked(token.jti):
        raise refuse("00105")
    if registry.is_unsure:
        raise refuse("00904", headers=_SOON)
    return token


async def authenticate_with_newer_keys(
    text: str | None, *, verifier: TokenVerifier, registry: TokenRegistry, renew: Callable[[], Awaitable[None]]
) -> Token:
    """What a token says, if it is in force; where no key verifies it, `renew` looks for newer ones first.

    Raises:
        Refusal: as `authenticate`; also 503 `00506` as long as the public keys could not be fetched.
    """
    try:
        return authenticate(text, verifier=verifier, registry=registry)
    except UnknownKeyError:
        await renew()
    return authenticate(text, verifier=verifier, registry=registry)
