"""Tests of access tokens of FranceConnect, with its answers made at the upstream."""

import asyncio
import json
import time
from collections.abc import Callable
from datetime import date
from typing import Any
from urllib.parse import parse_qs

import pytest
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import BestAvailableEncryption, Encoding, PrivateFormat
from hypothesis import given
from hypothesis import strategies as st
from joserfc.jwk import RSAKey
from structlog.testing import capture_logs

from apientreprise_gateway.auth.france_connect.claims import Introspection, read
from apientreprise_gateway.auth.france_connect.faults import UnusableAnswerError
from apientreprise_gateway.auth.france_connect.own_key import KID as OWN_KID
from apientreprise_gateway.auth.france_connect.own_key import OwnKey
from apientreprise_gateway.auth.france_connect.service import FranceConnect, UnavailableError
from apientreprise_gateway.auth.keys import Key, read_jwks
from apientreprise_gateway.contract.codes import ACCESS_TOKEN_ERRORS
from apientreprise_gateway.contract.errors import Refusal, network_error, provider_error
from apientreprise_gateway.contract.person.identity import Identity
from apientreprise_gateway.upstream.response import Response
from apientreprise_gateway.upstream.upstream import NotAskedError
from support.france_connect import (
    CLIENT,
    IDENTITY,
    KID,
    encrypted,
    introspection,
    issuer,
    pem_of,
    rsa_key,
    said,
    signed,
)

TODAY = date(2026, 11, 28)
TOKEN = "an-opaque.access_token~1+/=="
OWN = OwnKey(pem_of(rsa_key()))


def _keys(*kids: str) -> list[Key]:
    return read_jwks(issuer.published(*kids), "test").keys


class Keys:
    """A key set that may be renewed by others, or never."""

    def __init__(self, now: list[Key], later: list[Key] | None = None) -> None:
        self.keys = now
        self.later = later
        self.on_keys: Callable[[list[Key]], None] = lambda _keys: None
        self.renewals = 0
        self.hangs = False

    async def start(self) -> None:
        """Know the keys already."""

    async def watch(self) -> None:
        """Never look."""

    async def renew(self) -> None:
        """Use the later keys."""
        self.renewals += 1
        if self.hangs:
            await asyncio.Event().wait()
        if self.later is not None:
            self.keys = self.later
            self.on_keys(self.later)

    async def close(self) -> None:
        """Hold nothing."""


class Wire:
    """FranceConnect at the upstream: answers with a response, or raises a refusal."""

    def __init__(self, answer: Response | Exception) -> None:
        self.answer = answer
        self.asked: list[tuple[str, dict[str, list[str]], float]] = []

    async def get(self, target: str, *, request_id: str, deadline: float, form: bytes) -> Response:
        """Answer."""
        assert request_id == "the-call"
        self.asked.append((target, parse_qs(form.decode(), keep_blank_values=True), deadline))
        if isinstance(self.answer, Exception):
            raise self.answer
        return self.answer

    def close(self) -> None:
        """Hold nothing."""


class Rig:
    """A service with what it notes."""

    def __init__(self, answer: Response | Exception | bytes, keys: Keys | None = None, *, timeout: float = 60) -> None:
        self.wire = Wire(
            Response(200, "application/token-introspection+jwt", answer) if isinstance(answer, bytes) else answer
        )
        self.keys = keys or Keys(_keys(KID))
        self.noted: list[tuple[str, int, bool]] = []
        self.service = FranceConnect(
            upstream=self.wire,
            target="/api/v2/checktoken",
            client=CLIENT,
            key=OWN,
            keys=self.keys,
            timeout=timeout,
            observe=lambda outcome, status, seconds: self.noted.append((outcome, status, seconds is not None)),
            today=lambda: TODAY,
        )

    async def ask(self, token: str = TOKEN) -> Introspection:
        """Ask about a token."""
        await self.service.follow()
        return await self.service.introspect(token, request_id="the-call")

    async def refused(self, token: str = TOKEN) -> tuple[int, str]:
        """Status and code of a refusal."""
        with pytest.raises(Refusal) as caught:
            await self.ask(token)
        (error,) = caught.value.errors
        assert error.meta.get("provider") == ("FranceConnect" if error.code.startswith("51") else None)
        return caught.value.status, error.code


