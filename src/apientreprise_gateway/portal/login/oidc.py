"""ProConnect as an OpenID Connect provider: where a browser is sent, and what comes back from there.

What the provider publishes (its addresses and its keys) is asked when it is first needed, and kept for an hour. Every
answer is bounded in bytes and in seconds.
"""

import base64
import json
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

import httpx
from authlib.oauth2.rfc6749.parameters import prepare_grant_uri
from authlib.oauth2.rfc7636 import create_s256_code_challenge
from joserfc import jwt
from joserfc.errors import InvalidKeyIdError, JoseError
from joserfc.jwk import KeySet, OctKey

SCOPES: Final = "openid given_name usual_name email uid idp_id siret phone"
STRONG: Final = (
    "eidas2",
    "eidas3",
    "https://proconnect.gouv.fr/assurance/self-asserted-2fa",
    "https://proconnect.gouv.fr/assurance/consistency-checked-2fa",
)
"""Levels (`acr`) of a login with a second factor."""
_AMR: Final[Mapping[str, Any]] = {"amr": {"essential": True}}
_ALGORITHMS: Final = ("ES256", "RS256", "HS256")
_KEPT_SECONDS: Final = 3600.0
_AGAIN_SECONDS: Final = 60.0
"""Between two fetches of the keys because of a signature by one that is not known."""
_TIMEOUT: Final = httpx.Timeout(5.0)
_MOST_BYTES: Final = 256 * 1024
_LEEWAY: Final = 60
"""Seconds that the clock of the provider may differ from ours."""


class ProviderDownError(Exception):
    """The provider does not answer, or not with what it should; the text says at which step."""


class ProviderRefusedError(Exception):
    """The provider answered with an error, whose code is the text."""


