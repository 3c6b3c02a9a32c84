"""Tests of the keys."""

import json
from pathlib import Path
from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, rsa
from hypothesis import given, settings
from hypothesis import strategies as st
from jwt.algorithms import ECAlgorithm, OKPAlgorithm, RSAAlgorithm

from apientreprise_gateway.auth.keys import Key, KeyRing, jwks_keys, read_jwks, secret_keys

SECRET = "0123456789abcdef0123456789abcdef"


def jwks(folder: Path, content: object) -> Path:
    """A file with this content."""
    path = folder / "jwks.json"
    path.write_text(json.dumps(content))
    return path


def ec_jwk(**changes: Any) -> dict[str, Any]:
    """A public key on P-256."""
    entry: dict[str, Any] = json.loads(ECAlgorithm.to_jwk(ec.generate_private_key(ec.SECP256R1()).public_key()))
    return entry | changes


GOOD = ec_jwk(kid="good")


# Choosing.


def test_candidates_fit_the_algorithm() -> None:
    """Only keys of the token's algorithm are tried."""
    secret, public = Key("HS256", None, b"a"), Key("RS256", None, "b")
    ring = KeyRing([secret, public])
    assert ring.candidates("HS256", None) == [secret]
    assert ring.candidates("RS256", None) == [public]


@pytest.mark.parametrize("algorithm", ["none", "HS512", "", None, 5, [], {}])
def test_candidates_of_another_algorithm(algorithm: object) -> None:
    """A header that names none of our algorithms finds no key."""
    assert KeyRing([Key("HS256", None, b"a"), Key("RS256", "k", "b")]).candidates(algorithm, None) == []


def test_candidates_by_kid() -> None:
    """A known `kid` singles out its key, an unknown one leaves those without, none leaves all."""
    old, new, nameless = Key("ES256", "old", 1), Key("ES256", "new", 2), Key("ES256", None, 3)
    ring = KeyRing([old, new, nameless])
    assert ring.candidates("ES256", "new") == [new]
    assert ring.candidates("ES256", "unknown") == [nameless]
    assert ring.candidates("ES256", None) == [old, new, nameless]


def test_kid_of_another_algorithm() -> None:
    """A `kid` that names a key of another algorithm does not select it."""
    assert KeyRing([Key("RS256", "k", 1)]).candidates("HS256", "k") == []


# Secrets.


def test_secrets_in_their_order() -> None:
    """Secrets serve HS256 alone, in the order given."""
    assert secret_keys([SECRET, SECRET[::-1]]) == [
        Key("HS256", None, SECRET.encode()),
        Key("HS256", None, SECRET[::-1].encode()),
    ]


def test_no_secrets() -> None:
    """No secrets are no keys."""
    assert secret_keys([]) == []


@pytest.mark.parametrize("secrets", [[""], ["short"], [SECRET[:-1]], [SECRET, "hunter2"]])
def test_short_secret(secrets: list[str]) -> None:
    """A secret below 32 bytes is refused, without being shown."""
    with pytest.raises(ValueError, match="32 bytes") as caught:
        secret_keys(secrets)
    assert all(secret not in str(caught.value) for secret in secrets if secret)


def test_length_is_counted_in_bytes() -> None:
    """A secret of 32 bytes is long enough, whatever its characters."""
    assert len(secret_keys(["é" * 16])) == 1


# Key sets.


def test_public_keys(tmp_path: Path) -> None:
    """Each public key serves the algorithm that its type implies, under its `kid`."""
    private = rsa.generate_private_key(public_exponent=65537, key_size=2048)
    entries = [
        json.loads(RSAAlgorithm.to_jwk(private.public_key())) | {"kid": "a"},
        ec_jwk(kid="b", use="sig"),
        json.loads(OKPAlgorithm.to_jwk(ed25519.Ed25519PrivateKey.generate().public_key())) | {"alg": "EdDSA"},
    ]
    keys = jwks_keys(jwks(tmp_path, {"keys": entries}))
    assert [(key.algorithm, key.kid) for key in keys] == [("RS256", "a"), ("ES256", "b"), ("EdDSA", None)]


def test_secret_in_a_key_set(tmp_path: Path) -> None:
    """A key set holds no secrets."""
    with pytest.raises(ValueError, match="secret"):
        jwks_keys(jwks(tmp_path, {"keys": [{"kty": "oct", "k": "c2VjcmV0LXNlY3JldC1zZWNyZXQ"}]}))


