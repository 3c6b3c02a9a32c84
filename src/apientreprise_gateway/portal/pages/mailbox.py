"""The mails of a demonstration, which has no mail server: what would have been sent, to whom."""

import re
from typing import Annotated, Final

from fastapi import APIRouter, Path, Request
from jinja2 import TemplateError
from markupsafe import Markup, escape
from sqlalchemy import select
from starlette.responses import Response

from apientreprise_gateway.database.serving import mails
from apientreprise_gateway.portal.periodic import renderer_of
from apientreprise_gateway.portal.refusals import Missing
from apientreprise_gateway.portal.rendering import page
from apientreprise_gateway.portal.sealing import SealError
from apientreprise_gateway.portal.services import Services, services

SHOWN: Final = 100
"""The newest mails are listed."""
_LINK: Final = re.compile(r"https?://[^\s<>]+")
_LARGEST: Final = 2**63 - 1
router = APIRouter()
"""Only part of a demonstration."""


@router.get("/demo/courrier")
def mailbox(request: Request) -> Response:
    """The mails, the newest first."""
    ours = services(request)
    with ours.reading() as connection:
        rows = connection.execute(select(mails).order_by(mails.c.id.desc()).limit(SHOWN)).all()
        listed = [(row, _subject(ours, row)) for row in rows]
    return page(request, "public/mailbox.html", mails=listed)


@router.get("/demo/courrier/{number}")
def mail(request: Request, number: Annotated[int, Path(ge=1, le=_LARGEST)]) -> Response:
    """One mail, as text, with its links."""
    ours = services(request)
    with ours.reading() as connection:
        row = connection.execute(select(mails).where(mails.c.id == number)).one_or_none()
        if row is None:
            raise Missing
        try:
            rendered = renderer_of(ours).rendered(connection, number)
        except (SealError, TemplateError):
            rendered = None
    text = None if rendered is None else _linked(rendered.text)
    return page(request, "public/mail.html", mail=row, subject=_subject(ours, row), text=text)


def _subject(ours: Services, row: object) -> str:
    try:
        return renderer_of(ours).render(row.kind, row.data, row.sealed).subject  # type: ignore[attr-defined]
    except (SealError, TemplateError):
        return str(row.kind)  # type: ignore[attr-defined]


def _linked(text: str) -> Markup:
    """A text whose addresses can be clicked."""
    parts, end = [], 0
    for found in _LINK.finditer(text):
        parts.append(escape(text[end : found.start()]))
        parts.append(Markup('<a href="{0}">{0}</a>').format(found[0]))
        end = found.end()
    return Markup("").join([*parts, escape(text[end:])])
