"""The status pages, what programs read, subscriptions, and what operators do; on both kinds of database."""

import re
from datetime import timedelta
from typing import Any
from xml.etree import ElementTree

import jsonschema
import pytest
from icalendar import Calendar
from sqlalchemy import select

from apientreprise_gateway.database.engine import reading, writing
from apientreprise_gateway.database.serving import mails
from apientreprise_gateway.database.status import subscriptions as table
from apientreprise_gateway.portal.mail.rendering import Renderer
from apientreprise_gateway.portal.statut import loops
from apientreprise_gateway.status import incidents, rounds
from apientreprise_gateway.status.components import components_of
from apientreprise_gateway.status.drafts import Opened
from apientreprise_gateway.status.judging import State
from support.portal import AUDITOR, OPERATOR, Site, make_site
from support.status import COMPONENTS, ENTREPRISE, SIRENE
from support.statuspage import SCHEMAS

PATHS = ["/statut", "/statut/composants/insee-sirene", "/statut/composants/compte"]
FILES = [
    *(f"/statut/api/v2/{name}.json" for name in SCHEMAS),
    *("/statut/incidents.atom", "/statut/maintenances.ics", "/statut/composants/insee-sirene/badge.svg"),
]
ATOM = "{http://www.w3.org/2005/Atom}"


def minute(site: Site, **found: State) -> None:
    """Measure a minute in which these components (with `_` for `-`) are so, and all others good."""
    states = {each.id: State.GOOD for each in COMPONENTS} | {
        name.replace("_", "-"): state for name, state in found.items()
    }
    with writing(site.engine) as connection:
        at = site.clock().replace(second=0, microsecond=0)
        rounds.record(connection, COMPONENTS, at, states, seconds=60, now=site.clock())
    site.clock.pass_by(minutes=1)


def queued(site: Site, kind: str) -> list[Any]:
    """The mails of a kind."""
    with reading(site.engine) as connection:
        return list(connection.execute(select(mails).where(mails.c.kind == kind).order_by(mails.c.id)))


def read_mail(site: Site, row: Any) -> str:
    """The text of a mail."""
    renderer = Renderer(public_url=site.url, sealer=site.services.sealer)
    rendered = renderer.render(row.kind, row.data, row.sealed)
    return f"{rendered.subject}\n{rendered.text}"


def link_in(site: Site, row: Any, path: str) -> str:
    """The path of a link in a mail."""
    found = re.search(rf"{site.url}({path}/[\w/-]+)", read_mail(site, row))
    assert found, read_mail(site, row)
    return found[1]


@pytest.fixture
def operated(site: Site) -> Site:
    """A portal whose browser is an operator's."""
    site.log_in(OPERATOR)
    return site


def announce(site: Site, **fields: Any) -> str:
    """Announce maintenance of a source in an hour, for two hours; returns its page."""
    usual = {
        "name": "Bascule des serveurs",
        "body": "Nous changeons de machines.",
        "components": SIRENE,
        "start": "2026-03-04T12:00",
        "end": "2026-03-04T14:00",
    }
    answer = site.post("/admin/statut/maintenances/publier", page="/admin/statut", **usual | fields)
    assert answer.status_code == 303, answer.text
    return str(answer.headers["location"])


def publish(site: Site, where: str = "/admin/statut/incidents", **fields: Any) -> str:
    """Publish an incident, or an update of one; returns its page."""
    usual = {
        "name": "Lenteurs",
        "status": "investigating",
        "impact": "major",
        "body": "Nous cherchons.",
        "components": SIRENE,
    }
    page = "/admin/statut" if where.endswith("incidents") else where
    answer = site.post(f"{where}/publier", page=page, **usual | fields)
    assert answer.status_code == 303, answer.text
    return str(answer.headers["location"])


