import re
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import pytest
from jsonschema import Draft202012Validator, FormatChecker

from apientreprise_gateway.contract.endpoint import Endpoint, Provider
from apientreprise_gateway.contract.identifiers import is_rna, is_siren, is_siret
from apientreprise_gateway.contract.parameters import SIREN, SIRET, SIRET_OR_RNA, Parameter, ParameterKind
from apientreprise_gateway.providers.entreprise.groups import JSON
from apientreprise_gateway.providers.entreprise.product import ENTREPRISE
from apientreprise_gateway.providers.entreprise.schemas import SCHEMAS
from apientreprise_gateway.sandbox.app import create_app
from apientreprise_gateway.sandbox.entreprise.answers import ANSWERS
from apientreprise_gateway.sandbox.entreprise.answers.generic import answer_for
from apientreprise_gateway.sandbox.entreprise.answers.invention import Field, Inventor
from apientreprise_gateway.sandbox.entreprise.answers.shape import Declined
from apientreprise_gateway.sandbox.entreprise.entities import ENTITIES, ORDINARY, Entity
from unit.sandbox.calling import ask, get

ASSOCIATION, CLOSED, IN_ARREARS = ENTITIES[4:7]
IDENTIFIERS = re.compile(r"^(siren|siret|rna)(_siege|_siege_social)?$")


def synthetic(operation: str, kind: ParameterKind = SIREN) -> Endpoint:
    """An endpoint that exists in no catalogue, for one of its operations."""
    version = re.search(r"_v(\d)_", operation)
    assert version
    return Endpoint(
        group=JSON,
        operation=operation,
        path=f"/v{version[1]}/essai/{operation}/{{id}}",
        summary="Un essai",
        tag="Essais",
        scopes=("essai",),
        parameters=(Parameter("id", kind),),
    )


def answered(operation: str, entity: Entity = ORDINARY, **values: str) -> Any:
    """What is made of an operation's schema."""
    return answer_for(synthetic(operation), SCHEMAS)(entity, {"id": entity.siren, **values}, {})


def closed(schema: Any) -> Any:
    """A schema whose objects have no other fields than the noted ones."""
    if isinstance(schema, list):
        return [closed(item) for item in schema]
    if not isinstance(schema, dict):
        return schema
    copy = {key: closed(value) for key, value in schema.items()}
    return {**copy, "additionalProperties": False} if copy.get("properties") and "type" in copy else copy


def leaves(node: Any, name: str = "") -> Iterator[tuple[str, Any]]:
    """Every value of a body, with the name of its field."""
    if isinstance(node, dict):
        for key, value in node.items():
            yield from leaves(value, key)
    elif isinstance(node, list):
        for item in node:
            yield from leaves(item, name)
    else:
        yield name, node


@pytest.mark.parametrize("entity", ENTITIES, ids=lambda entity: entity.display_name)
@pytest.mark.parametrize("operation", SCHEMAS.operations)
def test_answers_are_true_to_the_schema(operation: str, entity: Entity) -> None:
    """For each operation and entity there is an answer with the noted fields, types and values, and no others."""
    validator = Draft202012Validator(closed(SCHEMAS.of(operation)), format_checker=FormatChecker())
    validator.validate(answered(operation, entity, year="2023", month="06"))


@pytest.mark.parametrize("operation", SCHEMAS.operations)
def test_identifiers_are_valid(operation: str) -> None:
    """Every SIREN, SIRET and RNA passes the gateway's own check, and those drawn are of numbers not given out."""
    check = {"siren": is_siren, "siret": is_siret, "rna": is_rna}
    for name, value in leaves(answered(operation)):
        found = IDENTIFIERS.match(name)
        if found and value is not None:
            assert check[found[1]](value), (name, value)
            assert value in ORDINARY.identifiers or value.startswith(("997", "W99"))