def test_private_keys(tmp_path: Path) -> None:
    """A private key is refused, whatever its type."""
    entries: list[Any] = [
        RSAAlgorithm.to_jwk(rsa.generate_private_key(public_exponent=65537, key_size=2048)),
        ECAlgorithm.to_jwk(ec.generate_private_key(ec.SECP256R1())),
        OKPAlgorithm.to_jwk(ed25519.Ed25519PrivateKey.generate()),
    ]
    for entry in entries:
        with pytest.raises(ValueError, match="private key") as caught:
            jwks_keys(jwks(tmp_path, {"keys": [json.loads(entry)]}))
        assert json.loads(entry)["d"] not in str(caught.value)


@pytest.mark.parametrize("algorithm", ["RS512", "PS256", "ES384", "HS256", "none", "RSA-OAEP"])
def test_other_algorithms(tmp_path: Path, algorithm: str) -> None:
    """A key for an algorithm that we do not accept is refused."""
    entry = json.loads(RSAAlgorithm.to_jwk(rsa.generate_private_key(public_exponent=65537, key_size=2048).public_key()))
    with pytest.raises(ValueError, match="JWKS"):
        jwks_keys(jwks(tmp_path, {"keys": [entry | {"alg": algorithm}]}))


def test_other_curve(tmp_path: Path) -> None:
    """A key on another curve than P-256 is refused."""
    entry = json.loads(ECAlgorithm.to_jwk(ec.generate_private_key(ec.SECP384R1()).public_key()))
    with pytest.raises(ValueError, match="cannot be used"):
        jwks_keys(jwks(tmp_path, {"keys": [entry]}))


def test_key_of_another_use(tmp_path: Path) -> None:
    """A key that is for encryption verifies no signature."""
    with pytest.raises(ValueError, match="JWKS"):
        jwks_keys(jwks(tmp_path, {"keys": [ec_jwk(use="enc")]}))


@pytest.mark.parametrize(
    "content",
    [
        [],
        {},
        5,
        None,
        {"keys": 5},
        {"keys": None},
        {"keys": ["text"]},
        {"keys": [5]},
        {"keys": [None]},
        {"keys": [[]]},
        {"keys": {"kty": "EC"}},
        {"keys": [{}]},
        {"keys": [{"kty": "RSA"}]},
        {"keys": [{"kty": "EC", "crv": "P-256", "x": "AA", "y": "AA"}]},
        {"keys": [{"kty": "EC", "crv": "P-256", "x": 5, "y": 5}]},
        {"keys": [{"kty": "OKP", "crv": "Ed25519"}]},
        {"keys": [{"kty": "OKP", "crv": "X25519", "x": "AA"}]},
        {"keys": [{"kty": ["RSA"]}]},
        {"keys": [{"kty": "RSA", "alg": ["RS256"]}]},
    ],
)
def test_broken_key_sets(tmp_path: Path, content: object) -> None:
    """A key set that is not one is refused with a sentence."""
    with pytest.raises(ValueError, match=r"JWKS"):
        jwks_keys(jwks(tmp_path, content))


@pytest.mark.parametrize("content", [b"", b"{", b"\xff\xfe", b"PEM"])
def test_unreadable_key_sets(tmp_path: Path, content: bytes) -> None:
    """A file that is no JSON is refused."""
    path = tmp_path / "jwks.json"
    path.write_bytes(content)
    with pytest.raises(ValueError, match=r".+"):
        jwks_keys(path)


def test_missing_key_set(tmp_path: Path) -> None:
    """A file that does not exist is named."""
    with pytest.raises(ValueError, match="nowhere"):
        jwks_keys(tmp_path / "nowhere.json")


@pytest.mark.parametrize(
    "entry",
    [
        {"kty": "oct", "k": "VERY-SECRET", "alg": "A256KW"},
        {"k": "VERY-SECRET"},
        {"kty": "RSA", "n": "AQAB", "e": "AQAB", "d": "VERY-SECRET", "alg": "RSA-OAEP"},
        {"kty": "EC", "crv": "P-256", "x": "AA", "y": "AA", "d": "VERY-SECRET"},
    ],
)
def test_refused_keys_are_not_shown(tmp_path: Path, entry: dict[str, Any]) -> None:
    """What is secret in a key set that is refused does not come up in the message."""
    with pytest.raises(ValueError, match="JWKS") as caught:
        jwks_keys(jwks(tmp_path, {"keys": [entry]}))
    assert "VERY-SECRET" not in str(caught.value)


