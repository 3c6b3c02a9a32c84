"""Tests of the verification of tokens."""

import base64
import functools
import hashlib
import hmac
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import jwt
import pytest
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, rsa
from hypothesis import given, settings
from hypothesis import strategies as st
from jwt import PyJWS
from jwt.algorithms import ECAlgorithm, OKPAlgorithm, RSAAlgorithm

from apientreprise_gateway.auth import token as token_module
from apientreprise_gateway.auth.keys import Key, KeyRing, jwks_keys, secret_keys
from apientreprise_gateway.auth.records import TokenRecord
from apientreprise_gateway.auth.registry import TokenRegistry
from apientreprise_gateway.auth.token import LEEWAY, MAX_TOKEN_LENGTH, TokenVerifier, authenticate
from apientreprise_gateway.contract.errors import Refusal
from support.tokens import ALL_SCOPES, JTI, SECRET, UID, claims, token

NOW = 1_700_000_000
OTHER_SECRET = "another-secret-for-tests-that-is-long-enough-too"


class Clock:
    """A clock that stands still until told otherwise; seconds."""

    def __init__(self, now: float = NOW) -> None:
        self.now = now

    def __call__(self) -> float:
        """The time."""
        return self.now


class CountingRing(KeyRing):
    """Keys that count how often they are asked for."""

    asked = 0

    def candidates(self, algorithm: object, kid: object) -> list[Key]:
        """The keys that fit."""
        self.asked += 1
        return super().candidates(algorithm, kid)


def fixed(**changes: Any) -> dict[str, Any]:
    """Claims around `NOW`."""
    return claims(**({"iat": NOW - 10, "exp": NOW + 3600} | changes))


def signed(*, secret: str = SECRET, header: dict[str, Any] | None = None, **changes: Any) -> str:
    """A token with claims around `NOW`."""
    return jwt.encode(fixed(**changes), secret, algorithm="HS256", headers=header)


def signed_with(claim: str, value: object) -> str:
    """A token with claims around `NOW`, one of them changed."""
    return jwt.encode(fixed(**{claim: value}), SECRET, algorithm="HS256")


def verifier(*secrets: str, clock: Callable[[], float] | None = None) -> TokenVerifier:
    """A verifier of tokens signed with these secrets."""
    return TokenVerifier(KeyRing(secret_keys(secrets or (SECRET,))), now=clock or Clock())


def refused(verifying: TokenVerifier, text: str | None) -> str:
    """The code of the refusal that a token gets."""
    with pytest.raises(Refusal) as caught:
        verifying.verify(text)
    assert caught.value.status == 401
    (error,) = caught.value.errors
    return error.code


@functools.cache
def rsa_key() -> rsa.RSAPrivateKey:
    """An RSA key; made once, for it takes its time."""
    return rsa.generate_private_key(public_exponent=65537, key_size=2048)


@functools.cache
def ec_key() -> ec.EllipticCurvePrivateKey:
    """A key on P-256."""
    return ec.generate_private_key(ec.SECP256R1())


@functools.cache
def ed_key() -> ed25519.Ed25519PrivateKey:
    """An Ed25519 key."""
    return ed25519.Ed25519PrivateKey.generate()


PRIVATE: dict[str, Callable[[], Any]] = {"RS256": rsa_key, "ES256": ec_key, "EdDSA": ed_key}


def jwk(algorithm: str) -> dict[str, Any]:
    """The public key of an algorithm, as a JWKS holds it."""
    public = PRIVATE[algorithm]().public_key()
    to_jwk: dict[str, Callable[[Any], str]] = {
        "RS256": RSAAlgorithm.to_jwk,
        "ES256": ECAlgorithm.to_jwk,
        "EdDSA": OKPAlgorithm.to_jwk,
    }
    entry: dict[str, Any] = json.loads(to_jwk[algorithm](public))
    return entry


def public_ring(folder: Path, *entries: dict[str, Any]) -> KeyRing:
    """The keys of a JWKS file with these entries."""
    path = folder / "jwks.json"
    path.write_text(json.dumps({"keys": entries}))
    return KeyRing(jwks_keys(path))