async def test_what_a_token_is() -> None:
    """A good answer gives scopes, end and pivot identity; the question carries our credentials and the token."""
    rig = Rig(introspection())
    found = await rig.ask()
    assert found.scopes >= {"cnaf_quotient_familial", "cnous_identite"}
    assert found.expires_at is not None
    assert found.expires_at > time.time()
    assert found.person.identity == Identity(
        birth_name="MARTIN",
        first_names=("Claire", "Marie"),
        birth_year=1991,
        birth_month=4,
        birth_day=23,
        sex="F",
        birth_country="99100",
        birth_commune="35238",
    )
    assert found.person.parameters == (
        ("nomNaissance", "MARTIN"),
        ("prenoms[]", "Claire"),
        ("prenoms[]", "Marie"),
        ("anneeDateNaissance", "1991"),
        ("moisDateNaissance", "4"),
        ("jourDateNaissance", "23"),
        ("sexeEtatCivil", "F"),
        ("codeCogInseePaysNaissance", "99100"),
        ("codeCogInseeCommuneNaissance", "35238"),
    )
    ((target, form, deadline),) = rig.wire.asked
    assert target == "/api/v2/checktoken"
    assert form == {"client_id": [CLIENT[0]], "client_secret": [CLIENT[1]], "token": [TOKEN]}
    assert deadline <= time.monotonic() + 60
    assert rig.noted == [("ok", 200, True)]
    assert "MARTIN" not in repr(found)


@pytest.mark.parametrize("alg", ["RSA-OAEP", "RSA-OAEP-256"])
@pytest.mark.parametrize("enc", ["A256GCM", "A128GCM", "A256CBC-HS512", "A128CBC-HS256"])
def test_how_answers_may_be_encrypted(alg: str, enc: str) -> None:
    """Each way of the list is accepted."""
    assert OWN.decrypt(encrypted("text", alg=alg, enc=enc)) == b"text"


@pytest.mark.parametrize(
    "answer",
    [
        pytest.param(lambda: encrypted("text", alg="RSA1_5"), id="another algorithm"),
        pytest.param(lambda: encrypted("text", enc="A192GCM"), id="another content algorithm"),
        pytest.param(lambda: encrypted("text", zip="DEF"), id="compressed"),
        pytest.param(lambda: encrypted("text", key=rsa_key("another")), id="another key"),
        pytest.param(lambda: encrypted("text")[:-3] + b"AAA", id="another tag"),
        pytest.param(lambda: b"", id="nothing"),
        pytest.param(lambda: b"a.b.c.d.e", id="five letters"),
        pytest.param(lambda: b'{"active":true}', id="not encrypted"),
        pytest.param(lambda: signed({}).encode(), id="signed alone"),
        pytest.param(lambda: b"\xff\x00.\xfe", id="bytes"),
        pytest.param(lambda: encrypted("x" * 80_000), id="too long"),
    ],
)
@pytest.mark.filterwarnings("ignore::joserfc.errors.SecurityWarning")
def test_what_cannot_be_decrypted(answer: Callable[[], bytes]) -> None:
    """Anything else is refused, whatever the library makes of it."""
    with pytest.raises(UnusableAnswerError, match="decrypted"):
        OWN.decrypt(answer())


@given(st.binary(max_size=300))
def test_no_bytes_break_it(text: bytes) -> None:
    """Bytes that are no answer are refused, and nothing else happens."""
    with pytest.raises(UnusableAnswerError):
        OWN.decrypt(text)


def _in_answer(content: object, **how: Any) -> bytes:
    return encrypted(signed(content, **how))


