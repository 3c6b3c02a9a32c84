"""What DataPass calls: signatures, limits, repeats, and what each event leaves behind, on both databases."""

import hashlib
import hmac
import itertools
import json
from collections.abc import AsyncIterator, Mapping
from datetime import UTC, datetime, timedelta
from typing import Any

import httpx
import pytest
from fastapi import FastAPI
from pydantic import SecretStr
from sqlalchemy import Engine, func, select

from apientreprise_gateway.accounts import repository
from apientreprise_gateway.accounts.mails import Reporters
from apientreprise_gateway.accounts.model import HabilitationState, ProductKey, Role
from apientreprise_gateway.accounts.tokens import revoke
from apientreprise_gateway.database.accounts import events, habilitations, publications, tokens
from apientreprise_gateway.database.engine import reading, writing
from apientreprise_gateway.database.serving import mails
from apientreprise_gateway.net.client_ip import ClientIp
from apientreprise_gateway.portal.webhooks import MAX_BODY, MOST_BAD, Webhooks, make_router
from apientreprise_gateway.sandbox.datapass.bodies import BODIES, path, signature
from apientreprise_gateway.sandbox.datapass.requests import SUCCESSOR, FictiveRequest

NOW = datetime(2026, 11, 2, 9, tzinfo=UTC)
T = int(NOW.timestamp()) - 10_000
OLD, NEW = "an-old-secret-of-datapass", "the-new-secret-of-datapass"
REQUEST = FictiveRequest(product="entreprise")


class DataPass:
    """Signs and sends."""

    def __init__(
        self, engine: Engine, *, secrets: tuple[str, ...] = (OLD, NEW), reporters: Reporters | None = None
    ) -> None:
        self.engine = engine
        self.outcomes: list[str] = []
        self.seconds = 0.0
        webhooks = Webhooks(
            engine=engine,
            secrets=tuple(map(SecretStr, secrets)),
            client_ip=ClientIp(),
            now=lambda: NOW,
            reporters=reporters or {},
            count=self.outcomes.append,
        )
        app = FastAPI()
        app.include_router(make_router(webhooks, clock=lambda: self.seconds))
        self._app = app

    async def post(
        self, body: bytes | AsyncIterator[bytes], headers: Mapping[str, str], at: str, client: str = "192.0.2.1"
    ) -> httpx.Response:
        """Send a body."""
        transport = httpx.ASGITransport(app=self._app, client=(client, 1))
        async with httpx.AsyncClient(transport=transport, base_url="http://portal") as session:
            return await session.post(at, content=body, headers=dict(headers))

    async def send(
        self, event: str, fired_at: int = T, request: FictiveRequest = REQUEST, version: int = 2
    ) -> httpx.Response:
        """Sign and send an event."""
        said = BODIES[version](request, event, fired_at)
        return await self.raw(json.dumps(said).encode(), at=path(version, request.product))

    async def raw(self, body: bytes, *, at: str = path(2, "entreprise"), secret: str = NEW) -> httpx.Response:
        """Sign and send any body."""
        return await self.post(body, {"X-Hub-Signature-256": signature(body, secret)}, at)

    def state(self, request: FictiveRequest = REQUEST) -> HabilitationState | None:
        """Where a request stands."""
        with reading(self.engine) as connection:
            found = repository.habilitation_by_number(connection, ProductKey(request.product), str(request.number))
        return None if found is None else found.state


@pytest.fixture
def datapass(engine: Engine) -> DataPass:
    """A DataPass whose webhooks lead to a portal with this database."""
    return DataPass(engine)


