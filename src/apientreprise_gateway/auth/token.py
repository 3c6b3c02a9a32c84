"""Verification of tokens (JWT, RFC 7519).

A verified token is cached, so that the next call with it costs a dictionary look-up. What can change during the life of
a token (whether it has expired or is revoked) is checked on every call.

Tokens have up to 8 kB, so only some thousand are kept as they were given, whose callers pay for the look-up alone.
The others are known by the digests of their texts, in a tenth of the memory for one hash more per call.
"""

import re
import time
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, replace
from functools import lru_cache
from hashlib import sha256
from itertools import islice
from math import floor
from typing import Any, Final

import orjson
from jwt import InvalidTokenError, PyJWS

from apientreprise_gateway.auth.keys import KeyRing
from apientreprise_gateway.auth.registry import TokenRegistry
from apientreprise_gateway.contract.errors import Refusal, refuse
from apientreprise_gateway.contract.passing import TokenPassing

LEEWAY: Final = 5
"""Seconds by which the issuer's clock may be ahead of ours (`iat`, `nbf`); `exp` has no leeway."""
MAX_TOKEN_LENGTH: Final = 8192
"""Characters of the longest token that is read; one with every scope has about half as many."""
_CACHE_SIZE: Final = 65_536
"""Tokens that are cached, more than any issuer has in use; each takes half a kilobyte."""
_SHARE: Final = 16
"""One in so many of them is cached as it was given as well; as many are forgotten at once when the cache is full."""
COMPACT: Final = re.compile(r"[\w-]+\.[\w-]+\.[\w-]*", re.ASCII)
"""The form of a signed token (RFC 7515, section 7.1); checked because base64 decoders ignore other characters."""
_UUID: Final = re.compile(r"[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}")
_JWS: Final = PyJWS()
_SCHEME: Final = len("Bearer ")
_SOON: Final = ((b"retry-after", b"2"),)
"""`Retry-After` in seconds: Redis is asked for the revocations every second."""