def test_before_anything_was_measured(site: Site) -> None:
    """The page says so, with all components."""
    text = site.text("/statut")
    assert "Aucune mesure pour l’instant" in text
    assert 'data-state="unknown"' in text
    for component in COMPONENTS:
        assert component.name in text
    assert site.get("/statut/api/v2/summary.json").json()["status"]["description"].startswith("État inconnu")


def test_a_source_that_fails_shows(site: Site) -> None:
    """In the page with its bars and text, in JSON and on its badge; and again when it works."""
    minute(site)
    assert site.get("/statut/api/v2/status.json").json()["status"]["indicator"] == "none"
    for _ in range(2):
        minute(site, insee_sirene=State.BAD)
    found = {each["name"]: each for each in site.get("/statut/api/v2/components.json").json()["components"]}
    assert found["INSEE - Sirene"]["status"] == "major_outage"
    assert found["INSEE"]["status"] == "major_outage"
    assert found["API Entreprise"]["status"] == "operational"
    assert site.get("/statut/api/v2/status.json").json()["status"]["indicator"] == "minor"
    assert "INSEE - Sirene : en panne" in site.text("/statut/composants/insee-sirene/badge.svg")
    page = site.text("/statut/composants/insee-sirene")
    assert 'data-state="major_outage"' in page
    assert "33,33" in page
    assert "2 min" in page
    assert "4 mars 2026" in page
    minute(site)
    assert "INSEE - Sirene : fonctionne" in site.text("/statut/composants/insee-sirene/badge.svg")
    assert "50" in site.text("/statut/composants/insee-sirene")


def test_availability_stands_beside_the_promise(site: Site) -> None:
    """By month and year, and whether it was kept."""
    for place in range(100):
        minute(site, api_entreprise=State.BAD if place == 7 else State.GOOD)
    text = re.sub(r"<[^>]+>|[ \n]+", " ", site.text("/statut/composants/api-entreprise"))
    assert "mars 2026 99\u202f% 99,50\u202f% non tenu" in re.sub(" +", " ", text)
    assert "année 2026" in text
    assert "tenu" in site.text("/statut/composants/api-particulier")


@pytest.mark.parametrize("name", SCHEMAS)
def test_json_has_the_common_shape(operated: Site, name: str) -> None:
    """With an incident, a past one, and maintenance."""
    minute(operated, insee_sirene=State.BAD, api_entreprise=State.MAINTENANCE)
    announce(operated)
    publish(operated)
    publish(operated, publish(operated), status="resolved")
    document = operated.get(f"/statut/api/v2/{name}.json").json()
    jsonschema.validate(document, SCHEMAS[name], format_checker=jsonschema.FormatChecker())
    if name in ("summary", "scheduled-maintenances", "scheduled-maintenances/upcoming"):
        assert document["scheduled_maintenances"][0]["status"] == "scheduled"
    if name == "scheduled-maintenances/active":
        assert document["scheduled_maintenances"] == []
    if name in ("summary", "incidents/unresolved"):
        assert [each["status"] for each in document["incidents"]] == ["investigating"]
    if name == "incidents":
        assert {each["status"] for each in document["incidents"]} == {"investigating", "resolved"}


@pytest.mark.parametrize("path", FILES)
def test_files_are_for_everybody_and_are_kept(site: Site, path: str) -> None:
    """Ten seconds, with an ETag, without cookies."""
    minute(site)
    answer = site.get(path)
    assert answer.status_code == 200
    assert answer.headers["cache-control"] == "public, max-age=10"
    assert answer.headers["access-control-allow-origin"] == "*"
    assert "set-cookie" not in answer.headers
    again = site.get(path, headers={"If-None-Match": answer.headers["etag"]})
    assert (again.status_code, again.content) == (304, b"")


@pytest.mark.parametrize("path", PATHS)
def test_pages_are_kept_by_their_browser_alone(site: Site, path: str) -> None:
    """And by none where they name who is logged in."""
    site.get("/statut")
    answer = site.get(path)
    assert answer.headers["cache-control"] == "private, max-age=10"
    assert site.get(path, headers={"If-None-Match": answer.headers["etag"]}).status_code == 304
    site.log_in("agent@mairie.test")
    assert site.get(path).headers["cache-control"] == "no-store"


