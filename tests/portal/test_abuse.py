"""Tests of what every page withstands: strangers, forged forms, other people's objects, wrong ids, markup in fields."""

import re
from pathlib import Path
from uuid import uuid4

import pytest
from fastapi.routing import APIRoute

from apientreprise_gateway.portal import app as portal_app
from apientreprise_gateway.portal.login import pages as login
from apientreprise_gateway.portal.rendering import TEMPLATES
from support.portal import AUDITOR, OPERATOR, Site

MARIE = "marie@mairie.test"
PERSONAL = ("/compte", "/admin", "/editeur/")
PUBLIC = {"/compte/se-connecter", "/compte/se-connecter/message-envoye", "/compte/se-connecter/lien/{secret}"}
_PARAMETER = re.compile(r"\{[^}]+\}")


def routes() -> list[tuple[str, str]]:
    """The method and path of every page."""
    routers = (*portal_app.PAGES, login.demo_router)
    found = [each for router in routers for each in router.routes if isinstance(each, APIRoute)]
    return sorted({(method, each.path) for each in found for method in each.methods or ()})


def filled(path: str) -> str:
    """A path with ids that nobody has."""
    return _PARAMETER.sub(lambda _: str(uuid4()), path)


GETS = [path for method, path in routes() if method == "GET"]
POSTS = [path for method, path in routes() if method == "POST"]


@pytest.fixture
def kind() -> str:
    """The kind of database: what is refused here asks little of it."""
    return "sqlite"


def test_strangers_see_no_personal_page(site: Site) -> None:
    """Without a login, every page of an account leads to the login or is not there."""
    for path in (each for each in GETS if each.startswith(PERSONAL) and each not in PUBLIC):
        answer = site.get(filled(path))
        assert answer.status_code in (301, 303, 404), path
        if answer.status_code == 303:
            assert answer.headers["location"].startswith("/compte/se-connecter?"), path


def test_the_administration_is_not_there_for_others(site: Site) -> None:
    """Somebody who is no operator finds none of its pages."""
    site.log_in(MARIE)
    for path in (each for each in GETS if each.startswith("/admin")):
        assert site.get(filled(path)).status_code == 404, path


def test_no_form_is_taken_without_its_secret(site: Site) -> None:
    """Nothing that is posted without the hidden field is done, whoever is logged in."""
    for email in (MARIE, OPERATOR):
        site.log_in(email)
        for path in POSTS:
            answer = site.client.post(filled(path), data={"reason": "x"})
            assert answer.status_code in (403, 404), path
            assert site.client.post(filled(path), data={"csrf": "x" * 43}).status_code in (403, 404), path


def test_no_form_is_taken_from_another_site(site: Site) -> None:
    """Nor is one with the right field that a browser says another site has sent."""
    site.log_in(MARIE)
    data = {"csrf": site.csrf("/compte")}
    for path in POSTS:
        answer = site.client.post(filled(path), data=data, headers={"Sec-Fetch-Site": "cross-site"})
        assert answer.status_code in (403, 404), path


@pytest.mark.parametrize("email", [MARIE, OPERATOR, AUDITOR])
def test_objects_that_nobody_has(site: Site, email: str) -> None:
    """An id that was guessed is not found; nothing fails, and the page does not print what was asked for."""
    site.log_in(email)
    for path in (each for each in GETS if "{" in each and not each.startswith("/statut")):
        for value in (str(uuid4()), "1", "x" * 300, "%27%20OR%201=1", "%3Cb%3E", "%00"):
            answer = site.get(_PARAMETER.sub(value, path))
            assert answer.status_code in (303, 404, 410), (path, value, answer.status_code)
            assert "<b>" not in answer.text


@pytest.mark.parametrize("email", [MARIE, OPERATOR])
def test_forms_about_objects_that_nobody_has(site: Site, email: str) -> None:
    """A form with its secret about an object that is not there is refused calmly, whatever its fields hold."""
    site.log_in(email)
    csrf = site.csrf("/compte")
    hostile = {"email": "<script>x</script>", "reason": "=1+1", "body": "é" * 4000, "limit": "-1", "at": "never"}
    for path in (each for each in POSTS if "{" in each and "/lien/" not in each and not each.startswith("/statut")):
        answer = site.client.post(filled(path), data={"csrf": csrf, **hostile})
        assert answer.status_code in (303, 404, 409, 410, 422), (path, answer.status_code)
        assert "<script>x" not in answer.text


def test_markup_in_a_name(site: Site) -> None:
    """A person whose name is markup is called by it, as text, on every page."""
    site.log_in(MARIE, given_name="<img src=x onerror=alert(1)>", family_name="\"'><b>")
    for path in ("/compte", "/compte/demandes", "/support", "/"):
        page = site.get(path).text
        assert "<img src=x" not in page
        assert "&lt;img src=x" in page


def test_templates_have_nothing_that_the_policy_forbids() -> None:
    """No template has an inline style, an inline script, a handler in an attribute, or text that is not escaped."""
    forbidden = re.compile(r"\sstyle=|<style|<script(?![^>]*\ssrc=)|\son[a-z]+=|javascript:|\|\s*safe\b", re.IGNORECASE)
    for template in sorted(Path(TEMPLATES).rglob("*.html")):
        found = forbidden.search(template.read_text())
        assert found is None, (template.name, found)


def test_headers_that_lie(site: Site) -> None:
    """A request cannot choose the host of links, its own address, or its id."""
    lies = {
        "X-Forwarded-Host": "evil.test",
        "X-Forwarded-Proto": "http",
        "X-Forwarded-For": "192.0.2.66",
        "Host": "evil",
    }
    answer = site.get("/compte", headers=lies)
    assert "evil" not in str(answer.headers)
    assert "evil" not in answer.text
