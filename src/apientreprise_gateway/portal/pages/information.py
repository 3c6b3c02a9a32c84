"""Pages for everybody: figures, software makers, the sandbox, how to ask for access, and the texts of the operator."""

from functools import lru_cache
from pathlib import Path
from typing import Final

from fastapi import APIRouter, Request
from sqlalchemy import select
from starlette.responses import Response

from apientreprise_gateway.database.accounts import editors
from apientreprise_gateway.portal.markdown import Text, rendered
from apientreprise_gateway.portal.pages.catalogue import known_of
from apientreprise_gateway.portal.rendering import page
from apientreprise_gateway.portal.services import services

TEXTS: Final = Path(__file__).parents[1] / "texts"
"""The texts of an operator that has not written any."""
router = APIRouter()


@router.get("/chiffres")
def figures(request: Request) -> Response:
    """What the APIs were used for, by month."""
    ours = services(request)
    operations = known_of(tuple(ours.products)).operations
    documents = {each["operation"] for each in operations if each["answer"] == "document"}
    with ours.reading() as connection:
        found = ours.figures.figures(connection, documents, now=ours.now())
    return page(request, "public/figures.html", figures=found)


@router.get("/editeurs")
def makers(request: Request) -> Response:
    """Who makes software that calls the APIs."""
    with services(request).reading() as connection:
        found = connection.execute(select(editors.c.name, editors.c.url).order_by(editors.c.name)).all()
    return page(request, "public/makers.html", makers=found)


@router.get("/bac-a-sable")
def sandbox(request: Request) -> Response:
    """Trying the APIs without an access."""
    return page(request, "public/sandbox.html", tokens=_test_tokens(request))


@router.get("/demander-un-acces")
def access(request: Request) -> Response:
    """Who may ask for access, what to have at hand, how long it takes."""
    return page(request, "public/access.html")


@router.get("/conditions")
def terms(request: Request) -> Response:
    """The terms of use."""
    return _text(request, "conditions")


@router.get("/confidentialite")
def privacy(request: Request) -> Response:
    """What is done with personal data."""
    return _text(request, "confidentialite")


@router.get("/accessibilite")
def accessibility(request: Request) -> Response:
    """The statement on accessibility."""
    return _text(request, "accessibilite")


@router.get("/mentions-legales")
def legal(request: Request) -> Response:
    """Who is answerable for the site."""
    return _text(request, "mentions-legales")


def _text(request: Request, name: str) -> Response:
    folder = services(request).settings.texts
    own = None if folder is None else Path(folder) / f"{name}.md"
    text = _rendered(own if own is not None and own.is_file() else TEXTS / f"{name}.md")
    return page(request, "public/text.html", text=text, breadcrumb=())


@lru_cache(16)
def _rendered(path: Path) -> Text:
    """A text, which is read once: another one shows after a restart."""
    return rendered(path.read_text("utf-8"))


def _test_tokens(request: Request) -> str | None:
    """Where test tokens are given out, if that is known."""
    settings = services(request).settings
    if settings.sandbox_url is None:
        return None
    return f"{str(settings.sandbox_url).rstrip('/')}/sandbox"