@pytest.mark.parametrize(
    "answer",
    [
        pytest.param(lambda: _in_answer({"token_introspection": said()}, key=issuer.key("other")), id="signature"),
        pytest.param(lambda: _in_answer({"token_introspection": said()}, kid="unknown"), id="kid"),
        pytest.param(
            lambda: _in_answer({"token_introspection": said()}, algorithm="HS256", key="s" * 40), id="shared secret"
        ),
        pytest.param(lambda: _in_answer({"token_introspection": said()}, algorithm="none"), id="none"),
        pytest.param(lambda: encrypted(json.dumps({"token_introspection": said()})), id="not signed"),
        pytest.param(lambda: encrypted(b"\xff\xfe"), id="bytes"),
        pytest.param(lambda: b"<html>", id="page"),
        pytest.param(lambda: _in_answer([]), id="list"),
        pytest.param(lambda: _in_answer({}), id="empty"),
        pytest.param(lambda: _in_answer({"token_introspection": []}), id="no object"),
        pytest.param(lambda: _in_answer(said()), id="not nested"),
        pytest.param(lambda: introspection(active="true"), id="active as text"),
        pytest.param(lambda: introspection(active=None), id="active absent"),
        pytest.param(lambda: introspection(exp="soon"), id="end as text"),
        pytest.param(lambda: introspection(scope={"a": 1}), id="scopes as object"),
    ],
)
async def test_answers_that_cannot_be_used(answer: Callable[[], bytes]) -> None:
    """What is not signed by FranceConnect, or does not say what it promises, is its fault: 502 `51999`."""
    rig = Rig(answer())
    with capture_logs() as logs:
        assert await rig.refused() == (502, "51999")
        assert await rig.refused() == (502, "51999")
    assert rig.noted == [("51999", 502, True)] * 2
    told = [line for line in logs if line["event"] == "france_connect_unusable"]
    assert len(told) == 1
    assert "MARTIN" not in str(logs)


async def test_a_newer_key() -> None:
    """An answer with an unknown `kid` has the key set looked at again, once; then it is verified."""
    rig = Rig(_in_answer({"token_introspection": said()}, kid="newer"), Keys(_keys(KID), _keys(KID, "newer")))
    assert (await rig.ask()).subject == "subject-of-claire-v1"
    assert rig.keys.renewals == 1
    await rig.service.introspect(TOKEN, request_id="the-call")
    assert rig.keys.renewals == 1


async def test_keys_that_cannot_be_had() -> None:
    """Without keys FranceConnect is not available: 502 `51001`, and the caller is told when to try again."""
    rig = Rig(introspection(), Keys([]))
    await rig.service.follow()
    with pytest.raises(UnavailableError) as caught:
        await rig.service.introspect(TOKEN, request_id="the-call")
    assert (caught.value.status, caught.value.errors[0].code) == (502, "51001")
    assert caught.value.errors[0].meta["retry_in"] == 10


async def test_keys_that_hang() -> None:
    """The deadline covers the wait for newer keys: 504 `51002`."""
    rig = Rig(introspection(), Keys([]), timeout=0.05)
    rig.keys.hangs = True
    assert await rig.refused() == (504, "51002")


async def test_an_answer_that_takes_long_to_read(monkeypatch: pytest.MonkeyPatch) -> None:
    """The deadline covers decrypting as well: 504 `51002`."""
    rig = Rig(introspection())
    late = time.monotonic() + 3600

    def decrypt(text: bytes) -> bytes:
        monkeypatch.setattr("apientreprise_gateway.auth.france_connect.service.time.monotonic", lambda: late)
        return b".".join(OWN.decrypt(text).split(b"."))

    monkeypatch.setattr(rig.service, "_key", type("Slow", (), {"decrypt": staticmethod(decrypt)}))
    assert await rig.refused() == (504, "51002")