@pytest.mark.parametrize("version", [1, 2])
@pytest.mark.parametrize("product", ["entreprise", "particulier"])
async def test_a_story_ends_with_a_token(datapass: DataPass, version: int, product: str) -> None:
    """Created, submitted, sent back, submitted and approved: the approval is answered with the token of 18 months."""
    request = FictiveRequest(product=product)
    approve = "validate" if version == 1 else "approve"
    answers = [
        await datapass.send(event, T + place, request, version)
        for place, event in enumerate(("create", "submit", "request_changes", "submit", approve))
    ]
    assert [answer.status_code for answer in answers] == [200] * 5
    assert [answer.json() for answer in answers[:-1]] == [{}] * 4
    with reading(datapass.engine) as connection:
        habilitation = repository.habilitation_by_number(connection, ProductKey(product), str(request.number))
        assert habilitation is not None
        (token,) = repository.tokens_of(connection, habilitation.id)
        people = repository.contacts(connection, habilitation.id)
        assert connection.scalar(select(func.count()).select_from(publications)) == 1
    assert answers[-1].json() == {"token_id": token.id}
    assert (token.iat, token.ends_at) == (int(NOW.timestamp()), datetime(2028, 5, 2, 9, tzinfo=UTC))
    assert habilitation.state is HabilitationState.VALIDATED
    assert habilitation.siret == request.siret
    assert habilitation.first_submitted_at == datetime.fromtimestamp(T + 1, UTC)
    assert habilitation.validated_at == datetime.fromtimestamp(T + 4, UTC)
    assert {role: user.email for role, user in people.items()} == {
        Role.APPLICANT: request.applicant.email,
        Role.BUSINESS_CONTACT: request.business_contact.email,
        Role.TECHNICAL_CONTACT: request.technical_contact.email,
    }


async def test_open_data_is_one_scope(datapass: DataPass) -> None:
    """Scopes of open data are one in the token."""
    await datapass.send(
        "approve", request=FictiveRequest(product="entreprise", scopes=("a", "open_data_b", "open_data_c"))
    )
    with reading(datapass.engine) as connection:
        assert connection.scalars(select(tokens.c.scopes)).one() == ["a", "open_data"]


@pytest.mark.parametrize("secret", [OLD, NEW])
async def test_any_secret_of_the_ring_signs(datapass: DataPass, secret: str) -> None:
    """While a secret is changed, both are good."""
    body = json.dumps(BODIES[2](REQUEST, "create", T)).encode()
    assert (await datapass.raw(body, secret=secret)).status_code == 200


@pytest.mark.parametrize(
    "signed",
    [
        None,
        "",
        "sha256=",
        "sha256=00",
        "sha1=0000",
        "sha256=é",
        lambda body: hmac.new(NEW.encode(), body, hashlib.sha256).hexdigest(),
        lambda body: "sha256=" + hmac.new(b"another", body, hashlib.sha256).hexdigest(),
        lambda body: signature(body + b" ", NEW),
        lambda body: signature(body, ""),
    ],
)
async def test_a_forged_body_is_refused(datapass: DataPass, signed: Any) -> None:
    """Without the right signature over these very bytes nothing is stored."""
    body = json.dumps(BODIES[2](REQUEST, "approve", T)).encode()
    given = signed(body) if callable(signed) else signed
    headers = {} if given is None else {"X-Hub-Signature-256": given.encode()}
    answer = await datapass.post(body, headers, path(2, "entreprise"))
    assert (answer.status_code, answer.json()) == (401, {"error": "Unauthorized"})
    with reading(datapass.engine) as connection:
        assert connection.scalar(select(func.count()).select_from(events)) == 0


async def test_without_secrets_nothing_is_accepted(engine: Engine) -> None:
    """Not even a body that is signed with an empty secret, and however often."""
    datapass = DataPass(engine, secrets=())
    body = json.dumps(BODIES[2](REQUEST, "approve", T)).encode()
    answers = {(await datapass.raw(body, secret="")).status_code for _ in range(MOST_BAD + 2)}
    assert answers == {401}


async def test_the_signed_test_call_is_answered(datapass: DataPass) -> None:
    """DataPass enables a webhook only after it."""
    body = json.dumps({"test": True, "timestamp": "2026-11-02T09:00:00Z"}).encode()
    answer = await datapass.raw(body)
    assert (answer.status_code, answer.json()) == (200, {})
    assert (await datapass.raw(body, secret="wrong")).status_code == 401


async def test_only_bad_signatures_are_limited(datapass: DataPass) -> None:
    """A client that forges has to wait; a right signature passes all the same, and so do other clients."""
    body = json.dumps(BODIES[2](REQUEST, "create", T)).encode()
    for _ in range(MOST_BAD):
        assert (await datapass.raw(body, secret="wrong")).status_code == 401
    limited = await datapass.raw(body, secret="wrong")
    assert limited.status_code == 429
    wait = int(limited.headers["Retry-After"])
    assert 0 < wait <= 61
    assert (await datapass.raw(body)).status_code == 200
    other = await datapass.post(body, {}, path(2, "entreprise"), client="192.0.2.2")
    assert other.status_code == 401
    datapass.seconds += wait
    assert (await datapass.raw(body, secret="wrong")).status_code == 401
    assert datapass.outcomes[-1] == "bad_signature"