def compact(header: dict[str, Any], payload: bytes, key: bytes, *, digest: str = "sha256") -> str:
    """A token made by hand, which no library would agree to make."""

    def encode(part: bytes) -> bytes:
        return base64.urlsafe_b64encode(part).rstrip(b"=")

    signing = encode(json.dumps(header).encode()) + b"." + encode(payload)
    return (signing + b"." + encode(hmac.new(key, signing, digest).digest())).decode()


# Valid tokens.


def test_valid_token() -> None:
    """A token says who holds it, what it opens and when it ends."""
    said = verifier().verify(signed())
    assert (said.jti, said.uid, said.subject) == (JTI, UID, "tests")
    assert said.scopes == frozenset(ALL_SCOPES)
    assert said.issued_at == fixed()["iat"]
    assert said.expires_at == NOW + 3600


def test_machine_clock() -> None:
    """Without a clock of its own a verifier looks at the machine's."""
    assert TokenVerifier(KeyRing(secret_keys([SECRET]))).verify(token()).jti == JTI


def test_roles_of_older_tokens() -> None:
    """Tokens of before 2022 name their scopes `roles`."""
    assert verifier().verify(signed(scopes=None, roles=["entreprises"])).scopes == {"entreprises"}


def test_scopes_win_over_roles() -> None:
    """Where a token has both, its `scopes` count."""
    assert verifier().verify(signed(scopes=["a"], roles=["b"])).scopes == {"a"}


def test_no_scopes_at_all() -> None:
    """A token that opens nothing is valid."""
    assert verifier().verify(signed(scopes=[])).scopes == frozenset()


def test_token_without_end() -> None:
    """Tokens of the first years have no `exp` and stay valid."""
    clock = Clock()
    verifying = verifier(clock=clock)
    text = signed(exp=None)
    assert verifying.verify(text).expires_at is None
    clock.now += 50 * 365 * 86400
    assert verifying.verify(text).jti == JTI


def test_token_without_subject_or_version() -> None:
    """Claims that only inform may be missing."""
    said = verifier().verify(signed(sub=None, version=None, iat=None))
    assert said.subject == ""


def test_every_secret_of_the_ring_verifies() -> None:
    """During a rotation, tokens of the former and of the new secret are valid."""
    verifying = verifier(SECRET, OTHER_SECRET)
    assert verifying.verify(signed(secret=SECRET)).jti == JTI
    assert verifying.verify(signed(secret=OTHER_SECRET)).jti == JTI


def test_unknown_kid_with_a_secret() -> None:
    """Secrets have no `kid`; a token that names one is tried with each."""
    assert verifier(OTHER_SECRET, SECRET).verify(signed(header={"kid": "whatever"})).jti == JTI


# Expiry, and the memory of verified tokens.


def test_verified_once() -> None:
    """A token's signature is verified on its first call alone."""
    ring = CountingRing(secret_keys([SECRET]))
    verifying = TokenVerifier(ring, now=Clock())
    text = signed()
    first = verifying.verify(text)
    assert verifying.verify(text) is first
    assert ring.asked == 1


def test_a_token_in_a_header() -> None:
    """The value of an `Authorization` header stands for the token in it, however it is written; they end alike."""
    ring, clock = CountingRing(secret_keys([SECRET])), Clock()
    verifying = TokenVerifier(ring, now=clock)
    text = signed(exp=NOW + 60)
    found = verifying.verify(text)
    headers = [form % text.encode() for form in (b"Bearer %b", b"bearer %b", b"BEARER   %b ")]
    for header in headers * 2:
        assert verifying.verify(header) is found
    assert ring.asked == 1
    for spoilt in (headers[0][:-1], headers[0] + b"a", b"Bearer", text.encode()):
        with pytest.raises(Refusal):
            verifying.verify(spoilt)
    clock.now = NOW + 60
    for header in headers:
        with pytest.raises(Refusal):
            verifying.verify(header)


def test_a_long_header_is_not_kept() -> None:
    """A token among very many blanks is verified once, but the header is not kept."""
    verifying = verifier()
    text = signed()
    header = b"Bearer " + b" " * MAX_TOKEN_LENGTH + text.encode()
    assert verifying.verify(header) is verifying.verify(header) is verifying.verify(text)
    assert list(verifying._at_hand) == [text]