@pytest.mark.parametrize("operation", SCHEMAS.operations)
def test_nothing_leads_outside(operation: str) -> None:
    """Addresses are on reserved names, telephone numbers in the range kept for fiction."""
    for name, value in leaves(answered(operation)):
        if "url" in name or "site" in name:
            assert not str(value).startswith("http") or ".exemple.test" in value
        if "telephone" in name:
            assert value.startswith("01 99 00 ")
        if "courriel" in name:
            assert value.endswith("@exemple.test")


def test_any_catalogue_is_served_over_http() -> None:
    """An endpoint that nobody wrote an answer for answers as the others do: data, 404 and faults."""
    endpoints = tuple(synthetic(operation) for operation in SCHEMAS.operations if operation not in ANSWERS)
    served = Provider(key="essai", name="Essai", prefix="99", endpoints=endpoints)
    app = create_app(products=(replace(ENTREPRISE, providers=(served,), dossier=None),))
    for endpoint in endpoints:
        assert get(app, endpoint.path.format(id="130025265")).status == 200
        assert get(app, endpoint.path.format(id="000000000")).status == 404
        assert get(app, endpoint.path.format(id="999005036")).status == 503


def test_the_same_question_gets_the_same_answer_from_another_process() -> None:
    """Nothing depends on the process, its hash seed or the day."""
    operation = "api_entreprise_v3_dgfip_liens_capitalistiques"
    program = (
        "import json; from unit.sandbox.calling import ask;"
        "print(ask('/v3/dgfip/unites_legales/130025265/liens_capitalistiques/2023').body.decode(), end='')"
    )
    outputs = {
        subprocess.run(
            [sys.executable, "-c", program],
            check=True,
            capture_output=True,
            env={"PYTHONHASHSEED": seed, "PYTHONPATH": "tests"},
        ).stdout
        for seed in ("1", "2")
    }
    assert len(outputs) == 1
    assert outputs == {ask("/v3/dgfip/unites_legales/130025265/liens_capitalistiques/2023").body}
    assert answered(operation, year="2023") != answered(operation, year="2022")


def test_entities_and_operations_differ() -> None:
    """Another entity, or another operation, is told something else."""
    operation = "api_entreprise_v3_ademe_certificats_rge"
    assert answered(operation) != answered(operation, CLOSED)
    documents = (
        "api_entreprise_v3_qualibat_certifications_batiment",
        "api_entreprise_v4_qualibat_certifications_batiment",
    )
    assert len({answered(each)["data"]["document_url"] for each in documents}) == len(documents)


def test_an_association_is_the_same_by_each_of_its_identifiers() -> None:
    """RNA and SIREN lead to the same answer."""
    path = "/v4/djepva/api-association/associations/"
    assert ask(path + "W998000004").body == ask(path + "998000046").body


def test_answers_speak_of_whom_was_asked_for() -> None:
    """Identifiers, name, address and dates are those of the entity, also of each of its establishments."""
    data = answered("api_entreprise_v4_mi_unites_legales")["data"]
    assert (data["siren"], data["rna"], data["siret_siege"]) == ("130025265", "W262001597", "13002526500013")
    assert data["nom"] == "LES AMIS DES TROIS VALLONS"
    assert data["adresse_siege"]["commune"] == "VALENCE"
    assert data["date_creation"] == "2009-04-06"
    places = [(place["siret"], place["siege"], place["adresse"]["commune"]) for place in data["etablissements"]]
    assert places == [("13002526500013", True, "VALENCE"), ("13002526500021", False, "CREST")]


def test_others_are_not_the_entity() -> None:
    """Subsidiaries and members of a network have identifiers and names of their own."""
    data = answered("api_entreprise_v3_dgfip_liens_capitalistiques", year="2023")["data"]
    (subsidiary,) = data["participations"]["filiales"]
    assert subsidiary["siren"] != "130025265"
    assert subsidiary["denomination"] != ORDINARY.name
    assert data["participations"]["nombre_filiales"] == 1