@pytest.mark.parametrize(
    ("status", "expected", "code"),
    [
        (400, 401, "50001"),
        (401, 502, "51006"),
        (403, 502, "51006"),
        (404, 502, "51999"),
        (429, 502, "51008"),
        (500, 502, "51000"),
        (502, 502, "51000"),
        (503, 502, "51001"),
        (504, 502, "51001"),
        (204, 502, "51999"),
        (302, 502, "51999"),
        (418, 502, "51999"),
    ],
)
async def test_statuses(status: int, expected: int, code: str) -> None:
    """A 400 is about the token; any other status is about FranceConnect, or our access to it."""
    rig = Rig(Response(status, "application/json", b'{"error":"some_error"}'))
    assert await rig.refused() == (expected, code)


@pytest.mark.parametrize(
    ("error", "outcome", "asked"),
    [
        (provider_error("002", prefix="51", name="FranceConnect"), "51002", True),
        (provider_error("004", prefix="51", name="FranceConnect"), "51004", True),
        (network_error(), "00501", True),
        (NotAskedError("open", provider_error("001", prefix="51", name="FranceConnect", retry_in=4)), "open", False),
        (NotAskedError("busy", provider_error("001", prefix="51", name="FranceConnect")), "busy", False),
    ],
)
async def test_no_answer(error: Refusal, outcome: str, asked: bool) -> None:
    """What keeps FranceConnect from answering is told as for a provider, and is no fault of the caller."""
    rig = Rig(error)
    with pytest.raises(UnavailableError) as caught:
        await rig.ask()
    assert (caught.value.status, caught.value.errors) == (error.status, error.errors)
    assert rig.noted == [(outcome, error.status, asked)]


@pytest.mark.parametrize("token", ["", " ", "a b", "é", "a\n", "=", "a=b", 'a"', "x" * 8193])
async def test_what_is_no_access_token(token: str) -> None:
    """What cannot be a token is refused without a question: 401 `50001`."""
    rig = Rig(introspection())
    assert await rig.refused(token) == (401, "50001")
    assert rig.wire.asked == []


@pytest.mark.parametrize(
    ("changes", "code"),
    [
        ({"active": False}, "50002"),
        ({"exp": 1}, "50002"),
        *[({name: None}, "50003") for name in sorted(IDENTITY) if not name.startswith(("given_name_a", "pref"))],
        *[({name: ""}, "50003") for name in ("family_name", "given_name", "gender", "birthdate", "birthcountry")],
        ({"birthplace": ""}, "50003"),
        ({"birthplace": 35238}, "50003"),
        ({"family_name": "  "}, "50003"),
        ({"birthdate": "1991"}, "50003"),
        ({"birthdate": "1991-02-30"}, "50003"),
        ({"birthdate": "0000-01-01"}, "50003"),
        ({"birthcountry": "FRANCE"}, "50003"),
        ({"birthplace": "Rennes"}, "50003"),
    ],
)
async def test_tokens_that_are_refused(changes: dict[str, Any], code: str) -> None:
    """A token that is not in force is `50002`; one without the whole pivot identity, `50003`."""
    rig = Rig(introspection(**changes))
    assert await rig.refused() == (401, code)
    assert rig.noted == [("ok", 401, True)]


async def test_an_inactive_token_says_nothing_else() -> None:
    """FranceConnect says of a token that has ended that it is not active, and no more: `50002`."""
    assert await Rig(_in_answer({"token_introspection": {"active": False}})).refused() == (401, "50002")


@pytest.mark.parametrize("birthplace", ["", " ", "99135"])
async def test_who_was_born_abroad_is_complete(birthplace: str) -> None:
    """An empty town of birth in another country is right, and is left out of what the provider is asked."""
    found = await Rig(introspection(birthplace=birthplace, birthcountry="99135")).ask()
    assert found.person.identity.birth_country == "99135"
    assert ("codeCogInseePaysNaissance", "99135") in found.person.parameters
    given = dict(found.person.parameters)
    assert given.get("codeCogInseeCommuneNaissance", "") == birthplace.strip()


@pytest.mark.parametrize(("gender", "sex"), [("male", "M"), ("female", "F"), ("unspecified", "F")])
async def test_a_sex_as_it_is_published(gender: str, sex: str) -> None:
    """Whoever is not said to be male is F."""
    assert (await Rig(introspection(gender=gender)).ask()).person.identity.sex == sex


