"""Tests of calls about a person: who is asked for, by which name lines know it, and what a token may see."""

import json
from datetime import date
from typing import Any
from urllib.parse import quote

import pytest

from apientreprise_gateway.auth.records import TokenRecord
from apientreprise_gateway.contract.errors import provider_error
from apientreprise_gateway.contract.pseudonym import Pseudonyms
from apientreprise_gateway.dataplane.persons import Persons
from apientreprise_gateway.dataplane.validation import AnswerValidator
from apientreprise_gateway.providers.particulier.product import PARTICULIER
from apientreprise_gateway.upstream.reading import ProviderAnswer
from support.tokens import JTI, token
from unit.dataplane.rig import Rig

RECIPIENT = "recipient=13002526500013"
INE = "0123456789A"
BY_INE = "/v3/cnous/etudiant_boursier/ine"
STUDENT = "/v3/gip_mds/service_civique/identite"
V2 = "/api/v2/etudiants"
DATA = {"est_boursier": True, "email": "e@example.fr", "unknown": 1, "statut_bourse": {"code": 1}}
ANSWER = ProviderAnswer(200, json.dumps({"data": DATA, "links": {}, "meta": {}}).encode())
DAY = date(2026, 11, 28)


def rig(**options: Any) -> Rig:
    """A pipeline whose provider knows a student."""
    made = Rig(persons=Persons(Pseudonyms(bytes(32)), clock=lambda: DAY), **options)
    made.source.answer = ANSWER
    return made


def bearer(*scopes: str) -> str:
    """A token with these scopes."""
    return token(scopes=list(scopes))


async def test_the_provider_is_asked_in_canonical_form() -> None:
    """However a call spells a person, the provider is asked the same, without recipient and without what is unknown."""
    made = rig()
    scopes = bearer("gip_mds_service_civique_statut_actuel")
    birth = "anneeDateNaissance=2001&moisDateNaissance={}&jourDateNaissance=04"
    spellings = (
        f"nomNaissance=Durand&prenoms[]=Zo%C3%A9&prenoms[]=Anne&{birth.format('7')}&other=1&{RECIPIENT}",
        f"{RECIPIENT}&prenoms%5B%5D=Zo%C3%A9+&{birth.format('07')}&prenoms%5B%5D=Anne&nomNaissance=+Durand",
    )
    for spelling in spellings:
        await made.answered(f"{STUDENT}?{spelling}", bearer=scopes)
    first, second = made.source.asked
    assert first.target == second.target
    assert first.target.startswith(f"{STUDENT}?")
    assert "recipient" not in first.target
    assert "other" not in first.target


async def test_a_line_names_a_person_by_a_digest() -> None:
    """The access line has the digest, the same for each operation that is given the same, and never the person."""
    made = rig()
    scopes = bearer("cnous_statut_boursier", "mesri_admissions")
    await made.answered(f"{BY_INE}?ine={INE}&{RECIPIENT}", bearer=scopes)
    await made.answered(f"/v3/mesri/statut_etudiant/ine?ine={INE.lower()}&{RECIPIENT}", bearer=scopes)
    first, second = made.lines.lines
    assert first["identifier"] == second["identifier"]
    assert len(first["identifier"]) == 64
    assert first["product"] == "api_particulier"
    assert INE not in str(made.lines.lines).upper()


async def test_without_a_key_a_line_names_nobody() -> None:
    """Without the pseudonym key `identifier` is null."""
    made = Rig()
    made.source.answer = ANSWER
    await made.answered(f"{BY_INE}?ine={INE}&{RECIPIENT}", bearer=bearer("cnous_statut_boursier"))
    assert made.lines.lines[0]["identifier"] is None


async def test_everything_wrong_is_told_at_once() -> None:
    """From v3 on each wrong parameter has its error, in the order of the rules; none repeats what was sent."""
    made = rig()
    target = f"{STUDENT}?nomNaissance=%3Cscript%3E&prenoms[]=4&anneeDateNaissance=xx&{RECIPIENT}"
    reply = await made.answered(target, bearer=bearer("gip_mds_service_civique_statut_actuel"))
    assert reply.status == 422
    assert reply.codes[0] == "00420"
    assert len(reply.codes) > 2
    assert b"script" not in reply.body
    assert not made.source.asked


async def test_v2_tells_the_first_error_alone() -> None:
    """v2 has one word and one text, at a status of its own."""
    made = rig()
    reply = await made.call(
        f"{V2}?nom=%21&prenom=Jean", bearer=None, headers=[(b"x-api-key", bearer("mesri_identite").encode())]
    )
    assert reply is not None
    assert reply.status == 400
    assert json.loads(reply.body)["error"] == "bad_request"