Given = str | bytes
"""A token as it was given: its text, or the value of an `Authorization` header with it. A connection whose head comes
again has the same object each time, so that it is looked up without being read, or hashed, again."""
GivenReader = Callable[[Mapping[bytes, bytes], Mapping[str, str]], Given | None]
"""From the headers of a call (names in lower case) and its parameters to its token; None where there is none."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Token:
    """The content of a verified token."""

    jti: str
    uid: str
    scopes: frozenset[str]
    subject: str
    issued_at: float | None = None
    """Unix time in seconds; None if the token has no `iat`."""
    expires_at: float | None
    """Unix time in seconds; None for the oldest tokens, which end only by revocation."""


class UnknownKeyError(Refusal):
    """No known key verifies a token, but it may be signed with a newer key."""


class TokenVerifier:
    """Verifies tokens, and caches those that it has verified."""

    def __init__(self, keys: KeyRing, *, now: Callable[[], float] = time.time) -> None:
        self._keys = keys
        self._now = now
        self._verified: dict[bytes, Token] = {}
        """By the digests of their texts."""
        self._at_hand: dict[Given, Token] = {}
        """Some of them as they were given."""
        self._not_at_hand = 0
        """Calls whose token was not among those, since they were last forgotten."""

    def use(self, keys: KeyRing) -> None:
        """Verify with these keys from now on; forget the verified tokens if a former key is not among them."""
        if not keys.holds(self._keys):
            self._verified.clear()
            self._at_hand.clear()
        self._keys = keys

    def verify(self, given: Given | None) -> Token:
        """The content of a token, once it is verified.

        Raises:
            Refusal: 401, `00101` for a missing or invalid token, `00103` for an expired one.
            UnknownKeyError: no key verifies it, but a newer one may: 401 `00101`, or 503 `00506` as long as the public
                keys could not be fetched.
        """
        if not given:
            raise refuse("00101")
        token = self._at_hand.get(given)
        if token is None:
            token = self._known_or_read(given)
        if token.expires_at is not None and token.expires_at <= self._now():
            self._at_hand.pop(given, None)
            self._verified.pop(_digest(text_of(given)), None)
            raise refuse("00103")
        return token

    def expiring(self, within: float) -> list[Token]:
        """The cached tokens that are valid now and expire within so many seconds."""
        now = self._now()
        # Few end soon, so that is asked first; of whole numbers, as floats take four times as long beside the integers
        # that nearly all ends are.
        after, until = floor(now), floor(now + within)
        return [
            token
            for token in self._verified.values()
            if (end := token.expires_at) is not None and end <= until and end > after
        ]

    def _known_or_read(self, given: Given) -> Token:
        text = text_of(given)
        digest = _digest(text)
        token = self._verified.get(digest)
        if token is None:
            token = self._read(text)
            if len(self._verified) >= _CACHE_SIZE:
                # First in, first out: a token in use that is dropped costs only one more verification. Many at once, as
                # the first of a dictionary is found the slower the more entries were removed before it.
                for oldest in list(islice(self._verified, max(1, _CACHE_SIZE // _SHARE))):
                    del self._verified[oldest]
            self._verified[digest] = token
        self._not_at_hand += 1
        if self._not_at_hand > _CACHE_SIZE:
            # Those in use are back after a call each. Not whenever there is no room: the texts of too many tokens would
            # take each other's place, through megabytes that no cache of a processor holds.
            self._at_hand.clear()
            self._not_at_hand = 0
        # There may be any number of blanks about it.
        if len(self._at_hand) < _CACHE_SIZE // _SHARE and len(given) <= MAX_TOKEN_LENGTH + _SCHEME:
            self._at_hand[given] = token
        return token

    def _read(self, text: str) -> Token:
        if len(text) > MAX_TOKEN_LENGTH or COMPACT.fullmatch(text) is None:
            raise refuse("00101")
        claims = signed_claims(text, self._keys)
        token = None if claims is None else _token(claims)
        if token is None or claims is None or self._is_early(claims):
            raise refuse("00101")
        return token

    def _is_early(self, claims: dict[str, Any]) -> bool:
        latest = self._now() + LEEWAY
        return any(not _is_instant(claims[name]) or claims[name] > latest for name in ("iat", "nbf") if name in claims)


def token_reader(passing: TokenPassing) -> Callable[[Mapping[bytes, bytes], Mapping[str, str]], str | None]:
    """A function that finds the text of the token of a call."""
    find = given_reader(passing)

    def read(headers: Mapping[bytes, bytes], parameters: Mapping[str, str]) -> str | None:
        given = find(headers, parameters)
        return None if given is None else text_of(given)

    return read


def given_reader(passing: TokenPassing) -> GivenReader:
    """A function that finds the token of a call as it was given."""
    name = None if passing.header is None else passing.header.lower().encode("ascii")
    parameter = passing.parameter
    by_bearer = passing.bearer

    def find(headers: Mapping[bytes, bytes], parameters: Mapping[str, str]) -> Given | None:
        if by_bearer:
            header = headers.get(b"authorization")
            if header is not None and header[:_SCHEME].lower() == b"bearer " and _is_given(header):
                return header
        if name is not None and (own := headers.get(name, b"").strip()):
            return own.decode("latin-1")
        return None if parameter is None else parameters.get(parameter)

    return find


def _is_given(header: bytes) -> bool:
    """Whether a token follows the scheme; most begin at once, and to look for one in all of the rest would copy it."""
    return bool(header[_SCHEME : _SCHEME + 1].strip() or header[_SCHEME:].strip())


def text_of(given: Given) -> str:
    """The text of a token."""
    return given if isinstance(given, str) else given[_SCHEME:].strip().decode("latin-1")


def authenticate(given: Given | None, *, verifier: TokenVerifier, registry: TokenRegistry) -> Token:
    """The content of a token that is in force, with those of its scopes that its record leaves to it.

    Raises:
        Refusal: 401, `00101` for a missing or invalid token, `00103` for an expired one, `00105` for a revoked one; 503
            `00904` until the revocations have been read.
    """
    token = verifier.verify(given)
    jti = token.jti
    if jti in registry.records or jti in registry.revoked:  # few tokens are in either
        token = _as_recorded(token, registry)
    if registry.is_unsure:
        raise refuse("00904", headers=_SOON)
    return token


def _as_recorded(token: Token, registry: TokenRegistry) -> Token:
    """A token with the scopes that its record leaves to it.

    Raises:
        Refusal: 401 `00105`, it is revoked.
    """
    if registry.is_revoked(token.jti):
        raise refuse("00105")
    record = registry.records.get(token.jti)
    if record is None or record.scopes is None:
        return token
    return replace(token, scopes=record.narrowed(token.scopes))


async def authenticate_with_newer_keys(
    text: str | None, *, verifier: TokenVerifier, registry: TokenRegistry, renew: Callable[[], Awaitable[None]]
) -> Token:
    """The content of a token that is in force; if no key verifies it, `renew` looks for newer keys first.

    Raises:
        Refusal: as `authenticate`; also 503 `00506` as long as the public keys could not be fetched.
    """
    try:
        return authenticate(text, verifier=verifier, registry=registry)
    except UnknownKeyError:
        await renew()
    return authenticate(text, verifier=verifier, registry=registry)


def signed_claims(text: str, keys: KeyRing) -> dict[str, Any] | None:
    """The claims of a signed token in compact form, if one of the keys verifies its signature; else None.

    Raises:
        UnknownKeyError: no key verifies it, but a newer one may.
    """
    algorithm, kid = _header(text)
    if algorithm is None:
        return None
    for key in keys.candidates(algorithm, kid):
        try:
            claims = orjson.loads(_JWS.decode(text, key.material, algorithms=[key.algorithm]))
        except InvalidTokenError:
            continue
        except Exception:  # the libraries may raise anything on bytes that a caller chose
            return None
        return claims if isinstance(claims, dict) else None
    if keys.may_lack(algorithm, kid):
        refusal = refuse("00101" if keys.known else "00506")
        raise UnknownKeyError(refusal.status, *refusal.errors)
    return None


def _header(text: str) -> tuple[str | None, str | None]:
    """Algorithm and `kid` in the header of a token; the algorithm is None if the header cannot be read."""
    try:
        header = _JWS.get_unverified_header(text)
    except Exception:  # as in `signed_claims`
        return None, None
    algorithm = header.get("alg")
    return algorithm if isinstance(algorithm, str) else None, header.get("kid")


def _token(claims: dict[str, Any]) -> Token | None:
    jti, uid, expires_at = claims.get("jti"), claims.get("uid"), claims.get("exp")
    # Tokens issued before 2022 call their scopes `roles`.
    scopes = claims.get("scopes", claims.get("roles"))
    if not (_is_uuid(jti) and _is_uuid(uid) and (expires_at is None or _is_instant(expires_at))):
        return None
    if not isinstance(scopes, list) or not all(isinstance(scope, str) for scope in scopes):
        return None
    subject = claims.get("sub", "")
    if not isinstance(subject, str):
        return None
    return Token(
        jti=str(jti),
        uid=str(uid),
        scopes=_interned(frozenset(scopes)),
        subject=subject,
        issued_at=claims.get("iat"),
        expires_at=expires_at,
    )


def _digest(text: str) -> bytes:
    return sha256(text.encode("utf-8", "surrogatepass")).digest()


@lru_cache(maxsize=1024)
def _interned(scopes: frozenset[str]) -> frozenset[str]:
    """One shared copy of each set: many tokens have the same scopes, and a set of 47 takes 6 kB."""
    return scopes


def _is_uuid(value: object) -> bool:
    return isinstance(value, str) and _UUID.fullmatch(value) is not None


def _is_instant(value: object) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)
