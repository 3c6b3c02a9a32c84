"""The pages of operators; auditors read them. Whatever is searched for is posted, as addresses of pages are logged."""

from collections.abc import Sequence
from typing import Final

from fastapi import APIRouter

from apientreprise_gateway.portal.pages.admin import desk, examination, journal, people, tokens

ROUTERS: Final[Sequence[APIRouter]] = (desk.router, examination.router, tokens.router, people.router, journal.router)