def test_pages_outlive_the_database(site: Site) -> None:
    """They show what was known last, and say so; also to who has a cookie of a session."""
    minute(site)
    site.log_in("agent@mairie.test")
    assert "Dernier état connu" not in site.text("/statut")
    with writing(site.engine) as connection:
        connection.exec_driver_sql("DROP TABLE status_days")
        connection.exec_driver_sql("DROP TABLE sessions")
    site.clock.pass_by(minutes=1)
    for path in PATHS:
        assert "Dernier état connu" in site.text(path)
    assert 'data-state="operational"' in site.text("/statut")
    for path in FILES:
        assert site.get(path).status_code == 200


@pytest.mark.parametrize(
    "path",
    [
        *("/statut/composants/x", "/statut/composants/x/badge.svg", "/statut/incidents/x", "/statut/api/v2/x.json"),
        *("/statut/abonnements/x", "/statut/abonnements/x/fin", "/statut/composants/%00", "/statut/incidents/%2e%2e"),
        "/statut/incidents/" + "x" * 5000,
    ],
)
def test_what_is_not_there_is_404(site: Site, path: str) -> None:
    """Whatever the path says."""
    assert site.get(path).status_code == 404


def test_a_draft_is_for_operators(site: Site) -> None:
    """Others see neither it nor its page, until it is published."""
    minute(site)
    with writing(site.engine) as connection:
        id_ = incidents.open_draft(
            connection,
            name="INSEE - Sirene : source indisponible",
            impact=incidents.Impact.MAJOR,
            components=[SIRENE],
            started_at=site.clock(),
            now=site.clock(),
        )
    assert site.get(f"/statut/incidents/{id_}").status_code == 404
    assert site.get("/statut/api/v2/incidents.json").json()["incidents"] == []
    other = site.another()
    assert other.get("/admin/statut").status_code == 303
    other.log_in("agent@mairie.test")
    assert other.get("/admin/statut").status_code == 404
    assert other.post(f"/admin/statut/incidents/{id_}/publier", page="/statut", status="resolved").status_code == 404
    other.log_in(AUDITOR)
    assert "source indisponible" in other.text(f"/admin/statut/incidents/{id_}")
    assert other.post(f"/admin/statut/incidents/{id_}/publier", page="/statut", status="resolved").status_code == 404
    site.log_in(OPERATOR)
    assert "source indisponible" in site.text("/admin/statut")
    publish(site, f"/admin/statut/incidents/{id_}", name="Sirene ne répond pas", body="Depuis 11 h.\n\nNous cherchons.")
    assert "Sirene ne répond pas" in other.text(f"/statut/incidents/{id_}")
    assert "Sirene ne répond pas" in other.text("/statut")


def test_the_course_of_an_incident(operated: Site) -> None:
    """Published, updated, resolved, and told again after it; each in the page, in Atom, always with one id."""
    minute(operated)
    where = publish(operated)
    ids = set()
    for state, said in [
        ("identified", "Un disque est plein."),
        ("monitoring", "Il ne l’est plus."),
        ("resolved", "C’est fini."),
        ("postmortem", "Nous surveillons les disques."),
    ]:
        operated.clock.pass_by(minutes=5)
        assert publish(operated, where, status=state, body=said) == where
        root = ElementTree.fromstring(operated.get("/statut/incidents.atom").content)
        (entry,) = root.findall(f"{ATOM}entry")
        ids.add(entry.findtext(f"{ATOM}id"))
        assert said in (entry.findtext(f"{ATOM}summary") or "")
        assert said in operated.text(where.removeprefix("/admin"))
    assert ids == {f"urn:uuid:{where.rpartition('/')[2]}"}
    (told,) = operated.get("/statut/api/v2/incidents.json").json()["incidents"]
    assert (told["status"], len(told["incident_updates"])) == ("postmortem", 5)
    assert told["resolved_at"] is not None
    answer = operated.post(f"{where}/publier", page=where, status="investigating", body="Encore.")
    assert answer.status_code == 422