@pytest.mark.parametrize("seen_before", [True, False])
def test_expires_exactly(seen_before: bool) -> None:
    """A token is valid until the instant of its `exp`, whether it was seen before or not."""
    clock = Clock(NOW)
    verifying = verifier(clock=clock)
    text = signed(exp=NOW + 60)
    if seen_before:
        verifying.verify(text)
    clock.now = NOW + 59.999
    assert verifying.verify(text).jti == JTI
    clock.now = NOW + 60
    assert refused(verifying, text) == "00103"
    clock.now = NOW + 86400
    assert refused(verifying, text) == "00103"


def test_no_leeway_for_the_end() -> None:
    """A token that has just expired is expired."""
    assert refused(verifier(), signed(exp=NOW)) == "00103"


def test_fraction_of_a_second() -> None:
    """An `exp` with a fraction counts as it stands."""
    clock = Clock(NOW + 0.25)
    verifying = verifier(clock=clock)
    assert verifying.verify(signed(exp=NOW + 0.5)).expires_at == NOW + 0.5
    clock.now = NOW + 0.5
    assert refused(verifying, signed(exp=NOW + 0.5)) == "00103"


def test_memory_is_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    """However many tokens are shown, only so many are remembered; a forgotten one is verified anew."""
    monkeypatch.setattr(token_module, "_CACHE_SIZE", 10)
    ring = CountingRing(secret_keys([SECRET]))
    verifying = TokenVerifier(ring, now=Clock())
    texts = [signed(sub=f"holder {number}") for number in range(30)]
    for text in texts:
        verifying.verify(text)
        assert len(verifying._verified) <= 10
    assert verifying.verify(texts[-1]).subject == "holder 29"
    assert ring.asked == 30
    assert verifying.verify(texts[0]).subject == "holder 0"
    assert ring.asked == 31


def test_many_are_verified_once(monkeypatch: pytest.MonkeyPatch) -> None:
    """As many tokens as are remembered, used in turn, are verified once each, though few of their texts are kept."""
    monkeypatch.setattr(token_module, "_CACHE_SIZE", 64)
    ring = CountingRing(secret_keys([SECRET]))
    verifying = TokenVerifier(ring, now=Clock())
    texts = [signed(sub=f"holder {number}") for number in range(64)]
    for _ in range(3):
        for number, text in enumerate(texts):
            assert verifying.verify(text).subject == f"holder {number}"
            assert len(verifying._at_hand) <= 4
    assert ring.asked == 64


def test_as_many_as_an_issuer_has_in_use_are_remembered() -> None:
    """Fifty thousand tokens in use are not verified again and again."""
    assert token_module._CACHE_SIZE > 50_000


def test_the_texts_of_few_tokens_are_kept(monkeypatch: pytest.MonkeyPatch) -> None:
    """Only so many texts are kept; new ones get their turn after as many calls without one as tokens are cached."""
    monkeypatch.setattr(token_module, "_CACHE_SIZE", 32)
    monkeypatch.setattr(token_module, "_SHARE", 16)
    verifying = verifier()
    early, late = ([signed(sub=f"{time}{number}") for number in range(2)] for time in ("early", "late"))
    for text in (*early, *late * 15):
        assert verifying.verify(text).jti == JTI
    assert list(verifying._at_hand) == early
    verifying.verify(late[0])
    assert list(verifying._at_hand) == [late[0]]


def test_refused_tokens_are_not_remembered() -> None:
    """Tokens that are refused take no memory."""
    verifying = verifier()
    for number in range(50):
        refused(verifying, signed(sub=str(number), secret=OTHER_SECRET))
        refused(verifying, signed(sub=str(number), exp=NOW - 1))
        refused(verifying, signed(sub=str(number), iat=NOW + 60))
    assert len(verifying._verified) == 0


# Tokens that are not valid.