async def test_a_body_that_is_too_long_is_not_read(datapass: DataPass) -> None:
    """Whether its length is announced or not."""
    long = b" " * (MAX_BODY + 1)

    async def parts() -> AsyncIterator[bytes]:
        for _ in range(MAX_BODY // 1_000_000 + 2):
            yield b" " * 1_000_000

    assert (await datapass.raw(long)).status_code == 413
    assert (await datapass.post(parts(), {}, path(2, "entreprise"))).status_code == 413
    assert datapass.outcomes == ["too_long", "too_long"]


@pytest.mark.parametrize("body", [b"", b"{", b"\xff", b"[" * 100_000, b'{"event": NaN}', b'"\\ud800"'])
async def test_what_is_no_json_is_a_bad_request(datapass: DataPass, body: bytes) -> None:
    """A signature does not make it JSON."""
    assert (await datapass.raw(body)).status_code == 400


@pytest.mark.parametrize(
    "said",
    [
        [],
        "approve",
        {},
        {"event": "start_next_stage", "model_type": "authorization_request/api_entreprise"},
        BODIES[2](REQUEST, "notify", T),
        BODIES[2](REQUEST, "approve", T) | {"model_type": "authorization_request/api_particulier"},
        BODIES[2](REQUEST, "approve", T) | {"model_type": "authorization_request/api_impot_particulier"},
        BODIES[2](REQUEST, "approve", T) | {"model_type": None},
    ],
)
async def test_what_means_nothing_here_is_kept(datapass: DataPass, said: Any) -> None:
    """Unknown events and models are answered well, and kept."""
    answer = await datapass.raw(json.dumps(said).encode())
    assert (answer.status_code, answer.json()) == (200, {})
    with reading(datapass.engine) as connection:
        assert connection.scalar(select(func.count()).select_from(events)) == 1
        assert connection.scalar(select(func.count()).select_from(habilitations)) == 0


@pytest.mark.parametrize("fired_at", [True, -1, 0, 10**30, 2**62, None, "1", 1.5, [], T + 10**6])
async def test_an_event_of_no_time_is_unreadable(datapass: DataPass, fired_at: Any) -> None:
    """It has no place among the others; a repeat is told the same."""
    body = json.dumps(BODIES[2](REQUEST, "approve", T) | {"fired_at": fired_at}).encode()
    assert [(await datapass.raw(body)).status_code for _ in range(2)] == [422, 422]
    assert datapass.outcomes == ["unreadable", "repeated"]
    assert datapass.state() is None


async def test_a_repeat_gets_the_same_answer(datapass: DataPass) -> None:
    """The same bytes make one token, and are told of it whenever they come."""
    first = await datapass.send("approve", T)
    await datapass.send("revoke", T + 1)
    again = await datapass.send("approve", T)
    assert again.json() == first.json() == {"token_id": again.json()["token_id"]}
    with reading(datapass.engine) as connection:
        assert connection.scalar(select(func.count()).select_from(tokens)) == 1
        assert connection.scalar(select(func.count()).select_from(events)) == 2
    assert datapass.state() is HabilitationState.REVOKED


async def test_a_late_approval_makes_a_revoked_token(datapass: DataPass) -> None:
    """An approval that comes after the revocation that followed it makes its token, which is revoked at once."""
    await datapass.send("revoke", T + 9)
    answer = await datapass.send("approve", T)
    with reading(datapass.engine) as connection:
        (token,) = connection.execute(select(tokens.c.id, tokens.c.revoked_at))
    assert answer.json() == {"token_id": token.id}
    assert token.revoked_at == NOW
    assert datapass.state() is HabilitationState.REVOKED


async def test_an_approval_after_a_revocation_makes_none(datapass: DataPass) -> None:
    """Nothing revives what was revoked: the answer names the last token, if there was one."""
    assert (await datapass.send("revoke", T, FictiveRequest(product="entreprise", number=5))).json() == {}
    assert (await datapass.send("approve", T + 1, FictiveRequest(product="entreprise", number=5))).json() == {}
    first = await datapass.send("approve", T)
    await datapass.send("revoke", T + 1)
    assert (await datapass.send("approve", T + 2)).json() == first.json()
    with reading(datapass.engine) as connection:
        assert connection.scalar(select(func.count()).select_from(tokens)) == 1


async def test_a_renewal_makes_a_second_token(datapass: DataPass) -> None:
    """Reopened and approved again: two tokens in parallel, and the first loses the scopes that were withdrawn."""
    await datapass.send("approve", T, FictiveRequest(product="entreprise", scopes=("a", "b")))
    for place, event in enumerate(("reopen", "submit", "approve"), 1):
        await datapass.send(event, T + place, FictiveRequest(product="entreprise", scopes=("b", "c")))
    await datapass.send("approve", T + 9, FictiveRequest(product="entreprise", scopes=("a", "b")))
    with reading(datapass.engine) as connection:
        found = connection.execute(
            select(tokens.c.scopes, tokens.c.narrowed_scopes, tokens.c.revoked_at).order_by(tokens.c.event_id)
        ).all()
    assert [tuple(row) for row in found] == [
        (["a", "b"], ["b"], None),
        (["b", "c"], ["b"], None),
        (["a", "b"], None, None),
    ]


async def test_nothing_of_an_update_is_stored_before_it_is_approved(datapass: DataPass) -> None:
    """In a reopening only a transfer changes something: people and body."""
    await datapass.send("approve", T)
    changed = FictiveRequest(product="entreprise", title="Autre titre", scopes=("x",), applicant=SUCCESSOR)
    for place, event in enumerate(("reopen", "update", "submit", "request_changes", "refuse"), 1):
        await datapass.send(event, T + place, changed)
        with reading(datapass.engine) as connection:
            found = repository.habilitation_by_number(connection, ProductKey.ENTREPRISE, str(REQUEST.number))
            assert found is not None
            applicant = repository.contacts(connection, found.id)[Role.APPLICANT]
        assert (found.state, found.title, found.reopened) == (
            HabilitationState.VALIDATED,
            REQUEST.title,
            event != "refuse",
        )
        assert applicant.email == REQUEST.applicant.email
    await datapass.send("transfer", T + 9, changed)
    with reading(datapass.engine) as connection:
        found = repository.habilitation_by_number(connection, ProductKey.ENTREPRISE, str(REQUEST.number))
        assert found is not None
        assert found.title == REQUEST.title
        assert repository.contacts(connection, found.id)[Role.APPLICANT].email == SUCCESSOR.email


async def test_a_contact_who_was_removed_has_no_role(datapass: DataPass) -> None:
    """The people of an event replace those before."""
    await datapass.send("create", T)
    said = BODIES[2](REQUEST, "update", T + 1)
    said["data"]["data"]["contact_technique_email"] = None
    await datapass.raw(json.dumps(said).encode())
    with reading(datapass.engine) as connection:
        found = repository.habilitation_by_number(connection, ProductKey.ENTREPRISE, str(REQUEST.number))
        assert found is not None
        assert set(repository.contacts(connection, found.id)) == {Role.APPLICANT, Role.BUSINESS_CONTACT}


@pytest.mark.parametrize("order", list(itertools.permutations(range(3))))
async def test_what_was_copied_is_archived(datapass: DataPass, order: tuple[int, ...]) -> None:
    """A copy that is validated archives the habilitation that it was made from, in whatever order all that comes."""
    copied = FictiveRequest(product="entreprise", number=41)
    copy = FictiveRequest(product="entreprise", number=42, copied_from=41)
    steps = [("validate", T, copied), ("submit", T + 1, copy), ("validate", T + 2, copy)]
    for step in order:
        await datapass.send(*steps[step], version=1)
    assert datapass.state(copied) is HabilitationState.ARCHIVED
    assert datapass.state(copy) is HabilitationState.VALIDATED


async def test_without_calls_by_parameters_there_is_no_token(datapass: DataPass) -> None:
    """API Particulier by FranceConnect alone needs none."""
    answer = await datapass.send("approve", T, FictiveRequest(product="particulier", modalities=("france_connect",)))
    assert answer.json() == {}


async def test_people_are_told_once_and_in_time(datapass: DataPass) -> None:
    """Each event that holds is told, in the transaction that applies it; one that comes too late is not."""
    await datapass.send("approve", T + 5)
    with reading(datapass.engine) as connection:
        told = connection.scalar(select(func.count()).select_from(mails))
    assert told
    await datapass.send("submit", T)  # what follows it was told already
    await datapass.send("approve", T + 5)  # a repeat
    with reading(datapass.engine) as connection:
        assert connection.scalar(select(func.count()).select_from(mails)) == told


async def test_an_archive_leaves_tokens_alone(datapass: DataPass) -> None:
    """They work until their end."""
    await datapass.send("approve", T)
    await datapass.send("archive", T + 1)
    with reading(datapass.engine) as connection:
        assert connection.scalars(select(tokens.c.revoked_at)).all() == [None]
    assert datapass.state() is HabilitationState.ARCHIVED


async def test_what_people_did_to_a_token_stays(datapass: DataPass) -> None:
    """No event takes a revocation back, with who asked for it and why; a later one brings a future date forward."""
    jti = (await datapass.send("approve", T)).json()["token_id"]
    with writing(datapass.engine) as connection:
        revoke(connection, jti, now=NOW, at=NOW + timedelta(days=30), by="somebody", reason="Perdu")
    for place, event in enumerate(("reopen", "submit", "approve", "transfer"), 1):
        await datapass.send(event, T + place)
    columns = tokens.c.revoked_at, tokens.c.revoked_by
    with reading(datapass.engine) as connection:
        found = connection.execute(select(*columns).where(tokens.c.id == jti)).one()
    assert tuple(found) == (NOW + timedelta(days=30), "somebody")
    await datapass.send("revoke", T + 9)
    with reading(datapass.engine) as connection:
        assert set(connection.scalars(select(tokens.c.revoked_at))) == {NOW}


async def test_our_own_fault_is_told_to_datapass(datapass: DataPass, monkeypatch: pytest.MonkeyPatch) -> None:
    """It sends the event again, which is then new: nothing of the first try is left."""

    def fail(*_arguments: object, **_more: object) -> None:
        raise LookupError

    with monkeypatch.context() as broken:
        broken.setattr("apientreprise_gateway.accounts.applying.make", fail)
        failed = await datapass.send("approve", T)
    assert (failed.status_code, datapass.outcomes) == (500, ["failed"])
    assert datapass.state() is None
    assert list((await datapass.send("approve", T)).json()) == ["token_id"]


async def test_what_was_sent_to_the_wrong_path_can_be_sent_again(datapass: DataPass) -> None:
    """There it meant nothing and was kept; at the right path it is applied, once."""
    body = json.dumps(BODIES[2](REQUEST, "approve", T)).encode()
    assert (await datapass.raw(body, at=path(1, "particulier"))).json() == {}
    made = await datapass.raw(body)
    assert list(made.json()) == ["token_id"]
    assert (await datapass.raw(body)).json() == made.json()
    assert datapass.outcomes == ["kept", "applied", "repeated"]
    with reading(datapass.engine) as connection:
        assert connection.scalar(select(func.count()).select_from(events)) == 1


@pytest.mark.parametrize("version", [1, 2])
async def test_an_event_that_says_nothing_more_is_applied(datapass: DataPass, version: int) -> None:
    """A number and a time are enough: the request has a title of its number, and no scopes."""
    named = {"id": 77} if version == 2 else {"pass": {"id": 77}}
    kind = "authorization_request/api_entreprise" if version == 2 else "Pass"
    said = {"event": "submit", "fired_at": T, "model_type": kind, "data": named}
    assert (await datapass.raw(json.dumps(said).encode(), at=path(version, "entreprise"))).status_code == 200
    with reading(datapass.engine) as connection:
        found = repository.habilitation_by_number(connection, ProductKey.ENTREPRISE, "77")
    assert found is not None
    assert (found.title, found.state, found.scopes) == ("Demande n°77", HabilitationState.SUBMITTED, ())


async def test_reporters_are_told(engine: Engine) -> None:
    """Of each request that is submitted or approved, those who follow its scopes; by mails of their own."""
    reporters = {"all@etat.example": (), "other@etat.example": ("attestation_fiscale_dgfip",)}
    datapass = DataPass(engine, reporters=reporters)
    request = FictiveRequest(product="entreprise", scopes=("entreprises",))
    for place, event in enumerate(("create", "submit", "approve")):
        await datapass.send(event, T + place, request)
    with reading(engine) as connection:
        told = connection.execute(select(mails.c.kind).where(mails.c.recipient == "all@etat.example")).scalars().all()
        assert connection.scalar(select(func.count()).where(mails.c.recipient == "other@etat.example")) == 0
    assert sorted(told) == ["reported_approval", "reported_request"]


V, S, R, A, X = (
    HabilitationState.VALIDATED,
    HabilitationState.SUBMITTED,
    HabilitationState.REFUSED,
    HabilitationState.ARCHIVED,
    HabilitationState.REVOKED,
)
EFFECTS: list[tuple[int, str, tuple[str, ...], HabilitationState, bool, int, int, set[str]]] = [
    # form, product, events; then: state, reopened, tokens, those that work, kinds of the last event's mails
    (2, "entreprise", ("create",), HabilitationState.DRAFT, False, 0, 0, set()),
    (2, "entreprise", ("create", "update"), HabilitationState.DRAFT, False, 0, 0, set()),
    (2, "particulier", ("create", "submit"), S, False, 0, 0, {"request_received"}),
    (
        2,
        "entreprise",
        ("submit", "request_changes"),
        HabilitationState.CHANGES_REQUESTED,
        False,
        0,
        0,
        {"changes_requested"},
    ),
    (2, "entreprise", ("submit", "refuse"), R, False, 0, 0, {"request_refused"}),
    (
        2,
        "entreprise",
        ("submit", "approve"),
        V,
        False,
        1,
        1,
        {"approved_applicant", "approved_technical", "approved_business"},
    ),
    (
        1,
        "entreprise",
        ("submit", "validate"),
        V,
        False,
        1,
        1,
        {"approved_applicant", "approved_technical", "approved_business"},
    ),
    (2, "particulier", ("submit", "approve"), V, False, 1, 1, {"approved_applicant", "approved_technical"}),
    (2, "entreprise", ("approve", "reopen"), V, True, 1, 1, set()),
    (2, "entreprise", ("approve", "reopen", "submit"), V, True, 1, 1, {"update_received"}),
    (2, "entreprise", ("approve", "reopen", "submit", "request_changes"), V, True, 1, 1, {"update_changes_requested"}),
    (2, "entreprise", ("approve", "reopen", "submit", "refuse"), V, False, 1, 1, {"update_refused"}),
    (2, "entreprise", ("approve", "reopen", "cancel_reopening"), V, False, 1, 1, set()),
    (2, "entreprise", ("approve", "reopen", "submit", "approve"), V, False, 2, 2, {"update_approved"}),
    (2, "entreprise", ("approve", "transfer"), V, False, 1, 1, set()),
    (2, "entreprise", ("submit", "archive"), A, False, 0, 0, set()),
    (2, "entreprise", ("approve", "archive"), A, False, 1, 1, set()),
    (1, "particulier", ("validate", "delete"), A, False, 1, 1, set()),
    (2, "entreprise", ("approve", "revoke"), X, False, 1, 0, {"habilitation_revoked"}),
    (2, "entreprise", ("approve", "reopen", "submit", "approve", "revoke"), X, False, 2, 0, {"habilitation_revoked"}),
    (1, "entreprise", ("validate", "revoke"), X, False, 1, 0, {"habilitation_revoked"}),
    (2, "entreprise", ("approve", "revoke", "approve"), X, False, 1, 0, set()),
    (2, "entreprise", ("revoke", "approve"), X, False, 0, 0, set()),
    (2, "entreprise", ("approve", "archive", "submit"), A, False, 1, 1, set()),
    (2, "entreprise", ("approve", "archive", "approve"), V, False, 2, 2, {"update_approved"}),
    (2, "entreprise", ("approve", "revoke", "reopen"), X, False, 1, 0, set()),
]


@pytest.mark.parametrize(("version", "product", "told", "state", "reopened", "made", "working", "mailed"), EFFECTS)
async def test_the_effect_of_each_event(
    datapass: DataPass,
    *,
    version: int,
    product: str,
    told: tuple[str, ...],
    state: HabilitationState,
    reopened: bool,
    made: int,
    working: int,
    mailed: set[str],
) -> None:
    """The table of events, row by row: what the last one leaves of state, tokens and mails."""
    request = FictiveRequest(product=product)
    for place, event in enumerate(told):
        with reading(datapass.engine) as connection:
            before = set(connection.scalars(select(mails.c.id)))
        assert (await datapass.send(event, T + place, request, version)).status_code == 200
    with reading(datapass.engine) as connection:
        found = repository.habilitation_by_number(connection, ProductKey(product), str(request.number))
        assert found is not None
        known = repository.tokens_of(connection, found.id)
        kinds = {row.kind for row in connection.execute(select(mails.c.id, mails.c.kind)) if row.id not in before}
    assert (found.state, found.reopened, len(known)) == (state, reopened, made)
    assert sum(token.works(NOW) for token in known) == working
    assert kinds == mailed
