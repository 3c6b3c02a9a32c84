"""Tests of calls with an access token of FranceConnect: what it opens, who it is, and what becomes of its faults."""

import json
import time
from typing import Any
from urllib.parse import parse_qsl

import pytest

from apientreprise_gateway.auth.france_connect.claims import Introspection, read
from apientreprise_gateway.auth.france_connect.service import UnavailableError
from apientreprise_gateway.auth.keys import KeyRing, secret_keys
from apientreprise_gateway.auth.token import TokenVerifier
from apientreprise_gateway.contract.errors import Refusal, provider_error, refuse
from apientreprise_gateway.contract.person.identity import Identity
from apientreprise_gateway.contract.pseudonym import Pseudonyms
from apientreprise_gateway.dataplane.access_tokens import AccessTokens
from apientreprise_gateway.dataplane.persons import Persons
from support.france_connect import said
from support.tokens import SECRET, token
from unit.dataplane.rig import Reply, Rig
from unit.dataplane.test_persons import ANSWER, DAY, RECIPIENT

OPAQUE = "an-opaque-access-token"
GRANTS = "/v4/cnous/etudiant_boursier/france_connect"
QUOTIENT = "/v3/dss/quotient_familial/france_connect"
VEHICLE = "/v3/ants/extrait_immatriculation_vehicule/france_connect"
STUDENT_V2 = "/api/v2/etudiants"
KEY = bytes(32)


class Service:
    """FranceConnect, as it answers one token."""

    def __init__(self, answer: Refusal | None = None, **changes: Any) -> None:
        self.answer = answer
        self.changes = changes
        self.asked: list[str] = []

    async def introspect(self, token: str, *, request_id: str) -> Introspection:
        """Say what a token is."""
        assert request_id
        self.asked.append(token)
        if self.answer is not None:
            raise self.answer
        return read({"token_introspection": said(**self.changes)}, now=time.time(), today=DAY)

    def name_of(self, found: Introspection) -> str:
        """A name that shows what it is made of, for tests."""
        return f"fc-{found.client}-{len(found.subject)}"


def rig(service: Service | None, **options: Any) -> Rig:
    """A pipeline that asks this FranceConnect."""
    tokens = TokenVerifier(KeyRing(secret_keys([SECRET])))
    made = Rig(
        persons=Persons(Pseudonyms(KEY), access_tokens=AccessTokens(service, tokens=tokens), clock=lambda: DAY),
        **options,
    )
    made.source.answer = ANSWER
    return made


async def ask(
    made: Rig, path: str = GRANTS, query: str = RECIPIENT, bearer: str | None = OPAQUE, **given: Any
) -> Reply:
    """Make a call; it gets an answer."""
    reply = await made.call(f"{path}?{query}", bearer=bearer, **given)
    assert reply is not None
    return reply


async def test_a_call_is_answered_for_the_holder() -> None:
    """The provider is asked about the pivot identity; the line has its digest and a name of the holder."""
    service = Service()
    made = rig(service)
    reply = await ask(made)
    assert reply.status == 200
    assert json.loads(reply.body)["data"] == {}  # the test answer has fields of v3 alone
    assert service.asked == [OPAQUE]
    (request,) = made.source.asked
    path, _, query = request.target.partition("?")
    assert path == GRANTS
    assert parse_qsl(query) == [
        ("nomNaissance", "MARTIN"),
        ("prenoms[]", "Claire"),
        ("prenoms[]", "Marie"),
        ("anneeDateNaissance", "1991"),
        ("moisDateNaissance", "4"),
        ("jourDateNaissance", "23"),
        ("sexeEtatCivil", "F"),
        ("codeCogInseePaysNaissance", "99100"),
        ("codeCogInseeCommuneNaissance", "35238"),
    ]
    (line,) = made.lines.lines
    person = Identity(
        birth_name="MARTIN", first_names=("Claire", "Marie"), birth_year=1991, birth_month=4, birth_day=23
    )
    assert line["identifier"] == Pseudonyms(KEY).of(person)
    assert line["jti"] == "fc-the-service-20"
    assert OPAQUE not in str(line)
    ((_, key, _, _),) = made.limiter.admitted
    assert key[0] == line["jti"]


async def test_scopes_about_identity_are_dropped_from_v3_on() -> None:
    """A token whose only scope shows the identity opens nothing from v3 on, and is heeded in v2."""
    made = rig(Service(scope="openid cnous_identite mesri_identite"))
    assert (await ask(made)).codes == ["00100"]
    assert (await ask(made, STUDENT_V2)).status == 200


async def test_what_is_no_identity_is_read_from_the_call() -> None:
    """A month, a year or a plate is the caller's to say, and is judged; an identity in the query is not heeded."""
    made = rig(Service())
    reply = await ask(made, QUOTIENT, f"{RECIPIENT}&annee=2026&mois=9&nomNaissance=AUTRE&prenoms[]=X")
    assert reply.status == 200
    query = parse_qsl(made.source.asked[-1].target.partition("?")[2])
    assert query[-2:] == [("annee", "2026"), ("mois", "9")]
    assert ("nomNaissance", "MARTIN") in query
    assert "AUTRE" not in str(query)
    assert (await ask(made, QUOTIENT, f"{RECIPIENT}&annee=1999&mois=13")).codes == ["00356", "00354"]
    owner = rig(Service(scope="ants_extrait_immatriculation_vehicule_statut_rattachement"))
    assert (await ask(owner, VEHICLE)).codes == ["00430"]
    await ask(owner, VEHICLE, f"{RECIPIENT}&immatriculation=ab-123-cd")
    assert "immatriculation=AB-123-CD" in owner.source.asked[-1].target
    assert made.lines.lines[0]["identifier"] == owner.lines.lines[-1]["identifier"]


