"""Names of bodies, asked from the INSEE through a gateway."""

from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from typing import Any

import httpx
import pytest
import respx
from sqlalchemy import Engine, select, update

from apientreprise_gateway.accounts import repository
from apientreprise_gateway.database.accounts import habilitations, organizations
from apientreprise_gateway.database.engine import reading, writing
from apientreprise_gateway.portal import names
from apientreprise_gateway.portal.gateway_calls import GatewayUnavailableError
from apientreprise_gateway.portal.jobs import Work
from apientreprise_gateway.portal.settings import load
from support.accounts import SIRET, add_habilitation

GATEWAY = "http://gateway.test"
SECRET = "a secret of the gateway that is long enough"
NOW = datetime(2026, 3, 4, 10, tzinfo=UTC)
CALL = GATEWAY + names.PATH.format(siret=SIRET)
TOWN = {"enseigne": "MAIRIE", "unite_legale": {"personne_morale_attributs": {"raison_sociale": "COMMUNE DE X"}}}


@pytest.fixture
def known(engine: Engine) -> Engine:
    """A database with a habilitation of a body whose name nobody told."""
    with writing(engine) as connection:
        add_habilitation(connection, NOW)
        connection.execute(update(habilitations).values(updated_at=NOW))
        repository.upsert_organization(connection, SIRET, None, NOW)
        connection.execute(update(organizations).values(name=None, refreshed_at=None))
    return engine


def run(engine: Engine, now: datetime = NOW, **settings: str) -> None:
    """Ask for the names that are due."""
    given = {"gateway_url": GATEWAY, "jwt_secrets": SECRET, **settings}
    names.refresh(Work(engine=engine, settings=load(**given), now=now))


def name(engine: Engine) -> str | None:
    """The name that is known."""
    with reading(engine) as connection:
        return repository.organization_name(connection, SIRET)


@respx.mock
def test_a_name_is_asked_once_a_day_and_after_an_event(known: Engine) -> None:
    """The call says for whom and why; it is made again a day later, if something was told since."""
    asked = respx.get(CALL).respond(json={"data": TOWN})
    run(known)
    assert name(known) == "COMMUNE DE X"
    assert asked.calls.last.request.url.params["recipient"] == SIRET
    run(known, NOW + timedelta(hours=25))
    assert asked.call_count == 1
    with writing(known) as connection:
        connection.execute(update(habilitations).values(updated_at=NOW + timedelta(hours=1)))
    run(known, NOW + timedelta(hours=23))
    assert asked.call_count == 1
    run(known, NOW + timedelta(hours=25))
    assert asked.call_count == 2


@respx.mock
@pytest.mark.parametrize("status", [502, 503, 504, 429])
def test_what_fails_waits(known: Engine, status: int) -> None:
    """An establishment is asked about again in the next run."""
    asked = respx.get(CALL).mock(side_effect=[httpx.Response(status), httpx.Response(200, json={"data": TOWN})])
    run(known)
    assert name(known) is None
    run(known)
    assert (name(known), asked.call_count) == ("COMMUNE DE X", 2)


@respx.mock
@pytest.mark.parametrize("answer", [httpx.ConnectError("gone"), httpx.Response(401)])
def test_a_gateway_that_cannot_be_asked(known: Engine, answer: Any) -> None:
    """The job fails, and is tried again; nothing is taken for an answer."""
    respx.get(CALL).mock(side_effect=[answer])
    with pytest.raises(GatewayUnavailableError):
        run(known)
    with reading(known) as connection:
        assert connection.scalar(select(organizations.c.refreshed_at)) is None


@respx.mock
def test_an_establishment_that_is_unknown_is_left_alone(known: Engine) -> None:
    """An answer without a name counts as one, and takes no name away."""
    asked = respx.get(CALL).respond(404, json={"errors": []})
    with writing(known) as connection:
        connection.execute(update(organizations).values(name="MAIRIE"))
    run(known)
    run(known)
    assert (name(known), asked.call_count) == ("MAIRIE", 1)


@pytest.mark.parametrize("settings", [{"gateway_url": ""}, {"jwt_secrets": ""}])
def test_without_a_gateway_nothing_is_asked(known: Engine, settings: Mapping[str, Any]) -> None:
    """Nor without a secret to sign a token with."""
    left = {key: value or None for key, value in settings.items()}
    given = {"gateway_url": GATEWAY, "jwt_secrets": SECRET} | left
    names.refresh(Work(engine=known, settings=load(**{key: value for key, value in given.items() if value}), now=NOW))
    assert name(known) is None


@pytest.mark.parametrize(
    ("data", "expected"),
    [
        (TOWN, "COMMUNE DE X"),
        ({"enseigne": "MAIRIE", "unite_legale": {"personne_morale_attributs": None}}, "MAIRIE"),
        ({"enseigne": "CHEZ LÉA", "unite_legale": {"type": "personne_physique"}}, None),
        ({"unite_legale": "?", "enseigne": 3}, None),
        ({}, None),
    ],
)
def test_the_name_in_an_answer(data: Mapping[str, Any], expected: str | None) -> None:
    """That of the body, or its sign; of natural persons none is kept."""
    assert names.name_in(data) == expected
