"""Tests of what a provider of OpenID Connect might answer, and is not believed."""

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

import httpx
import pytest
from joserfc import jwt
from joserfc.jwk import ECKey, KeySet, OctKey

from apientreprise_gateway.portal.login.oidc import (
    Identity,
    OidcProvider,
    ProviderDownError,
    ProviderRefusedError,
    UntrustedError,
)

ISSUER = "https://proconnect.test/api/v2"
SECRET = "a secret of the tests that is long enough"
KEY = ECKey.generate_key("P-256", {"kid": "one", "use": "sig", "alg": "ES256"})
OTHER = ECKey.generate_key("P-256", {"kid": "one", "use": "sig", "alg": "ES256"})
NEWER = ECKey.generate_key("P-256", {"kid": "two", "use": "sig", "alg": "ES256"})
NOW = 1_772_000_000


def claims(**changes: Any) -> dict[str, Any]:
    """What a token says, unless the changes say otherwise; None leaves a claim out."""
    usual = {"iss": ISSUER, "aud": "us", "sub": "s-1", "nonce": "n" * 43, "iat": NOW, "exp": NOW + 60, "amr": ["pwd"]}
    return {name: value for name, value in (usual | changes).items() if value is not None}


def signed(said: Mapping[str, Any], key: ECKey = KEY) -> str:
    """A token."""
    return jwt.encode({"alg": "ES256", "kid": key.kid}, dict(said), key)


@dataclass
class Stub:
    """A provider whose answers a test changes."""

    id_token: str = field(default_factory=lambda: signed(claims()))
    userinfo: str = field(default_factory=lambda: signed(claims(nonce=None, email="a@b.fr")))
    kind: str = "application/jwt; charset=utf-8"
    keys: list[ECKey] = field(default_factory=lambda: [KEY])
    metadata: dict[str, Any] = field(default_factory=dict)
    token_status: int = 200
    token_body: bytes | None = None
    asked: list[str] = field(default_factory=list)
    forms: list[str] = field(default_factory=list)

    def __call__(self, request: httpx.Request) -> httpx.Response:
        path = request.url.path.removeprefix("/api/v2")
        self.asked.append(path)
        match path:
            case "/.well-known/openid-configuration":
                usual = {name: f"{ISSUER}/{part}" for name, part in _PARTS.items()}
                return httpx.Response(200, json={"issuer": ISSUER, **usual, **self.metadata})
            case "/jwks":
                return httpx.Response(200, json=KeySet(list(self.keys)).as_dict())
            case "/token":
                self.forms.append(request.read().decode())
                body = self.token_body or json.dumps({"id_token": self.id_token, "access_token": "a"}).encode()
                return httpx.Response(self.token_status, content=body)
            case _:
                return httpx.Response(200, text=self.userinfo, headers={"Content-Type": self.kind})


_PARTS = {
    "authorization_endpoint": "authorize",
    "token_endpoint": "token",
    "userinfo_endpoint": "userinfo",
    "jwks_uri": "jwks",
    "end_session_endpoint": "session/end",
}


def client(stub: Callable[[httpx.Request], httpx.Response], clock: Callable[[], float] = lambda: NOW) -> OidcProvider:
    """A client of a stub."""
    transport = httpx.MockTransport(stub)
    return OidcProvider(ISSUER, client_id="us", client_secret=SECRET, clock=clock, transport=transport)


def redeem(stub: Stub) -> Identity:
    """What a code is redeemed for."""
    return client(stub).redeem("code", redirect_uri="https://us.test/back", nonce="n" * 43, verifier="v" * 43)


def test_what_is_believed() -> None:
    """A token and userinfo that are signed for us say who it is; our secret is in the form, not in a header."""
    stub = Stub()
    identity = redeem(stub)
    assert (identity.subject, identity.text("email"), identity.has_second_factor) == ("s-1", "a@b.fr", False)
    assert "client_secret=" in stub.forms[0]
    assert "code_verifier=" in stub.forms[0]


@pytest.mark.parametrize(
    "changes",
    [
        {"iss": "https://evil.test"},
        {"aud": "them"},
        {"aud": None},
        {"nonce": "x" * 43},
        {"nonce": None},
        {"exp": NOW - 61},
        {"exp": None},
        {"sub": None},
        {"sub": ""},
    ],
)
def test_a_token_that_is_not_for_us(changes: dict[str, Any]) -> None:
    """Whoever made it, for whom, and when: each is checked."""
    with pytest.raises(UntrustedError, match="id_token"):
        redeem(Stub(id_token=signed(claims(**changes))))