@pytest.mark.parametrize(
    "text",
    [
        None,
        "",
        " ",
        "x",
        "a.b",
        "a.b.c",
        "a.b.c.d",
        "....",
        "eyJhbGciOiJIUzI1NiJ9..",
        "é.è.à",
        "\udce9.a.b",
        "\x00",
        "Bearer",
        "null",
        "🦊" * 10,
    ],
)
def test_garbage(text: str | None) -> None:
    """What is no token is invalid."""
    assert refused(verifier(), text) == "00101"


@given(text=st.text(max_size=200))
@settings(max_examples=200, deadline=None)
def test_any_text(text: str) -> None:
    """No text that we did not sign is a valid token, and none breaks the verification."""
    assert refused(verifier(), text) == "00101"


@given(place=st.integers(0, 10_000), character=st.sampled_from("AQgwz-_.é="))
@settings(max_examples=200, deadline=None)
def test_any_changed_token(place: int, character: str) -> None:
    """A token in which a character of the header or of the claims was changed is invalid."""
    text = signed()
    place %= text.rindex(".")
    changed = text[:place] + character + text[place + 1 :]
    if changed != text:
        assert refused(verifier(), changed) == "00101"


def test_non_ascii_at_the_end() -> None:
    """A valid token with something after it is invalid."""
    for tail in ("é", "\n", " ", "!", "."):
        assert refused(verifier(), signed() + tail) == "00101"


def test_wrong_secret() -> None:
    """A token that none of our secrets signed is invalid."""
    assert refused(verifier(), signed(secret=OTHER_SECRET)) == "00101"


def test_no_keys() -> None:
    """Without keys no token is valid."""
    assert refused(TokenVerifier(KeyRing([]), now=Clock()), signed()) == "00101"


@pytest.mark.parametrize("algorithm", ["none", "None", "NONE", "nOnE", "", None, ["HS256"], {"a": 1}, 5])
def test_header_without_a_real_algorithm(algorithm: object) -> None:
    """A token that says it needs no signature, or says nothing sensible, is invalid."""
    payload = json.dumps(fixed()).encode()
    with_signature = compact({"alg": algorithm, "typ": "JWT"}, payload, SECRET.encode())
    without = with_signature.rpartition(".")[0] + "."
    assert refused(verifier(), with_signature) == "00101"
    assert refused(verifier(), without) == "00101"


def test_header_without_algorithm() -> None:
    """A token whose header names no algorithm is invalid, however well it is signed."""
    assert refused(verifier(), compact({"typ": "JWT"}, json.dumps(fixed()).encode(), SECRET.encode())) == "00101"


@pytest.mark.parametrize(("algorithm", "digest"), [("HS512", "sha512"), ("HS384", "sha384")])
def test_other_hmac(algorithm: str, digest: str) -> None:
    """A token signed by our secret with another algorithm than HS256 is invalid."""
    text = compact({"alg": algorithm}, json.dumps(fixed()).encode(), SECRET.encode(), digest=digest)
    assert refused(verifier(), text) == "00101"


def test_algorithm_other_than_named() -> None:
    """A token whose header names HS256 but that was signed otherwise is invalid."""
    text = compact({"alg": "HS256"}, json.dumps(fixed()).encode(), SECRET.encode(), digest="sha512")
    assert refused(verifier(), text) == "00101"


@pytest.mark.parametrize("with_secret", [True, False])
def test_public_key_as_secret(tmp_path: Path, with_secret: bool) -> None:
    """Who knows our public key cannot sign with it, by calling it a secret."""
    ring = public_ring(tmp_path, jwk("RS256"))
    if with_secret:
        ring = KeyRing([*ring.candidates("RS256", None), *secret_keys([SECRET])])
    public = rsa_key().public_key()
    for form in (serialization.PublicFormat.SubjectPublicKeyInfo, serialization.PublicFormat.PKCS1):
        for encoding in (serialization.Encoding.PEM, serialization.Encoding.DER):
            material = public.public_bytes(encoding, form)
            for key in (material, material.strip(), hashlib.sha256(material).digest()):
                text = compact({"alg": "HS256", "typ": "JWT"}, json.dumps(fixed()).encode(), key)
                assert refused(TokenVerifier(ring, now=Clock()), text) == "00101"