async def test_a_recipient_is_required_from_v3_on() -> None:
    """Missing, it is 00203; no SIRET, 00210. Context and object are never required."""
    made = rig()
    scopes = bearer("cnous_statut_boursier")
    assert (await made.answered(f"{BY_INE}?ine={INE}", bearer=scopes)).codes == ["00203"]
    assert (await made.answered(f"{BY_INE}?ine={INE}&recipient=1", bearer=scopes)).codes == ["00210"]


async def test_a_token_sees_what_its_scopes_show() -> None:
    """A field without its scope is absent, an unknown one always; whoever holds all gets the bytes as they came."""
    made = rig()
    target = f"{BY_INE}?ine={INE}&{RECIPIENT}"
    few = await made.answered(target, bearer=bearer("cnous_statut_boursier"))
    assert json.loads(few.body) == {"data": {"est_boursier": True}, "links": {}, "meta": {}}
    (endpoint,) = [each for each in PARTICULIER.endpoints if each.path == BY_INE]
    everything = await made.answered(target, bearer=bearer(*endpoint.scopes))
    assert everything.body == ANSWER.body


async def test_only_a_mask_needs_the_content() -> None:
    """For a token that sees everything an answer need not be parsed."""
    made = rig()
    (endpoint,) = [each for each in PARTICULIER.endpoints if each.path == BY_INE]
    for scopes in (endpoint.scopes, {"cnous_statut_boursier"}):
        await made.answered(f"{BY_INE}?ine={INE}&{RECIPIENT}", bearer=bearer(*scopes))
    assert [asked.with_content for asked in made.source.asked] == [False, True]


async def test_an_answer_that_cannot_be_masked_is_not_shown() -> None:
    """Of an answer that is no JSON nothing comes out: it is an error of the provider."""
    made = rig()
    made.source.answer = ProviderAnswer(200, b'{"data": DURAND')
    reply = await made.answered(f"{BY_INE}?ine={INE}&{RECIPIENT}", bearer=bearer("cnous_statut_boursier"))
    assert (reply.status, reply.codes) == (502, ["26999"])
    assert b"DURAND" not in reply.body


async def test_errors_of_the_source_are_not_masked() -> None:
    """A refusal of the provider reaches every token alike."""
    made = rig()
    made.source.answer = provider_error("003", prefix="26", name="CNOUS")
    reply = await made.answered(f"{BY_INE}?ine={INE}&{RECIPIENT}", bearer=bearer("cnous_statut_boursier"))
    assert (reply.status, reply.codes) == (404, ["26003"])


async def test_answers_are_compared_before_the_mask() -> None:
    """What is compared with the schema is what the provider has sent."""
    found: list[str] = []
    validator = AnswerValidator(
        {endpoint.operation: PARTICULIER.schemas for endpoint in PARTICULIER.endpoints},
        sample=False,
        on_deviation=found.append,
    )
    made = rig(validator=validator)
    complete = {**DATA, "email": 5}  # a deviation in what the token does not see
    made.source.answer = ProviderAnswer(200, json.dumps({"data": complete, "links": {}, "meta": {}}).encode())
    await made.answered(f"{BY_INE}?ine={INE}&{RECIPIENT}", bearer=bearer("cnous_statut_boursier"))
    assert found == ["api_particulier_v3_cnous_etudiant_boursier_with_ine"]


@pytest.mark.parametrize("path", PARTICULIER.gone)
async def test_what_is_gone_says_so(path: str) -> None:
    """A path that led somewhere once is 410, whoever asks; it counts for the address as unknown ones do."""
    made = rig()
    reply = await made.call(f"{path}?nom={quote('Durand')}", bearer=None)
    assert reply is not None
    assert (reply.status, json.loads(reply.body)["error"]) == (410, "not_found")
    assert made.lines.lines[0]["codes"] == ("00910",)


async def test_the_same_person_twice_at_once_is_the_same_call() -> None:
    """A call in flight is known by the canonical form, so another spelling of it is refused."""
    import asyncio

    made = rig()
    made.source.gate.clear()
    first = asyncio.create_task(made.answered(f"{BY_INE}?ine={INE}&{RECIPIENT}", bearer=bearer("cnous_email")))
    while not made.source.asked and not first.done():
        await asyncio.sleep(0)
    second = await made.answered(f"{BY_INE}?{RECIPIENT}&ine={INE.lower()}", bearer=bearer("cnous_email"))
    assert second.codes == ["00015"]
    made.source.gate.set()
    assert (await first).status == 200


async def test_masks_see_the_scopes_that_a_record_leaves() -> None:
    """What the record of a token leaves of its scopes decides what it may see, as if it had no others."""
    path = f"{BY_INE}?ine={INE}&{RECIPIENT}"
    statut, email = "cnous_statut_boursier", "cnous_email"
    made = rig()
    few, many = [(await made.answered(path, bearer=bearer(*scopes))).body for scopes in ((statut,), (statut, email))]
    assert few != many
    made.registry.records = {JTI: TokenRecord(scopes=frozenset({statut, "other"}))}
    assert (await made.answered(path, bearer=bearer(statut, email))).body == few