@pytest.mark.parametrize(
    "fields",
    [
        *({"status": "resolu"}, {"body": ""}, {"body": " \n "}, {"body": "x" * 10_001}, {"impact": "huge"}),
        *({"status": "scheduled"}, {"status": "postmortem"}, {"name": "x" * 201}),
    ],
)
def test_what_cannot_be_published_is_refused(operated: Site, fields: dict[str, str]) -> None:
    """With the form as it was."""
    usual = {"name": "Lenteurs", "status": "investigating", "body": "Nous cherchons."}
    answer = operated.post("/admin/statut/incidents/publier", page="/admin/statut", **usual | fields)
    assert answer.status_code == 422
    assert operated.get("/statut/api/v2/incidents.json").json()["incidents"] == []


HOSTILE = "<script>alert(1)</script> & \"' \u202e ]]> \x01"


def test_texts_are_texts(operated: Site) -> None:
    """HTML, control characters and the like in a title and a text are shown, not run, and break no format."""
    where = publish(operated, name=HOSTILE, body=HOSTILE + "\n\n- a")
    announce(operated, name=HOSTILE, body=HOSTILE)
    for path in ("/statut", where, where.removeprefix("/admin"), "/statut/composants/insee-sirene", "/admin/statut"):
        assert "<script>alert" not in operated.get(path).text
    ElementTree.fromstring(operated.get("/statut/incidents.atom").content)
    Calendar.from_ical(operated.get("/statut/maintenances.ics").text)
    jsonschema.validate(operated.get("/statut/api/v2/summary.json").json(), SCHEMAS["summary"])


def test_huge_fields_are_refused(operated: Site) -> None:
    """100 kB in any field."""
    answer = operated.post("/admin/statut/incidents/publier", page="/admin/statut", name="x", body="x" * 100_000)
    assert answer.status_code == 413
    assert operated.post("/statut/abonnements", page="/statut", email="x" * 100_000).status_code == 413


def test_maintenance_is_announced_ahead(operated: Site) -> None:
    """Whole providers, in French hours, in the page, the calendar and what the gateways read; it ends by itself."""
    minute(operated)
    where = announce(operated, components="inpi-rne")
    assert "4 mars 2026 à 12:00" in operated.text("/statut")
    (event,) = Calendar.from_ical(operated.get("/statut/maintenances.ics").text).walk("VEVENT")
    assert event.decoded("dtstart") == operated.clock().replace(hour=11, minute=0)
    components = components_of(operated.services.products)
    value = loops.announced(operated.engine, components, operated.clock())
    assert '"providers":["inpi_rne"]' in value
    (told,) = operated.get("/statut/api/v2/summary.json").json()["scheduled_maintenances"]
    assert {each["id"] for each in told["components"]} == {"inpi-rne", "inpi-rne-actes-bilans"}
    operated.clock.pass_by(hours=1, minutes=5)
    minute(operated, inpi_rne=State.BAD)
    (told,) = operated.get("/statut/api/v2/summary.json").json()["scheduled_maintenances"]
    assert (told["status"], told["components"][0]["status"]) == ("in_progress", "under_maintenance")
    operated.clock.pass_by(hours=2)
    assert operated.get("/statut/api/v2/summary.json").json()["scheduled_maintenances"] == []
    assert loops.announced(operated.engine, components, operated.clock()) == '{"windows":[]}'
    assert "Terminée" in operated.text(where)