BROKEN: list[Any] = [
    {"kty": "oct"},
    {"kty": "oct", "alg": "HS256"},
    {"kty": "RSA", "n": 5, "e": "AQAB"},
    {"kty": "RSA", "n": None, "e": None},
    {"kty": "RSA", "n": "*", "e": "AQAB"},
    {"kty": "RSA", "n": "é", "e": "AQAB"},
    {"kty": "RSA", "n": "", "e": ""},
    {"kty": "RSA", "n": "AQAB", "e": "AQAB"},
    {"kty": "RSA", "n": "A" * 400_000, "e": "AQAB"},
    {"kty": "RSA", "n": "_" * 2731, "e": "_" * 2731},
    {"kty": "RSA", "n": {"a": 1}, "e": ["AQAB"]},
    {"kty": "EC", "crv": "P-256"},
    {"kty": "EC", "crv": "P-256", "x": "AA", "y": None},
    {"kty": "EC", "crv": "P-256", "x": "A" * 43, "y": "A" * 43},
    {"kty": "EC", "crv": "P-384", "x": "A" * 64, "y": "A" * 64},
    {"kty": "EC", "crv": "secp256k1", "x": "A" * 43, "y": "A" * 43},
    {"kty": "EC", "crv": ["P-256"], "x": "A" * 43, "y": "A" * 43},
    {"kty": "EC", "crv": None},
    {"kty": "OKP", "crv": "Ed25519", "x": "AA"},
    {"kty": "OKP", "crv": "Ed25519", "x": 7},
    {"kty": "OKP", "crv": "X448", "x": "A" * 75},
    {"kty": "unknown"},
    {"kty": None},
    {"kty": 5},
    {"kty": {}},
    {"kty": "RSA", "alg": {}},
    {"kty": "RSA", "alg": None},
    {"kty": "RSA", "use": ["sig"]},
    {},
    [],
    [[]],
    None,
    True,
    7,
    1e300,
    "text",
    "",
]


@pytest.mark.parametrize("entry", BROKEN, ids=lambda entry: json.dumps(entry)[:40])
def test_an_entry_that_cannot_serve_is_left_out(entry: object) -> None:
    """Whatever the shape of an entry, it is named, and the others are used."""
    good = ec_jwk(kid="good")
    for entries, place in (([entry, good], 1), ([good, entry], 2)):
        read = read_jwks(json.dumps({"keys": entries}).encode(), "https://issuer.example")
        assert [key.kid for key in read.keys] == ["good"]
        (reason,) = read.left_out
        assert reason.startswith(f"key {place} of the JWKS https://issuer.example ")
        assert len(reason) < 300


_VALUES = st.none() | st.booleans() | st.integers(-(2**70), 2**70) | st.floats() | st.text(max_size=60)
_ENTRIES = st.dictionaries(
    st.sampled_from(["kty", "crv", "alg", "use", "kid", "n", "e", "x", "y", "key_ops", "x5c"]),
    st.sampled_from(["RSA", "EC", "OKP", "oct", "P-256", "Ed25519", "RS256", "ES256", "EdDSA", "sig", "AQAB", "A" * 43])
    | st.recursive(_VALUES, lambda inner: st.lists(inner, max_size=2) | st.dictionaries(st.text(max_size=3), inner)),
)


@given(entry=_ENTRIES | st.recursive(_VALUES, lambda inner: st.lists(inner, max_size=2)))
@settings(max_examples=300, deadline=None)
def test_any_entry(entry: object) -> None:
    """No entry without secrets keeps a good one from being used."""
    content = json.dumps({"keys": [entry, GOOD]}).encode("utf-8", "surrogatepass")
    assert "good" in [key.kid for key in read_jwks(content, "https://issuer.example").keys]


@pytest.mark.parametrize("kid", [5, 1.5, True, [], {}, ["a"], "k" * 257])
def test_a_kid_that_is_no_name(kid: object) -> None:
    """A key whose `kid` no token could name is left out."""
    read = read_jwks(json.dumps({"keys": [ec_jwk(kid=kid), ec_jwk(kid="good")]}).encode(), "x")
    assert [key.kid for key in read.keys] == ["good"]


def test_a_key_on_another_curve_than_its_algorithm_says() -> None:
    """A key that claims ES256 on another curve is left out."""
    entry = json.loads(ECAlgorithm.to_jwk(ec.generate_private_key(ec.SECP384R1()).public_key()))
    with pytest.raises(ValueError, match="cannot be used"):
        read_jwks(json.dumps({"keys": [entry | {"alg": "ES256"}]}).encode(), "x")


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"\x00",
        b"\xff\xfe",
        b"[" * 200_000,
        b'{"keys":' * 50_000,
        b'{"keys": ' + b"9" * 10_000 + b"}",
        b'{"keys": NaN}',
        b"null",
        b'{"keys": [' + b",".join([b"{}"] * 65) + b"]}",
    ],
    ids=repr,
)
def test_what_is_no_key_set(content: bytes) -> None:
    """Any other bytes are refused with a sentence."""
    with pytest.raises(ValueError, match="JWKS"):
        read_jwks(content, "x")