@pytest.mark.parametrize("payload", [b"[]", b"[1]", b"5", b'"text"', b"null", b"true", b"", b"{", b"\xff", b"NaN"])
def test_payload_that_is_no_object(payload: bytes) -> None:
    """A well-signed token whose payload is no JSON object is invalid."""
    assert refused(verifier(), PyJWS().encode(payload, SECRET, algorithm="HS256")) == "00101"


@pytest.mark.parametrize("header", [{"kid": 5}, {"kid": None}, {"crit": ["exp"], "exp": 1}, {"b64": False}])
def test_strange_headers(header: dict[str, Any]) -> None:
    """Headers that change what a signature means, or that are malformed, make a token invalid."""
    text = compact({"alg": "HS256"} | header, json.dumps(fixed()).encode(), SECRET.encode())
    assert refused(verifier(), text) == "00101"


@pytest.mark.parametrize("claim", ["jti", "uid"])
@pytest.mark.parametrize(
    "value",
    [
        None,
        "",
        5,
        True,
        [],
        {},
        "x",
        JTI.upper(),
        JTI.replace("-", ""),
        f"{{{JTI}}}",
        f"{JTI}\n",
        f" {JTI}",
        f"urn:uuid:{JTI}",
    ],
)
def test_identity_is_a_lowercase_uuid(claim: str, value: object) -> None:
    """A token whose `jti` or `uid` is missing or is no lowercase uuid is invalid."""
    assert refused(verifier(), signed_with(claim, value)) == "00101"


@pytest.mark.parametrize("scopes", [None, "entreprises", 5, True, {"entreprises": 1}, [1], ["a", None], [["a"]]])
def test_scopes_are_a_list_of_texts(scopes: object) -> None:
    """A token without a list of scopes is invalid."""
    assert refused(verifier(), signed(scopes=scopes)) == "00101"


@pytest.mark.parametrize("value", ["1800000000", True, False, [], {}])
def test_instants_are_numbers(value: object) -> None:
    """A token whose `exp`, `iat` or `nbf` is no number is invalid."""
    for claim in ("exp", "iat", "nbf"):
        assert refused(verifier(), signed_with(claim, value)) == "00101"


@pytest.mark.parametrize("claim", ["iat", "nbf"])
def test_leeway(claim: str) -> None:
    """A token of an issuer whose clock is up to 5 s ahead is accepted, beyond that it is not."""
    assert LEEWAY == 5
    for ahead in (-1, 0, 1, 4.999, 5):
        assert verifier().verify(signed_with(claim, NOW + ahead)).jti == JTI
    for ahead in (5.001, 6, 3600):
        assert refused(verifier(), signed_with(claim, NOW + ahead)) == "00101"


def test_early_token_becomes_valid() -> None:
    """A token refused because it is not valid yet is accepted when its time has come."""
    clock = Clock()
    verifying = verifier(clock=clock)
    text = signed(nbf=NOW + 60)
    assert refused(verifying, text) == "00101"
    clock.now += 55
    assert verifying.verify(text).jti == JTI