@pytest.mark.parametrize("changes", [{"iss": "https://evil.test"}, {"aud": "them"}, {"sub": "s-2"}, {"sub": None}])
def test_userinfo_that_is_not_of_this_login(changes: dict[str, Any]) -> None:
    """It is signed by the provider, for us, about the person of the token."""
    with pytest.raises(UntrustedError, match="userinfo"):
        redeem(Stub(userinfo=signed(claims(nonce=None, **changes))))


def test_signatures_that_are_none() -> None:
    """Another key of the same name, no signature, our secret in place of a key, and plain JSON are refused."""
    with_secret = jwt.encode({"alg": "HS256"}, claims(), OctKey.import_key("another secret that is long enough, too"))
    unsigned = signed(claims()).rpartition(".")[0] + "."
    none = "eyJhbGciOiJub25lIn0." + signed(claims()).split(".")[1] + "."
    for token in (signed(claims(), OTHER), with_secret, unsigned, none, "x", "a.b.c"):
        with pytest.raises(UntrustedError):
            redeem(Stub(id_token=token))
    with pytest.raises(UntrustedError, match="not signed"):
        redeem(Stub(userinfo=json.dumps(claims()), kind="application/json"))


def test_a_new_key_is_fetched_once_a_minute() -> None:
    """A key that is not known may be new; that anybody names one does not have the provider asked each time."""
    stub, now = Stub(), float(NOW)
    ours = client(stub, lambda: now)
    ours.redeem("code", redirect_uri="https://us.test/back", nonce="n" * 43, verifier=None)
    stub.keys.append(NEWER)
    stub.id_token = signed(claims(), NEWER)
    for _ in range(3):
        with pytest.raises(UntrustedError):
            ours.redeem("code", redirect_uri="https://us.test/back", nonce="n" * 43, verifier=None)
    assert stub.asked.count("/jwks") == 1
    now += 61
    stub.id_token = signed(claims(exp=NOW + 120), NEWER)
    stub.userinfo = signed(claims(nonce=None, exp=NOW + 120))
    assert ours.redeem("code", redirect_uri="https://us.test/back", nonce="n" * 43, verifier=None).subject == "s-1"
    assert stub.asked.count("/jwks") == 2
    assert stub.asked.count("/.well-known/openid-configuration") == 1


@pytest.mark.parametrize(
    "stub",
    [
        Stub(metadata={"issuer": "https://evil.test"}),
        Stub(metadata={"token_endpoint": None}),
        Stub(metadata={"token_endpoint": "http://evil.test/token"}),
        Stub(token_status=500, token_body=b"{}"),
        Stub(token_body=b"<html>"),
        Stub(token_body=b"[]"),
        Stub(token_body=b"{}"),
        Stub(token_body=b"x" * 300_000),
    ],
)
def test_a_provider_that_makes_no_sense(stub: Stub) -> None:
    """It counts as one that does not answer."""
    with pytest.raises(ProviderDownError):
        redeem(stub)


def test_a_code_that_is_not_accepted() -> None:
    """The provider's own code says why."""
    with pytest.raises(ProviderRefusedError, match="invalid_grant"):
        redeem(Stub(token_status=400, token_body=b'{"error": "invalid_grant"}'))


def test_a_provider_that_is_away() -> None:
    """No answer is told by the step."""

    def away(request: httpx.Request) -> httpx.Response:
        raise httpx.ConnectError("no", request=request)

    with pytest.raises(ProviderDownError, match="discovery"):
        client(away).authorization_url(redirect_uri="https://us.test/", state="s", nonce="n", verifier=None)


def test_a_second_factor_is_told_by_amr_or_acr() -> None:
    """Either says that one was used; anything else does not."""
    for changes, used in (
        ({"amr": ["pwd", "mfa"]}, True),
        ({"acr": "https://proconnect.gouv.fr/assurance/self-asserted-2fa"}, True),
        ({"acr": "eidas1", "amr": None}, False),
        ({"amr": "mfa"}, False),
    ):
        assert redeem(Stub(id_token=signed(claims(**changes)))).has_second_factor is used


def test_no_place_to_log_out() -> None:
    """A provider without one is left alone."""
    stub = Stub(metadata={"end_session_endpoint": None})
    assert client(stub).logout_url(id_token="t", state="s", back="https://us.test/") is None
