"""Makes a mail of a row: subject, text and HTML, from the template of its kind.

A template is a file whose first line is the subject. Subjects of a habilitation's mails begin with its number. What a
template asks for and is not given is an error, not an empty place.
"""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from functools import cache
from pathlib import Path
from typing import Any, Final
from urllib.parse import urljoin, urlsplit
from zoneinfo import ZoneInfo

import css_inline
from jinja2 import Environment, FileSystemLoader, StrictUndefined
from markupsafe import Markup
from sqlalchemy import Connection, select

from apientreprise_gateway.accounts.plain_text import one_line, paragraphs
from apientreprise_gateway.database.serving import mails
from apientreprise_gateway.portal.mail import markup
from apientreprise_gateway.portal.sealing import Sealer, SealError

TEMPLATES: Final = Path(__file__).parent / "templates"
DEFAULT_URL: Final = "http://localhost:8081"
"""Where links lead while `PORTAL_PUBLIC_URL` is not set."""
SUBJECT_LENGTH: Final = 150
PRODUCTS: Final[Mapping[str, str]] = {"entreprise": "API Entreprise", "particulier": "API Particulier"}
_PARIS: Final = ZoneInfo("Europe/Paris")
_MONTHS: Final = (
    "janvier", "février", "mars", "avril", "mai", "juin", "juillet", "août", "septembre", "octobre", "novembre",
    "décembre",
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class Rendered:
    """A mail as it is read."""

    subject: str
    text: str
    html: str
    unsubscribe: str | None
    """The address that ends a subscription with one click."""


class Renderer:
    """Makes mails of rows."""

    def __init__(
        self, *, public_url: str | None, technical_contact_sees_tokens: bool = False, sealer: Sealer | None = None
    ) -> None:
        """Read the templates.

        Args:
            public_url: `PORTAL_PUBLIC_URL`.
            technical_contact_sees_tokens: `PORTAL_TECHNICAL_CONTACT_SEES_TOKENS`.
            sealer: opens the links of mails; None where no mail with one is rendered.
        """
        self._url = (public_url or DEFAULT_URL).rstrip("/") + "/"
        self._sealer = sealer
        self._texts = Environment(
            loader=FileSystemLoader(TEMPLATES),
            undefined=StrictUndefined,
            trim_blocks=True,
            lstrip_blocks=True,
            keep_trailing_newline=True,
            autoescape=False,  # noqa: S701 - of texts, which `markup.html` escapes
        )
        self._layout = Environment(
            loader=FileSystemLoader(TEMPLATES), undefined=StrictUndefined, autoescape=True
        ).get_template("layout.html")
        self._texts.globals |= {"url": self.address, "technical_contact_sees_tokens": technical_contact_sees_tokens}
        self._texts.filters |= {
            "date": date_words,
            "moment": moment_words,
            "quoted": markup.quoted,
            "product_name": lambda key: PRODUCTS.get(key, "API"),
        }

    @property
    def host(self) -> str:
        """The host of the portal, after which mails are named."""
        return urlsplit(self._url).hostname or "localhost"

    def address(self, path: str) -> str:
        """The address of a page."""
        return urljoin(self._url, path.lstrip("/"))

    def render(self, kind: str, data: Mapping[str, Any], sealed: bytes | None = None) -> Rendered:
        """Make the mail of a kind.

        Raises:
            SealError: its secret cannot be opened.
            jinja2.TemplateError: there is no such kind, or something that it tells is missing.
        """
        given = {name: _plain(name, value) for name, value in data.items()} | self._secrets(sealed)
        said = self._texts.get_template(f"{kind}.txt").render(given)
        first, _, body = said.lstrip().partition("\n")
        subject = one_line(first.removeprefix("Objet :"), longest=SUBJECT_LENGTH)
        number = given.get("number")
        if number is not None:
            subject = one_line(f"n°{number} | {subject}", longest=SUBJECT_LENGTH)
        footer = self._texts.get_template("footer.txt").render(given)
        page = self._layout.render(subject=subject, body=markup.html(body), footer=markup.html(footer), style=_style())
        unsubscribe = given.get("unsubscribe")
        return Rendered(
            subject=subject,
            text=f"{markup.wrapped(body)}\n-- \n{markup.wrapped(footer)}",
            html=_inliner().inline(page),
            unsubscribe=None if unsubscribe is None else self.address(str(unsubscribe)),
        )

    def rendered(self, connection: Connection, mail_id: int) -> Rendered | None:
        """A mail of the queue as it is read; None where there is none, or where its secret is gone with its end.

        Raises:
            SealError: its secret cannot be opened.
        """
        row = connection.execute(select(mails).where(mails.c.id == mail_id)).first()
        if row is None or (row.sealed is None and row.kind in WITH_SECRET):
            return None
        return self.render(row.kind, row.data, row.sealed)

    def _secrets(self, sealed: bytes | None) -> dict[str, Any]:
        if sealed is None:
            return {}
        if self._sealer is None:
            raise SealError("a mail holds a secret, and PORTAL_SECRET_KEYS is not set")
        found: dict[str, Any] = json.loads(self._sealer.open(sealed))
        return found


SEVERAL_LINES: Final = frozenset(("comment", "reason", "body"))
"""Values that keep their lines; templates quote them."""
WITH_SECRET: Final = frozenset(("hand_over", "login_link", "status_confirm", "status_news", "status_subscribed"))
"""Kinds that cannot be rendered without their secret."""


def _plain(name: str, value: object) -> object:
    """A value of a row without what could begin another line or header; lists of texts likewise."""
    if isinstance(value, str):
        return paragraphs(value) if name in SEVERAL_LINES else one_line(value)
    return [_plain(name, each) for each in value] if isinstance(value, list | tuple) else value


def date_words(text: str) -> str:
    """The day of a moment in Paris, as one writes it."""
    moment = datetime.fromisoformat(text).astimezone(_PARIS)
    return f"{'1er' if moment.day == 1 else moment.day} {_MONTHS[moment.month - 1]} {moment.year}"


def moment_words(text: str) -> str:
    """A moment in Paris, as one writes it."""
    moment = datetime.fromisoformat(text).astimezone(_PARIS)
    return f"{date_words(text)} à {moment.hour} h {moment.minute:02}"


@cache
def _style() -> Markup:
    return Markup((TEMPLATES / "style.css").read_text())  # noqa: S704 - a file of ours


@cache
def _inliner() -> css_inline.CSSInliner:
    return css_inline.CSSInliner(load_remote_stylesheets=False)
