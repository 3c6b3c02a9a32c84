"""The first page."""

from fastapi import APIRouter, Request
from starlette.responses import Response

from apientreprise_gateway.portal.rendering import page
from apientreprise_gateway.portal.visitors import Anyone

router = APIRouter()


@router.get("/")
def home(request: Request, _visitor: Anyone) -> Response:
    """What this site is for, and where to go."""
    return page(request, "public/home.html")
