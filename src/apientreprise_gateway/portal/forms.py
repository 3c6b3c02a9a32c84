"""Forms that are posted: how large they may be, and that they come from a page of ours.

Every POST of a page carries a hidden field `csrf`, compared with that of the session, or of the visit of somebody who
is not logged in. `Posted` gives a handler what was sent.
"""

import hmac
import re
from collections.abc import AsyncIterator
from typing import Annotated, Final
from urllib.parse import urlsplit

from fastapi import Depends, Request
from starlette.datastructures import FormData, UploadFile
from starlette.exceptions import HTTPException
from starlette.requests import ClientDisconnect

from apientreprise_gateway.portal import cookies
from apientreprise_gateway.portal.refusals import Forged, TooLarge, Unreadable
from apientreprise_gateway.portal.services import services
from apientreprise_gateway.portal.visitors import Anyone

MOST_FIELDS: Final = 500
MOST_FILES: Final = 4
LONGEST_FIELD: Final = 20_000
"""Signs that a field may have."""
_NOT_STORED: Final = re.compile("[\0\ud800-\udfff]")
"""Signs that no database stores: NUL, and halves of a pair, which the charset that a form names may decode to."""
_SAFE: Final = frozenset({"GET", "HEAD", "OPTIONS"})


class Form:
    """What a form holds."""

    def __init__(self, data: FormData) -> None:
        self._data = data

    def text(self, name: str) -> str:
        """A field, without blanks around it; empty if it is missing."""
        value = self._data.get(name)
        return value.strip() if isinstance(value, str) else ""

    def texts(self, name: str) -> list[str]:
        """All fields of a name, such as ticked boxes."""
        return [value.strip() for value in self._data.getlist(name) if isinstance(value, str)]

    def ticked(self, name: str) -> bool:
        """Whether a box is ticked."""
        return self.text(name) != ""

    def file(self, name: str) -> UploadFile | None:
        """A file that was chosen; None if none was."""
        value = self._data.get(name)
        return value if isinstance(value, UploadFile) and value.filename else None

    def values(self) -> dict[str, str]:
        """Every field that is a text, the last of each name: to show a form again."""
        return {name: value for name, value in self._data.multi_items() if isinstance(value, str) and name != "csrf"}


async def read_form(request: Request) -> AsyncIterator[Form]:
    """What was posted, with its files until the request is answered.

    Raises:
        TooLarge: it has too many fields, or one that is too long.
        Unreadable: it is no form.
    """
    if request.method in _SAFE:
        yield Form(FormData())
        return
    try:
        data = await request.form(max_files=MOST_FILES, max_fields=MOST_FIELDS, max_part_size=4 * LONGEST_FIELD)
    except HTTPException as error:
        raise (TooLarge if "xceeded" in error.detail or "Too many" in error.detail else Unreadable) from None
    except (ClientDisconnect, UnicodeError):  # it was not sent to its end, or names a charset that it is not in
        raise Unreadable from None
    try:
        _check(data)
        yield Form(data)
    finally:
        await data.close()


def _check(data: FormData) -> None:
    for name, value in data.multi_items():
        if len(name) > 200 or (isinstance(value, str) and len(value) > LONGEST_FIELD):
            raise TooLarge
        if _NOT_STORED.search(name) or (isinstance(value, str) and _NOT_STORED.search(value)):
            raise Unreadable


def csrf_of(request: Request, visitor: Anyone) -> str | None:
    """What the forms of this browser carry; None for one that was given no cookie yet."""
    if visitor is not None:
        return visitor.session.csrf
    visit = cookies.visit_secret(request)
    return None if visit is None else services(request).sealer.digest("csrf", visit).hex()


def guarded(request: Request, form: Annotated[Form, Depends(read_form)], visitor: Anyone) -> Form:
    """What was posted by a page of ours.

    Raises:
        Forged: it comes from elsewhere.
    """
    if request.method in _SAFE:
        return form
    ours = services(request)
    if not _same_origin(request, ours.public_url):
        ours.metrics.refused.labels("origin").inc()
        raise Forged
    expected = csrf_of(request, visitor)
    if expected is None or not hmac.compare_digest(expected.encode(), form.text("csrf").encode()):
        ours.metrics.refused.labels("csrf").inc()
        raise Forged
    return form


Posted = Annotated[Form, Depends(guarded)]


def _same_origin(request: Request, public_url: str) -> bool:
    """Whether the browser says that a page of this site sent the request; one that says nothing is believed.

    The field `csrf` is checked in any case. `Sec-Fetch-Site` comes first: a page that sends no referrer, as that of a
    link to a token, has its form sent with `Origin: null`.
    """
    site = request.headers.get("sec-fetch-site")
    if site is not None:
        return site in ("same-origin", "none")
    origin = request.headers.get("origin")
    return origin is None or origin == _origin(public_url)


def _origin(url: str) -> str:
    parts = urlsplit(url)
    return f"{parts.scheme}://{parts.netloc}"