def test_maintenance_ends_earlier_if_it_is_said(operated: Site) -> None:
    """The gateways ask again, and minutes count again."""
    where = announce(operated)
    operated.clock.pass_by(hours=1, minutes=30)
    answer = operated.post(f"{where}/publier", page=where, status="completed", body="Fini plus tôt.")
    assert answer.status_code == 303
    assert loops.announced(operated.engine, COMPONENTS, operated.clock()) == '{"windows":[]}'
    minute(operated, insee_sirene=State.BAD)
    found = operated.get("/statut/api/v2/components.json").json()["components"]
    assert next(each for each in found if each["id"] == SIRENE)["status"] == "major_outage"


@pytest.mark.parametrize(
    "fields",
    [
        *({"start": "hier"}, {"start": "2026-03-04T09:00"}, {"end": "2026-03-04T11:00"}, {"end": "2027-01-01T00:00"}),
        *({"components": "x"}, {"components": []}, {"body": ""}, {"start": "9999-12-31T23:59"}),
    ],
)
def test_maintenance_that_cannot_be_is_refused(operated: Site, fields: dict[str, Any]) -> None:
    """In the past, without an end, of nothing."""
    usual = {"name": "M", "body": "b", "components": SIRENE, "start": "2026-03-04T12:00", "end": "2026-03-04T14:00"}
    answer = operated.post("/admin/statut/maintenances/publier", page="/admin/statut", **usual | fields)
    assert answer.status_code == 422


def subscribe(site: Site, email: str = "agent@mairie.test", **fields: Any) -> str:
    """Ask for mails and confirm; returns the page of the subscription."""
    site.post("/statut/abonnements", page="/statut", email=email, **{"kinds": ["incident", "maintenance"], **fields})
    link = link_in(site, queued(site, "status_confirm")[-1], "/statut/abonnements/confirmer")
    assert 'method="post"' in site.text(link)
    answer = site.post(link, page=link)
    found = re.search(r'href="(/statut/abonnements/[\w-]+)"', answer.text)
    assert found, answer.text
    return found[1]


def test_a_subscription_is_confirmed_told_changed_and_ended(operated: Site) -> None:
    """Mails come after the confirmation alone, with a link that ends them at one click."""
    other = operated.another()
    manage = subscribe(other, components=[SIRENE])
    publish(operated)
    (news,) = queued(operated, "status_news")
    text = read_mail(operated, news)
    assert "Incident : Lenteurs" in text
    assert "> Nous cherchons." in text
    assert manage.rpartition("/")[2] not in f"{news.data}{news.key}{news.sealed!r}"
    publish(operated, components="infogreffe-rcs")
    assert len(queued(operated, "status_news")) == 1
    assert other.post(manage, page=manage, kinds="maintenance").status_code == 200
    publish(operated)
    announce(operated)
    assert len(queued(operated, "status_news")) == 2
    end = link_in(operated, news, "/statut/abonnements").removesuffix("/fin") + "/fin"
    plain = Site(operated.portal, operated.clock)
    assert 'method="post"' in plain.text(end)
    # As a mail program does it: without cookies, and without a form of ours.
    answer = plain.client.post(end, data={"List-Unsubscribe": "One-Click"})
    assert answer.status_code == 200
    assert plain.client.post(end, data={"List-Unsubscribe": "One-Click"}).status_code == 200
    assert other.get(manage).status_code == 404
    assert queued(operated, "status_news") == []  # what waited for it is not sent
    with reading(operated.engine) as connection:
        assert connection.execute(select(table)).all() == []


def test_a_change_of_keys_ends_no_subscription(engine: Any) -> None:
    """Its links in later mails are new."""
    site = make_site(engine)
    manage = subscribe(site)
    other = make_site(engine, settings={"secret_keys": "another secret that is long enough as well"})
    other.log_in(OPERATOR)
    publish(other)
    (news,) = queued(other, "status_news")
    link = link_in(other, news, "/statut/abonnements").removesuffix("/fin")
    assert link != manage
    assert "Votre abonnement" in other.text(link)