def test_the_establishment_asked_for_is_answered() -> None:
    """The SIRET of the answer is that of the question, EORI numbers included."""
    answer = answer_for(synthetic("api_entreprise_v2_conventions_collectives", SIRET), SCHEMAS)
    assert answer(ORDINARY, {"id": "13002526500021"}, {})["siret"] == "13002526500021"
    customs = ask("/v2/eori_douanes/FR13002526500021").json()
    assert (customs["numero_eori"], customs["ville"]) == ("FR13002526500021", "CREST")


def test_the_year_asked_for_is_answered() -> None:
    """Declarations are of the year of the question."""
    (declaration,) = answered("api_entreprise_v3_dgfip_liasses_fiscales", year="2019")["data"]["declarations"]
    assert (declaration["millesime"], declaration["date_fin_exercice"]) == ("2019", "2019-12-31")


def test_associations_only_where_only_they_are_asked_for() -> None:
    """An endpoint that takes an RNA does not know a company that has none."""
    answer = answer_for(synthetic("api_entreprise_v3_data_subvention_subventions", SIRET_OR_RNA), SCHEMAS)
    with pytest.raises(Declined):
        answer(CLOSED, {"id": "99800005300012"}, {})
    assert answer(ASSOCIATION, {"id": "W998000004"}, {})["data"]


def test_who_owes_contributions_is_not_up_to_date() -> None:
    """The state of an entity shows wherever a provider speaks of it."""
    msa = "api_entreprise_v3_msa_conformites_cotisations"
    assert answered(msa)["data"] == {"status": "up_to_date"}
    assert answered(msa, IN_ARREARS)["data"] == {"status": "outdated"}


def test_a_closed_entity_is_closed() -> None:
    """What is over has an end, what lasts has none: left out where it may not be null."""
    association = "api_entreprise_v4_mi_unites_legales"
    assert answered(association, CLOSED)["data"]["date_dissolution"] == "2022-09-30"
    assert answered(association)["data"]["date_dissolution"] is None
    assert "date_dissolution" not in answered("api_entreprise_v2_associations")["association"]


@pytest.mark.parametrize("operation", SCHEMAS.operations)
def test_counts_agree_with_what_they_count(operation: str) -> None:
    """A collection's `meta` says how many entries there are."""
    body = answered(operation)
    if isinstance(body, dict) and isinstance(body.get("data"), list) and "count" in body["meta"]:
        assert body["meta"]["count"] == len(body["data"])


def test_validity_ends_after_it_began() -> None:
    """What begins lies in the past, what ends in the future."""
    for entry in answered("api_entreprise_v3_qualifelec_certificats")["data"]:
        assert entry["data"]["date_debut"] < entry["data"]["date_fin"]


def test_a_person_is_the_same_in_neighbouring_fields() -> None:
    """Title, first name and name of one object are drawn once."""
    inventor = Inventor(1)
    near = Field("nom", "dirigeants/[]", frozenset({"prenom"}), 0)
    assert inventor.text(near) == inventor.text(near)
    assert inventor.text(near) != inventor.text(near._replace(holder="autres/[]"))


def test_patterns_are_matched() -> None:
    """A text of a pattern that no rule knows is drawn from the pattern."""
    assert re.fullmatch(r"\d{4}[A-Z]{2}-\d", Inventor(1).matching(r"^\d{4}[A-Z]{2}-\d$"))


def test_faker_is_loaded_by_the_first_invented_answer() -> None:
    """Neither the gateway nor a sandbox that nobody asks pays for it."""
    program = (
        "import sys, apientreprise_gateway.gateway.app;"
        "from apientreprise_gateway.providers.products import PRODUCTS;"
        "from apientreprise_gateway.sandbox.app import create_app; create_app(products=PRODUCTS);"
        "assert 'faker' not in sys.modules"
    )
    subprocess.run([sys.executable, "-c", program], check=True)
