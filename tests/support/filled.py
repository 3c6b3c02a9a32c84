"""A portal that has one of everything, its routes as its application has them, and what its database holds."""

import itertools
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Final

from fastapi.routing import APIRoute
from sqlalchemy import Engine, select

from apientreprise_gateway.accounts import delegations, hand_overs, repository, requests, transfers
from apientreprise_gateway.accounts.model import Contact, ProductKey
from apientreprise_gateway.accounts.own_form import Form
from apientreprise_gateway.database.engine import reading, writing
from apientreprise_gateway.database.tables import metadata
from apientreprise_gateway.portal import webhooks
from apientreprise_gateway.portal.app import OPEN, PAGES
from apientreprise_gateway.portal.login import pages as login
from apientreprise_gateway.portal.pages import mailbox
from apientreprise_gateway.status import incidents
from apientreprise_gateway.status.incidents import Impact
from support.accounts import APPLICANT, SIRET, TECHNICAL, add_call, add_known
from support.portal import Site

TITLE: Final = "Un titre que seuls ses gens lisent"
DRAFT: Final = "Un brouillon que seuls ses gens lisent"
NEWCOMER: Final = "suite@mairie.test"
EDITOR: Final = "support@val.example"
STRANGER: Final = "quelqu.un@ailleurs.test"
_PARAMETER: Final = re.compile(r"\{(\w+)(?::\w+)?\}")


@dataclass(frozen=True, slots=True)
class Filled:
    """What there is: for each parameter of a path the objects that it may name."""

    names: Mapping[str, tuple[str, ...]]
    editor_id: str

    def paths(self, template: str) -> list[str]:
        """The paths of a route, one for each object."""
        names = _PARAMETER.findall(template)
        found = []
        for chosen in itertools.product(*(self.names.get(name, ("inconnu",)) for name in names)):
            values = iter(chosen)
            found.append(_PARAMETER.sub(lambda _found, values=values: next(values), template))  # type: ignore[misc]
        return found


def fill(site: Site) -> Filled:
    """Put one of everything into the database of a portal."""
    now = site.clock.time
    with writing(site.engine) as connection:
        known = add_known(connection, now, called=True, title=TITLE, form_uid="val")
        add_call(connection, known.token.id, now)
        applicant = repository.user_by_email(connection, APPLICANT)
        technical = repository.user_by_email(connection, TECHNICAL)
        assert applicant is not None
        assert technical is not None
        draft = requests.begin(
            connection, ProductKey.ENTREPRISE, Form(title=DRAFT), applicant=Contact(email=APPLICANT),
            by=applicant.id, now=now,
        )  # fmt: skip
        maker = delegations.add_editor(
            connection, name="Val", now=now, by=None, form_uids=["val"], delegations_enabled=True
        )
        person = repository.upsert_user(connection, Contact(email=EDITOR), now)
        delegations.set_editor_of(connection, person.id, maker.id, now=now, by=None)
        delegation = delegations.delegate(connection, known.habilitation.id, maker.id, by=applicant.id, now=now)
        transfer = transfers.ask(connection, applicant, email=NEWCOMER, siret=SIRET, now=now)
        link = hand_overs.share(
            connection, known.habilitation, known.token.id, email=TECHNICAL, by=applicant.id,
            seal=site.services.sealer.seal, now=now,
        )  # fmt: skip
        incident = incidents.open_draft(
            connection, name="Un incident en brouillon", impact=Impact.MINOR, components=(), started_at=now, now=now
        )
    return Filled(
        {
            "habilitation_id": (known.habilitation.id, draft.id),
            "jti": (known.token.id,),
            "link_id": (link.id,),
            "delegation_id": (delegation,),
            "transfer_id": (transfer.id,),
            "user_id": (applicant.id, technical.id),
            "id_": (incident,),
        },
        maker.id,
    )


def routes(site: Site) -> Iterator[tuple[str, str, bool]]:
    """The method and the path of each route, and whether it is one of forms."""
    others = () if site.services.demo is None else (login.demo_router, mailbox.router)
    routers = [(each, True) for each in (*PAGES, *others)]
    routers += [(each, False) for each in (*OPEN, webhooks.router_of(site.services))]
    for router, is_page in routers:
        for route in router.routes:
            assert isinstance(route, APIRoute)
            for method in route.methods or ():
                yield method, route.path, is_page


def plausible(filled: Filled) -> dict[str, Any]:
    """Fields with which each form would do what it is for."""
    return {
        "email": "autre@mairie.test",
        "confirmation": "1",
        "decision": "revoquer",
        "comment": "Un commentaire",
        "reason": "Une raison",
        "siret": SIRET,
        "siren": "130025265",
        "jeton": filled.names["jti"][0],
        "etape": "usage",
        "title": "Changé",
        "editor_id": filled.editor_id,
        "editor": filled.editor_id,
        "use_case": "entreprise/marches_publics",
        "allowed_addresses": "192.0.2.1",
        "limit_per_minute": "5",
        "name": "Un nom",
        "body": "Un texte",
        "status": "investigating",
        "impact": "minor",
        "terms_accepted": "1",
        "q": "mairie",
        "request_id": "r",
        "start": "2026-03-05T10:00",
        "end": "2026-03-05T12:00",
    }


def held(engine: Engine) -> dict[str, list[str]]:
    """What the database holds, table by table, but for what looking at pages may leave."""
    with reading(engine) as connection:
        found = {
            table.name: sorted(map(repr, connection.execute(select(table)).mappings()))
            for table in metadata.sorted_tables
        }
    found.pop("sessions")
    found["activity"] = [each for each in found["activity"] if "'account.seen'" not in each]
    return found