def test_the_answer_is_the_same_for_any_address(site: Site) -> None:
    """Known, confirmed, or asked for too often; the link goes to the mailbox alone."""
    subscribe(site, "agent@mairie.test")
    answers = set()
    for email in ["agent@mairie.test", "personne@mairie.test", *["autre@mairie.test"] * 5]:
        answer = site.post("/statut/abonnements", page="/statut", email=email, kinds="incident")
        answers.add((answer.status_code, answer.text))
    assert len(answers) == 1
    assert len(queued(site, "status_subscribed")) == 1
    asked = [row.recipient for row in queued(site, "status_confirm")]
    assert asked.count("autre@mairie.test") == 3


def test_links_that_confirm_end(site: Site) -> None:
    """After 24 hours, or once used; what nobody confirmed is gone after 7 days."""
    site.post("/statut/abonnements", page="/statut", email="agent@mairie.test", kinds="incident")
    link = link_in(site, queued(site, "status_confirm")[0], "/statut/abonnements/confirmer")
    site.clock.pass_by(hours=24, seconds=1)
    assert "ne sert plus" in site.text(link)
    site.clock.pass_by(days=6)
    minute(site)
    with reading(site.engine) as connection:
        assert connection.execute(select(table)).all() == []
    used = subscribe(site)
    assert used
    link = link_in(site, queued(site, "status_confirm")[-1], "/statut/abonnements/confirmer")
    assert "ne sert plus" in site.text(link)


@pytest.mark.parametrize(
    "fields",
    [
        *({"email": ""}, {"email": "x"}, {"email": "a@b.test\r\nBcc: c@d.test"}, {"email": "a@b.test,c@d.test"}),
        *({"kinds": []}, {"kinds": "x"}, {"email": "a" * 250 + "@b.test"}),
    ],
)
def test_what_is_no_subscription_is_refused(site: Site, fields: dict[str, Any]) -> None:
    """The page shows the form again, and no mail is queued."""
    usual = {"email": "agent@mairie.test", "kinds": "incident"}
    answer = site.post("/statut/abonnements", page="/statut", **usual | fields)
    assert answer.status_code == 422
    assert queued(site, "status_confirm") == []


def test_one_client_cannot_ask_for_ever(site: Site) -> None:
    """Thirty times an hour; another form of another site not at all."""
    csrf = site.csrf("/statut")
    statuses = []
    for number in range(31):
        fields = {"csrf": csrf, "email": f"a{number}@mairie.test", "kinds": "incident"}
        statuses.append(site.client.post("/statut/abonnements", data=fields).status_code)
    assert statuses == [200] * 30 + [429]
    assert site.client.post("/statut/abonnements", data={"email": "a@b.test", "kinds": "incident"}).status_code == 403


def test_operators_are_told_of_drafts(engine: Any) -> None:
    """Each of them, with the page of the draft."""
    site = make_site(engine, settings={"operators": f"{OPERATOR},autre@portail.test"})
    opened = [Opened("an-id", "INSEE - Sirene : source indisponible", (COMPONENTS[3],), site.clock())]
    with writing(engine) as connection:
        measure = loops.Measure(engine, site.services.settings, COMPONENTS)
        measure.tell_operators(connection, opened, site.clock())
        measure.tell_operators(connection, opened, site.clock() + timedelta(minutes=1))
    rows = queued(site, "status_draft")
    assert {row.recipient for row in rows} == {OPERATOR, "autre@portail.test"}
    assert len(rows) == 2
    assert f"{site.url}/admin/statut/incidents/an-id" in read_mail(site, rows[0])


def test_an_old_incident_keeps_its_page(operated: Site) -> None:
    """Beyond the 90 days for which it is listed."""
    where = publish(operated)
    publish(operated, where, status="resolved")
    operated.clock.pass_by(days=91)
    minute(operated)
    assert operated.get("/statut/api/v2/incidents.json").json()["incidents"] == []
    anybody = operated.another()
    assert "Lenteurs" in anybody.text(where.removeprefix("/admin"))
    assert ENTREPRISE in anybody.text("/statut")
