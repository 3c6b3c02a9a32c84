"""What a maker of software sees: the habilitations that use its forms or are delegated to it, never a token."""

import csv
from io import StringIO
from typing import Final

from fastapi import APIRouter, Request
from starlette.responses import Response

from apientreprise_gateway.accounts import delegations
from apientreprise_gateway.accounts.delegations import Editor
from apientreprise_gateway.portal.refusals import Missing
from apientreprise_gateway.portal.rendering import page
from apientreprise_gateway.portal.services import services
from apientreprise_gateway.portal.visitors import LoggedIn, Visitor

router = APIRouter()
PATH: Final = "/editeur/habilitations"


def _rows(request: Request, visitor: Visitor) -> tuple[Editor, list[dict[str, str]], dict[str, str]]:
    """The editor that a person works for, its habilitations, and the pages of those that are delegated.

    Raises:
        Missing: the person works for none.
    """
    ours = services(request)
    with ours.reading() as connection:
        own = None if visitor.user.editor_id is None else delegations.editor(connection, visitor.user.editor_id)
        if own is None:
            raise Missing
        rows = delegations.rows_for(connection, own, now=ours.now())
        pages = delegations.numbers_of(connection, delegations.delegated_to(connection, own.id))
    return own, rows, pages


@router.get(PATH)
def habilitations(request: Request, visitor: LoggedIn, q: str = "") -> Response:
    """The habilitations, searched by title, number, SIRET or mail address."""
    editor, rows, pages = _rows(request, visitor)
    wanted = q.strip().casefold()[:100]
    found = [row for row in rows if any(wanted in value.casefold() for value in row.values())] if wanted else rows
    return page(
        request, "account/editor.html", editor=editor, rows=found, count=len(rows), q=q.strip()[:100], pages=pages
    )


@router.get(PATH + ".csv")
def as_csv(request: Request, visitor: LoggedIn) -> Response:
    """The same as CSV; cells are escaped already."""
    _, rows, _ = _rows(request, visitor)
    buffer = StringIO()
    writer = csv.DictWriter(buffer, delegations.CSV_COLUMNS)
    writer.writeheader()
    writer.writerows(rows)
    headers = {"Content-Disposition": 'attachment; filename="habilitations.csv"'}
    return Response(buffer.getvalue(), media_type="text/csv; charset=utf-8", headers=headers)