async def test_who_was_born_in_a_corsica_of_one_department() -> None:
    """The code of the town of birth may be one of the time: Ajaccio was 20004 until 1976."""
    person = (await Rig(introspection(birthplace="20004", birthdate="1960-05-02")).ask()).person
    assert ("codeCogInseeCommuneNaissance", "20004") in person.parameters


@pytest.mark.parametrize(("birthdate", "known"), [("1960-00-00", (1960, None, None)), ("1960-05-00", (1960, 5, None))])
async def test_a_day_of_birth_that_nobody_knows(birthdate: str, known: tuple[int | None, ...]) -> None:
    """Unknown parts of a date of birth are left out."""
    identity = (await Rig(introspection(birthdate=birthdate)).ask()).person.identity
    assert (identity.birth_year, identity.birth_month, identity.birth_day) == known


@given(
    st.dictionaries(
        st.sampled_from([*sorted(IDENTITY), "active", "exp", "sub", "scope", "aud"]),
        st.none() | st.text("aé 0-9", max_size=8) | st.integers() | st.lists(st.text("a ", max_size=2), max_size=2),
    )
)
def test_whatever_it_says(changes: dict[str, Any]) -> None:
    """Whatever the claims are, they give an identity, or one of the errors about tokens, or cannot be used."""
    refusal: Refusal | None = None
    try:
        found = read({"token_introspection": said() | changes}, now=time.time(), today=TODAY)
    except UnusableAnswerError:
        return
    except Refusal as error:
        refusal = error
    if refusal is None:
        assert found.person.identity.birth_name
        assert found.person.identity.first_names
    else:
        assert refusal.status == 401
        assert refusal.errors[0].code in ACCESS_TOKEN_ERRORS


def _named(**changes: Any) -> str:
    rig = Rig(introspection())
    return rig.service.name_of(read({"token_introspection": said(**changes)}, now=0, today=TODAY))


def test_the_name_of_a_holder() -> None:
    """Two tokens of one person at one service have one name, which tells nothing; others have others."""
    name = _named()
    assert name == _named(exp=2_000_000_000, scope="openid", given_name="Anne")
    assert name not in {_named(sub="another"), _named(aud="another"), _named(aud=["the-service", "another"])}
    assert _named(sub=None) == _named(sub=7) == _named(sub=None, exp=2_000_000_000) != name
    assert _named(sub=None) != _named(sub=None, given_name="Anne")
    assert _named(aud="a", sub="bc") != _named(aud="ab", sub="c")
    assert "the-service" not in name
    assert "claire" not in name


def test_our_public_key() -> None:
    """The page has the public part of our key alone, under its published name."""
    (entry,) = json.loads(OWN.jwks)["keys"]
    assert {name: entry[name] for name in ("kid", "kty", "use", "alg")} == {
        "kid": OWN_KID,
        "kty": "RSA",
        "use": "enc",
        "alg": "RSA-OAEP",
    }
    assert entry.keys() == {"kid", "kty", "use", "alg", "n", "e"}
    assert RSAKey.import_key(entry).public_key.public_numbers() == rsa_key().public_key().public_numbers()


def test_keys_that_cannot_serve() -> None:
    """A key that is none, of another kind, too short or under a password is refused with words that show nothing."""
    locked = rsa_key().private_bytes(Encoding.PEM, PrivateFormat.PKCS8, BestAvailableEncryption(b"password"))
    cases = {
        b"": "no private key",
        b"-----BEGIN PRIVATE KEY-----\nAAAA\n-----END PRIVATE KEY-----": "no private key",
        pem_of(ec.generate_private_key(ec.SECP256R1())): "no RSA key",
        pem_of(rsa_key("short", 1024)): "1024 bits",
        locked: "encrypted",
    }
    for content, words in cases.items():
        with pytest.raises(ValueError, match=words):
            OwnKey(content)