@pytest.mark.parametrize(("given", "code"), [("", "00203"), ("recipient=abc", "00210")])
async def test_the_recipient_is_required(given: str, code: str) -> None:
    """Who asks is said with each access token, in v2 as well."""
    made = rig(Service(scope="cnous_statut_boursier mesri_inscription_etudiant"))
    assert (await ask(made, query=given)).codes == [code]
    reply = await ask(made, STUDENT_V2, given)
    assert (reply.status, json.loads(reply.body)["error"]) == (400, "bad_request")
    assert made.lines.lines[-1]["codes"] == (code,)
    assert not made.source.asked


async def test_v2_names_the_person_in_its_own_words() -> None:
    """In v2 the provider is asked under the names of v2; a bearer counts before a token of ours."""
    service = Service(scope="mesri_admission")
    made = rig(service)
    key = [(b"x-api-key", token(scopes=["mesri_admission"]).encode())]
    await ask(made, STUDENT_V2, headers=key)
    assert service.asked == [OPAQUE]
    assert parse_qsl(made.source.asked[-1].target.partition("?")[2]) == [
        ("nom", "MARTIN"),
        ("prenom", "Claire"),
        ("dateDeNaissance", "1991-04-23"),
        ("sexe", "F"),
        ("lieuDeNaissance", "35238"),
    ]


async def test_v2_without_a_bearer_takes_a_token_of_ours() -> None:
    """An operation of v2 is called with `X-Api-Key` as ever; credentials of another kind are not asked about."""
    service = Service()
    made = rig(service)
    headers = [(b"x-api-key", token(scopes=["mesri_identifiant"]).encode()), (b"authorization", b"Basic YTpi")]
    reply = await ask(made, STUDENT_V2, "ine=0123456789A", bearer=None, headers=headers)
    assert reply.status == 200
    assert service.asked == []


@pytest.mark.parametrize("header", [(b"x-api-key", token().encode()), (b"x-other", b"1")])
async def test_its_own_operations_take_nothing_else(header: tuple[bytes, bytes]) -> None:
    """A path of FranceConnect without a bearer is 401 `00101`, whatever else comes; it counts for the address."""
    made = rig(Service())
    assert (await ask(made, bearer=None, headers=[header])).codes == ["00101"]
    assert len(made.limiter.counted) == 1


@pytest.mark.parametrize("expires", [3600, -3600])
async def test_a_token_of_ours_is_not_shown(expires: int) -> None:
    """A token of ours, in force or not, is refused without asking FranceConnect: 401 `50001`."""
    service = Service()
    made = rig(service)
    reply = await ask(made, bearer=token(exp=int(time.time()) + expires))
    assert (reply.status, reply.codes) == (401, ["50001"])
    assert service.asked == []


@pytest.mark.parametrize("service", [Service(), Service(refuse("50002"))])
async def test_the_connection_forgets_an_access_token(service: Service) -> None:
    """A head with a person's token is not remembered, in force or not; one with a token of ours is."""
    made = rig(service)
    await ask(made)
    assert made.line.forgotten == 1
    assert (await made.answered()).status == 200
    assert made.line.forgotten == 1


@pytest.mark.parametrize("code", ["50001", "50002", "50003"])
async def test_refused_tokens_count_for_the_address(code: str) -> None:
    """A token that FranceConnect refuses is 401, in v2 in its form, and counts as an unknown token does."""
    made = rig(Service(refuse(code)))
    reply = await ask(made)
    assert (reply.status, reply.codes) == (401, [code])
    (error,) = json.loads(reply.body)["errors"]
    assert error["meta"] == {}
    flat = await ask(made, STUDENT_V2)
    assert (flat.status, json.loads(flat.body)["error"]) == (401, "access_denied")
    assert len(made.limiter.counted) == 2
    assert [line["codes"] for line in made.lines.lines] == [(code,)] * 2
    assert [line["jti"] for line in made.lines.lines] == [None] * 2


@pytest.mark.parametrize(("subcode", "word"), [("002", "timeout_error"), ("001", "data_provider_error")])
async def test_its_trouble_is_nobody_s_fault(subcode: str, word: str) -> None:
    """Where FranceConnect cannot say, nothing counts for the address: nobody is banned for it."""
    refusal = provider_error(subcode, prefix="51", name="FranceConnect")
    made = rig(Service(UnavailableError(refusal.status, *refusal.errors)))
    reply = await ask(made)
    assert (reply.status, reply.codes) == (refusal.status, [f"51{subcode}"])
    flat = await ask(made, STUDENT_V2)
    assert json.loads(flat.body)["error"] == word
    assert made.limiter.counted == []
    assert made.limiter.admitted == []


async def test_a_gateway_that_is_not_connected() -> None:
    """Without FranceConnect these operations answer 503 `00911`; the others are what they were."""
    made = rig(None)
    reply = await ask(made)
    assert (reply.status, reply.codes) == (503, ["00911"])
    assert (await ask(made, STUDENT_V2)).status == 503
    headers = [(b"x-api-key", token(scopes=["mesri_identifiant"]).encode())]
    for bearer in (None, OPAQUE):  # what cannot be asked about stands in nobody's way
        assert (await ask(made, STUDENT_V2, "ine=0123456789A", bearer=bearer, headers=headers)).status == 200