class UntrustedError(Exception):
    """What came back is not what the provider would sign for us; the text says what is wrong, without any value."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Identity:
    """Who has logged in, as the provider says."""

    issuer: str
    subject: str
    id_token: str
    has_second_factor: bool
    claims: Mapping[str, Any]
    """Of userinfo."""

    def text(self, name: str) -> str | None:
        """A claim, if it is a text that is not empty."""
        value = self.claims.get(name)
        return value.strip()[:200] or None if isinstance(value, str) else None


class OidcProvider:
    """The provider, as one client of it."""

    def __init__(
        self,
        issuer: str,
        *,
        client_id: str,
        client_secret: str,
        pkce: bool = True,
        clock: Callable[[], float] = time.time,
        transport: httpx.BaseTransport | None = None,
    ) -> None:
        """Ask nothing yet.

        Args:
            issuer: its name, under which it publishes its addresses.
            client_id: our name there.
            client_secret: our secret there.
            pkce: whether to send a challenge (S256), which the provider may not know.
            clock: Unix time in seconds.
            transport: for tests.
        """
        self.issuer = issuer.rstrip("/")
        self.pkce = pkce
        self._client_id, self._client_secret, self._clock = client_id, client_secret, clock
        self._http = httpx.Client(timeout=_TIMEOUT, transport=transport, follow_redirects=False)
        self._lock = threading.Lock()
        self._published: Mapping[str, Any] = {}
        self._keys = KeySet([])
        self._fetched_at = self._keys_at = float("-inf")

    def authorization_url(
        self,
        *,
        redirect_uri: str,
        state: str,
        nonce: str,
        verifier: str | None,
        second_factor: bool = False,
        again: bool = False,
        login_hint: str | None = None,
    ) -> str:
        """Where to send the browser; `second_factor` asks for a login with one, `again` for one even if the
        person has just logged in there.

        Raises:
            ProviderDownError: the provider does not say where.
        """
        wanted: dict[str, Any] = {**_AMR}
        if second_factor:
            wanted["acr"] = {"essential": True, "values": list(STRONG)}
        more: dict[str, str] = {"nonce": nonce, "claims": json.dumps({"id_token": wanted})}
        if verifier is not None:
            more |= {"code_challenge": create_s256_code_challenge(verifier), "code_challenge_method": "S256"}
        if again:
            more["prompt"] = "login"
        if login_hint is not None:
            more["login_hint"] = login_hint
        url: str = prepare_grant_uri(
            self._address("authorization_endpoint"),
            self._client_id,
            "code",
            redirect_uri=redirect_uri,
            scope=SCOPES,
            state=state,
            **more,
        )
        return url

    def redeem(self, code: str, *, redirect_uri: str, nonce: str, verifier: str | None) -> Identity:
        """Who has logged in, for the code that the browser has brought.

        Raises:
            ProviderDownError: the provider does not answer.
            ProviderRefusedError: it does not accept the code.
            UntrustedError: an answer is not signed as it should be, or not for us.
        """
        form = {
            "grant_type": "authorization_code",
            "code": code,
            "redirect_uri": redirect_uri,
            "client_id": self._client_id,
            "client_secret": self._client_secret,
        }
        if verifier is not None:
            form["code_verifier"] = verifier
        tokens = _json(self._ask("token", "POST", self._address("token_endpoint"), data=form), "token")
        if "error" in tokens:
            raise ProviderRefusedError(str(tokens["error"])[:60])
        id_token, access_token = tokens.get("id_token"), tokens.get("access_token")
        if not isinstance(id_token, str) or not isinstance(access_token, str):
            raise ProviderDownError("token")
        said = self._verified(id_token, "id_token", nonce={"essential": True, "value": nonce}, exp={"essential": True})
        claims = self._userinfo(access_token, str(said["sub"]))
        return Identity(
            issuer=self.issuer,
            subject=str(said["sub"]),
            id_token=id_token,
            has_second_factor="mfa" in _texts(said.get("amr")) or said.get("acr") in STRONG,
            claims=claims,
        )

    def logout_url(self, *, id_token: str, state: str, back: str) -> str | None:
        """Where to send the browser to log out there as well; None if the provider has no such place.

        Raises:
            ProviderDownError: the provider does not say.
        """
        address = self._metadata().get("end_session_endpoint")
        if not isinstance(address, str):
            return None
        more = {"id_token_hint": id_token, "state": state, "post_logout_redirect_uri": back}
        return str(httpx.URL(address).copy_merge_params(more))

    def _userinfo(self, access_token: str, subject: str) -> Mapping[str, Any]:
        headers = {"Authorization": f"Bearer {access_token}", "Accept": "application/jwt"}
        answer = self._ask("userinfo", "GET", self._address("userinfo_endpoint"), headers=headers)
        kind = answer.headers.get("content-type", "").partition(";")[0].strip().lower()
        if answer.status_code != 200:
            raise ProviderDownError("userinfo")
        if kind != "application/jwt":
            raise UntrustedError("userinfo is not signed")
        return self._verified(answer.text.strip(), "userinfo", sub={"essential": True, "value": subject})

    def _verified(self, token: str, what: str, **options: Any) -> Mapping[str, Any]:
        """The claims of a token that the provider signed for us."""
        try:
            claims = self._decoded(token)
            jwt.JWTClaimsRegistry(
                now=int(self._clock()),
                leeway=_LEEWAY,
                iss={"essential": True, "value": self.issuer},
                aud={"essential": True, "value": self._client_id},
                **({"sub": {"essential": True}} | options),
            ).validate(claims)
        except (JoseError, ValueError) as error:
            raise UntrustedError(f"{what}: {type(error).__name__}") from None
        if not isinstance(claims["sub"], str) or not claims["sub"]:
            raise UntrustedError(f"{what}: no sub")
        return claims

    def _decoded(self, token: str) -> dict[str, Any]:
        header = json.loads(_unpadded(token.partition(".")[0]))
        if not isinstance(header, dict):
            raise UntrustedError("no header")
        if header.get("alg") == "HS256":
            return jwt.decode(token, OctKey.import_key(self._client_secret), algorithms=["HS256"]).claims
        try:
            return jwt.decode(token, self._key_set(), algorithms=_ALGORITHMS[:2]).claims
        except InvalidKeyIdError:  # a key that is not known: it may be new
            return jwt.decode(token, self._key_set(anew=True), algorithms=_ALGORITHMS[:2]).claims

    # What the provider publishes.

    def _metadata(self) -> Mapping[str, Any]:
        with self._lock:
            if self._clock() - self._fetched_at > _KEPT_SECONDS:
                answer = self._ask("discovery", "GET", f"{self.issuer}/.well-known/openid-configuration")
                said = _json(answer, "discovery")
                if answer.status_code != 200 or str(said.get("issuer", "")).rstrip("/") != self.issuer:
                    raise ProviderDownError("discovery")
                self._published, self._fetched_at = said, self._clock()
            return self._published

    def _address(self, name: str) -> str:
        address = self._metadata().get(name)
        if not isinstance(address, str) or not address.startswith(("https://", "http://127.0.0.1", "http://localhost")):
            raise ProviderDownError("discovery")
        return address

    def _key_set(self, *, anew: bool = False) -> KeySet:
        address = self._address("jwks_uri")
        with self._lock:
            age = self._clock() - self._keys_at
            if age > _KEPT_SECONDS or (anew and age > _AGAIN_SECONDS):
                answer = self._ask("keys", "GET", address)
                try:
                    self._keys = KeySet.import_key_set(_json(answer, "keys"))  # type: ignore[arg-type]
                except (JoseError, ValueError, KeyError, TypeError) as error:
                    raise ProviderDownError("keys") from error
                self._keys_at = self._clock()
            return self._keys

    def _ask(self, step: str, method: str, url: str, **options: Any) -> httpx.Response:
        try:
            with self._http.stream(method, url, **options) as answer:
                body = bytearray()
                for part in answer.iter_bytes():
                    body += part
                    if len(body) > _MOST_BYTES:
                        raise ProviderDownError(step)
                return httpx.Response(answer.status_code, headers=_plain(answer.headers), content=bytes(body))
        except httpx.HTTPError as error:
            raise ProviderDownError(step) from error


def _plain(headers: httpx.Headers) -> dict[str, str]:
    return {name: value for name, value in headers.items() if name not in ("content-encoding", "content-length")}


def _json(answer: httpx.Response, step: str) -> dict[str, Any]:
    try:
        said = answer.json()
    except ValueError as error:
        raise ProviderDownError(step) from error
    if not isinstance(said, dict) or answer.status_code >= 500:
        raise ProviderDownError(step)
    return said


def _texts(value: object) -> Sequence[str]:
    return [each for each in value if isinstance(each, str)] if isinstance(value, list) else []


def _unpadded(text: str) -> bytes:
    return base64.urlsafe_b64decode(text + "=" * (-len(text) % 4))