def test_longest_token() -> None:
    """A token of 8 kB is read, a longer one is not."""

    def of_length(length: int) -> str:
        shortest = signed(sub="", scopes=[])
        header, payload, signature = map(len, shortest.split("."))
        wanted = length - header - signature - 2
        text = signed(sub="x" * (wanted * 3 // 4 - payload * 3 // 4), scopes=[])
        assert len(text) == length
        return text

    assert verifier().verify(of_length(MAX_TOKEN_LENGTH)).jti == JTI
    assert refused(verifier(), of_length(MAX_TOKEN_LENGTH + 1)) == "00101"


# Public keys.


@pytest.mark.parametrize("algorithm", list(PRIVATE))
def test_public_keys(tmp_path: Path, algorithm: str) -> None:
    """A key of a JWKS verifies the tokens of its owner, and of nobody else."""
    verifying = TokenVerifier(public_ring(tmp_path, jwk(algorithm)), now=Clock())
    assert verifying.verify(jwt.encode(fixed(), PRIVATE[algorithm](), algorithm=algorithm)).jti == JTI
    for other in set(PRIVATE) - {algorithm}:
        assert refused(verifying, jwt.encode(fixed(), PRIVATE[other](), algorithm=other)) == "00101"
    assert refused(verifying, signed()) == "00101"


def test_another_key_of_the_same_algorithm(tmp_path: Path) -> None:
    """A token of somebody else's key is invalid."""
    verifying = TokenVerifier(public_ring(tmp_path, jwk("ES256")), now=Clock())
    stranger = ec.generate_private_key(ec.SECP256R1())
    assert refused(verifying, jwt.encode(fixed(), stranger, algorithm="ES256")) == "00101"


@pytest.mark.parametrize("algorithm", ["RS512", "PS256"])
def test_other_algorithm_of_the_same_key(tmp_path: Path, algorithm: str) -> None:
    """The right key with another algorithm than its own signs nothing."""
    verifying = TokenVerifier(public_ring(tmp_path, jwk("RS256")), now=Clock())
    assert refused(verifying, jwt.encode(fixed(), rsa_key(), algorithm=algorithm)) == "00101"


def test_all_kinds_of_keys_together(tmp_path: Path) -> None:
    """Secrets and public keys may be in force at the same time."""
    public = public_ring(tmp_path, *(jwk(algorithm) | {"kid": algorithm} for algorithm in PRIVATE))
    keys = [key for algorithm in PRIVATE for key in public.candidates(algorithm, None)]
    verifying = TokenVerifier(KeyRing([*secret_keys([SECRET]), *keys]), now=Clock())
    assert verifying.verify(signed()).jti == JTI
    for algorithm, private in PRIVATE.items():
        for header in (None, {"kid": algorithm}):
            assert verifying.verify(jwt.encode(fixed(), private(), algorithm=algorithm, headers=header)).jti == JTI


def test_kid_singles_out_a_key(tmp_path: Path) -> None:
    """A token that names a key is verified with that one alone."""
    newer = ec.generate_private_key(ec.SECP256R1())
    entries = [
        jwk("ES256") | {"kid": "old"},
        json.loads(ECAlgorithm.to_jwk(newer.public_key())) | {"kid": "new"},
    ]
    verifying = TokenVerifier(public_ring(tmp_path, *entries), now=Clock())

    def text(key: ec.EllipticCurvePrivateKey, kid: str | None) -> str:
        return jwt.encode(fixed(), key, algorithm="ES256", headers={"kid": kid} if kid else None)

    for key, kid in ((ec_key(), "old"), (newer, "new"), (ec_key(), None), (newer, None)):
        assert verifying.verify(text(key, kid)).jti == JTI
    for key, kid in ((ec_key(), "new"), (newer, "old"), (ec_key(), "unknown")):
        assert refused(verifying, text(key, kid)) == "00101"


# Tokens that end soon.


def test_tokens_that_end_soon() -> None:
    """Of the tokens seen, those that are valid now and end within a time are told of; others are not."""
    clock = Clock()
    verifying = verifier(clock=clock)
    for hours in (1, 30, 100):
        verifying.verify(signed(exp=NOW + hours * 3600, jti=f"6f1d4f0e-27aa-4f0b-9a55-{hours:012}"))
    verifying.verify(signed(exp=None))
    assert [token.jti[-3:] for token in verifying.expiring(86_400)] == ["001"]
    assert [token.jti[-3:] for token in verifying.expiring(2 * 86_400)] == ["001", "030"]
    clock.now += 2 * 3600
    assert [token.jti[-3:] for token in verifying.expiring(2 * 86_400)] == ["030"]


def test_tokens_share_their_scopes() -> None:
    """Tokens that open the same things keep one set of them in memory, however many tokens there are."""
    verifying = verifier()
    one, other = (verifying.verify(signed(jti=jti, scopes=["b", "a"])) for jti in (JTI, UID))
    assert one.jti != other.jti
    assert one.scopes is other.scopes
    assert verifying.verify(signed(scopes=["a"])).scopes == {"a"}


# Any bytes.

_TEXT = st.text(max_size=8) | st.sampled_from(["HS256", "ES256", "RS256", "EdDSA", "none", "old", "\x00", "\ud800"])
_NUMBERS = st.integers(-(2**70), 2**70) | st.floats() | st.sampled_from([10**400, -(10**400), 10**18])
_ANY = st.recursive(
    st.none() | st.booleans() | _NUMBERS | _TEXT,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(_TEXT, inner, max_size=3),
    max_leaves=8,
)
_HEADER_NAMES = st.sampled_from(["alg", "kid", "typ", "crit", "b64", "zip", "enc", "jwk", "jku", "x5c", "cty", "p2c"])
_CLAIM_NAMES = st.sampled_from(["jti", "uid", "scopes", "roles", "sub", "exp", "iat", "nbf", "aud", "iss", "version"])


def every_kind_of_key(*, known: bool = True) -> TokenVerifier:
    """A verifier with a secret and public keys of each algorithm, of which there may be newer ones."""
    private: list[Any] = [
        ("RS256", rsa.generate_private_key(public_exponent=65537, key_size=2048)),
        ("ES256", ec.generate_private_key(ec.SECP256R1())),
        ("EdDSA", ed25519.Ed25519PrivateKey.generate()),
    ]
    public = [Key(algorithm, "old", each.public_key()) for algorithm, each in private]
    return TokenVerifier(KeyRing([*secret_keys([SECRET]), *public], known=known, renewable=True), now=Clock())


EVERY_KIND = every_kind_of_key()


def as_json(value: object) -> bytes:
    """What an attacker may write: not only what JSON allows."""
    return json.dumps(value).encode("utf-8", "surrogatepass")


def part(data: bytes) -> str:
    """A part of a token."""
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()


@given(header=_ANY | st.dictionaries(_HEADER_NAMES, _ANY, max_size=4), payload=_ANY, signature=st.binary(max_size=64))
@settings(max_examples=400, deadline=None)
def test_any_header(header: object, payload: object, signature: bytes) -> None:
    """A token that nobody signed is invalid, whatever its header says in whatever types."""
    text = ".".join([part(as_json(header)), part(as_json(payload)), part(signature)])
    assert refused(EVERY_KIND, text) == "00101"


@given(algorithm=_ANY, kid=_ANY)
@settings(max_examples=200, deadline=None)
def test_any_algorithm_and_kid(algorithm: object, kid: object) -> None:
    """The two fields by which a key is chosen may be anything."""
    text = ".".join([part(as_json({"alg": algorithm, "kid": kid})), part(as_json(fixed())), part(b"x" * 64)])
    assert refused(EVERY_KIND, text) == "00101"


@given(changes=st.dictionaries(_CLAIM_NAMES, _ANY, min_size=1, max_size=3))
@settings(max_examples=400, deadline=None)
def test_any_claims(changes: dict[str, object]) -> None:
    """A token that we signed is valid or refused with 401, whatever its claims are."""
    text = PyJWS().encode(as_json(fixed() | changes), SECRET, algorithm="HS256")
    try:
        said = EVERY_KIND.verify(text)
    except Refusal as refusal:
        assert refusal.status == 401  # noqa: PT017 - one of two outcomes
    else:
        json.dumps([said.jti, said.subject, sorted(said.scopes), said.expires_at], allow_nan=False).encode()
        EVERY_KIND.expiring(30 * 86_400)


HOSTILE: dict[str, bytes] = {
    "a list": b'{"alg":["x"]}',
    "an object": b'{"alg":{}}',
    "a number": b'{"alg":' + b"9" * 5000 + b"}",
    "null": b'{"alg":null}',
    "nested": b'{"alg":' + b"[" * 2500 + b"]" * 2500 + b"}",
    "nested objects": b'{"a":' * 1000,
    "NUL": b'{"alg":"HS256\x00"}',
    "an escaped NUL": b'{"alg":"HS256\\u0000"}',
    "half a character": b'{"alg":"\\ud800","kid":"\\udfff"}',
    "no UTF-8": b'{"alg":"HS\xff256"}',
    "UTF-16": '{"alg":"HS256"}'.encode("utf-16"),
    "a byte-order mark": b'\xef\xbb\xbf{"alg":"HS256"}',
    "two algorithms": b'{"alg":"none","alg":["HS256"]}',
    "infinity": b'{"alg":Infinity,"kid":NaN}',
    "kid a list": b'{"alg":"ES256","kid":["old"]}',
    "kid an object": b'{"alg":"ES256","kid":{"a":[]}}',
    "kid a number": b'{"alg":"RS256","kid":1e400}',
    "crit": b'{"alg":"ES256","crit":{"exp":1}}',
    "crit a number": b'{"alg":"HS256","crit":5}',
    "crit with b64": b'{"alg":"HS256","crit":["b64"],"b64":false}',
    "b64": b'{"alg":"EdDSA","b64":false}',
    "zip": b'{"alg":"EdDSA","zip":"DEF"}',
    "JWE": b'{"alg":"RSA-OAEP","enc":"A256GCM"}',
    "JWE by password": b'{"alg":"PBES2-HS256+A128KW","p2c":999999999,"p2s":"AAAA"}',
    "empty": b"",
    "a text": b'"HS256"',
}


@pytest.mark.parametrize("name", HOSTILE)
def test_hostile_headers(name: str) -> None:
    """No header breaks the verification, with claims in place, detached, or in five parts."""
    header, claims = part(HOSTILE[name]), part(json.dumps(fixed()).encode())
    for text in (
        f"{header}.{claims}.{part(b'x' * 64)}",
        f"{header}.{claims}.",
        f"{header}..{part(b'x' * 32)}",
        f"{header}.{claims}",
        f"{header}.{claims}.{claims}.{claims}.{claims}",
    ):
        assert refused(EVERY_KIND, text) == "00101"


@pytest.mark.parametrize("size", [10_000, 5_000_000])
def test_tokens_of_any_size(size: int) -> None:
    """A token beyond the longest that is read is invalid, and is not read."""
    for text in ("x" * size, "." * size, f"{part(b'[' * size)}.{part(b'{}')}."):
        assert refused(EVERY_KIND, text) == "00101"


@pytest.mark.parametrize("spoil", ["\x00", "=", "==", "!", " ", "\n", "é", "\ud800", "%3D"])
def test_more_than_a_token(spoil: str) -> None:
    """What decoders of base64 pass over makes a signed token invalid, wherever it stands."""
    header, payload, signature = signed().split(".")
    for text in (
        f"{header}{spoil}.{payload}.{signature}",
        f"{header}.{payload}{spoil}.{signature}",
        f"{header}.{payload}.{signature}{spoil}",
        f"{spoil}{header}.{payload}.{signature}",
    ):
        assert refused(EVERY_KIND, text) == "00101"


def test_a_library_that_fails(monkeypatch: pytest.MonkeyPatch) -> None:
    """Whatever else a library raises at the bytes of a token, the token is invalid."""

    def fail(*_: object, **__: object) -> bytes:
        raise MemoryError

    monkeypatch.setattr(PyJWS, "decode", fail)
    assert refused(verifier(), signed()) == "00101"


def test_scopes_that_a_record_leaves() -> None:
    """A token with a record has its scopes narrowed, always to the same object, and others are as they were."""
    verifier, registry = TokenVerifier(KeyRing(secret_keys([SECRET])), now=Clock()), TokenRegistry(now=Clock())
    text = signed(scopes=["a", "b"])
    whole = authenticate(text, verifier=verifier, registry=registry)
    registry.publish({JTI: TokenRecord(scopes=frozenset({"b", "c"}))})
    narrowed = [authenticate(text, verifier=verifier, registry=registry) for _ in range(2)]
    assert [each.scopes for each in narrowed] == [frozenset({"b"})] * 2
    assert narrowed[0].scopes is narrowed[1].scopes
    assert (narrowed[0].jti, narrowed[0].expires_at) == (whole.jti, whole.expires_at)
    registry.publish({JTI: TokenRecord(cap_per_minute=5)})
    assert authenticate(text, verifier=verifier, registry=registry) is whole
    registry.revoke({JTI: NOW})
    with pytest.raises(Refusal, match="00105"):
        authenticate(text, verifier=verifier, registry=registry)
