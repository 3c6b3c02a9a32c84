"""Pages: Jinja2 templates of `templates/`, with what every page shows.

`page(request, "folder/name.html", **context)` answers with one. Templates extend `base.html`, and use the macros of
`macros/`. Whatever a template prints is escaped.
"""

import gzip
from datetime import datetime
from functools import lru_cache
from pathlib import Path
from typing import Any, Final
from urllib.parse import urlsplit
from zoneinfo import ZoneInfo

from fastapi import Request
from fastapi.responses import HTMLResponse, RedirectResponse
from jinja2 import Environment, FileSystemLoader, StrictUndefined
from markupsafe import Markup
from starlette.responses import Response

from apientreprise_gateway.portal import cookies, sessions
from apientreprise_gateway.portal.services import Services, services
from apientreprise_gateway.portal.static import address_of
from apientreprise_gateway.portal.visitors import Visitor, anyone

TEMPLATES: Final = Path(__file__).parent / "templates"
PARIS: Final = ZoneInfo("Europe/Paris")
MENU: Final = (
    ("/", "Accueil"),
    ("/catalogue", "Catalogue des données"),
    ("/guide", "Guide"),
    ("/statut", "Statut"),
    ("/support", "Aide"),
)
"""Paths of the menu, with their texts."""
FOOTER: Final = (
    ("/conditions", "Conditions d’utilisation"),
    ("/confidentialite", "Données personnelles"),
    ("/accessibilite", "Accessibilité : non conforme"),
    ("/mentions-legales", "Mentions légales"),
    ("/chiffres", "Chiffres publics"),
    ("/editeurs", "Éditeurs de logiciels"),
    ("/faq", "Questions fréquentes"),
    ("/bac-a-sable", "Bac à sable"),
)
_NOTICE: Final = "notice"
_PRESSED_BYTES: Final = 2048
_PRESSED_LEVEL: Final = 5
_MONTHS: Final = (
    "janvier", "février", "mars", "avril", "mai", "juin", "juillet", "août", "septembre", "octobre", "novembre",
    "décembre",
)  # fmt: skip


def page(request: Request, name: str, /, *, status: int = 200, **context: Any) -> Response:
    """A page made of a template.

    Every template has besides what it is given: `visitor` (None if nobody is logged in), `csrf`, `notice`, `theme`,
    `demo`, `here` (its path), `request_id`, `settings`.
    """
    ours, visitor = services(request), anyone(request)
    csrf = _Csrf(request, ours, visitor)
    html = (
        _environment()
        .get_template(name)
        .render(
            visitor=visitor,
            csrf=csrf,
            sheets=_sheets(ours),
            icon=address_of("icone.svg") if ours.dsfr is None else ours.dsfr.icon,
            menu=_menu(visitor),
            footer=FOOTER,
            notice=_notice(ours, visitor),
            theme=ours.settings.theme.value,
            demo=ours.demo,
            here=request.url.path,
            request_id=request.state.request_id,
            settings=ours.settings,
            public_url=ours.public_url,
            now=ours.now(),
            **context,
        )
    )
    response = _answer(request, html, status, is_public=visitor is None and not csrf.is_printed)
    if csrf.new_visit is not None:
        cookies.give_visit(request, response, csrf.new_visit)
    return response


def part(name: str, /, **context: Any) -> Markup:
    """A template that needs no request: a part of a page, or a page among static files."""
    return Markup(_environment().get_template(name).render(**context))  # noqa: S704 - templates escape what they print


def to(request: Request, path: str, /, *, notice: str | None = None) -> Response:
    """Send the browser to another page of ours after a form; `notice` is a sentence that it shows once."""
    visitor = anyone(request)
    if notice is not None and visitor is not None:
        ours = services(request)
        with ours.writing() as connection:
            sessions.keep(connection, visitor.session.sha256, {**visitor.session.data, _NOTICE: notice})
    return RedirectResponse(local(path) or "/", 303)


def _answer(request: Request, html: str, status: int, *, is_public: bool) -> Response:
    """A page, compressed if it holds no secret: beside what a visitor typed, its length would tell of it (BREACH)."""
    body = html.encode()
    if not is_public or len(body) < _PRESSED_BYTES or "gzip" not in request.headers.get("accept-encoding", ""):
        return HTMLResponse(body, status)
    headers = {"Content-Encoding": "gzip", "Vary": "Accept-Encoding"}
    return HTMLResponse(gzip.compress(body, _PRESSED_LEVEL, mtime=0), status, headers=headers)


def _menu(visitor: Visitor | None) -> list[tuple[str, str]]:
    """The menu, with what is somebody's own before the rest."""
    own = []
    if visitor is not None:
        own.append(("/compte/demandes", "Mes demandes"))
        if visitor.user.editor_id is not None:
            own.append(("/editeur/habilitations", "Mes clients"))
        if visitor.is_operator or visitor.is_auditor:
            own.append(("/admin", "Administration"))
    return [MENU[0], *own, *MENU[1:]]


def _sheets(ours: Services) -> list[str]:
    if ours.dsfr is None:
        return [address_of("portail.css")]
    return [ours.dsfr.sheet, address_of("portail.css"), address_of("portail-dsfr.css")]


def leave(request: Request, url: str, where: str) -> Response:
    """Send the browser to another site after a form.

    By a page, and not by a redirect: the policy of our forms forbids that what they send is sent on elsewhere.
    """
    return page(request, "leave.html", url=url, where=where)


def local(path: str | None) -> str | None:
    """A path of this site, as it was given; None for anything that may lead elsewhere."""
    if not path or not path.isascii() or not path.isprintable() or len(path) > 2000:
        return None
    if not path.startswith("/") or path.startswith("//") or "\\" in path or " " in path:
        return None
    parts = urlsplit(path)
    return None if parts.scheme or parts.netloc else path


def paris(moment: datetime | None, *, time: bool = True) -> str:
    """A moment in Paris, as people write it: 3 mars 2026 à 14 h 05."""
    if moment is None:
        return "—"
    there = moment.astimezone(PARIS)
    day = "1er" if there.day == 1 else str(there.day)
    text = f"{day} {_MONTHS[there.month - 1]} {there.year}"
    return f"{text} à {there.hour} h {there.minute:02}" if time else text


def month(moment: datetime) -> str:
    """A month in Paris, such as mars 2026."""
    there = moment.astimezone(PARIS)
    return f"{_MONTHS[there.month - 1]} {there.year}"


def number(value: float) -> str:
    """A number as people write it in French: 12 345."""
    text = f"{value:,.1f}" if isinstance(value, float) and not value.is_integer() else f"{int(value):,}"
    return text.replace(",", "\u202f").replace(".", ",")


def prepare() -> None:
    """Compile every template, before threads make pages: two of them that compile at once can fail on CPython 3.11."""
    _environment()


@lru_cache(1)
def _environment() -> Environment:
    environment = Environment(
        loader=FileSystemLoader(TEMPLATES),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        auto_reload=False,
    )
    environment.globals.update(static=address_of)
    environment.filters.update(paris=paris, day=lambda moment: paris(moment, time=False), number=number)
    environment.filters["month"] = month
    environment.filters["iso"] = lambda moment: moment.isoformat(timespec="seconds")
    for name in environment.list_templates():
        environment.get_template(name)
    return environment


class _Csrf:
    """What the forms of a page carry; a page without forms gives no cookie."""

    def __init__(self, request: Request, ours: Services, visitor: Visitor | None) -> None:
        self._request = request
        self._ours = ours
        self._visitor = visitor
        self.is_printed = False
        self.new_visit: str | None = None
        """What the cookie of a visit must hold, if a form was printed for a browser without one."""

    def __str__(self) -> str:
        self.is_printed = True
        if self._visitor is not None:
            return self._visitor.session.csrf
        visit = cookies.visit_secret(self._request) or self.new_visit
        if visit is None:
            visit = self.new_visit = sessions.new_secret()
        return self._ours.sealer.digest("csrf", visit).hex()


def _notice(ours: Services, visitor: Visitor | None) -> str | None:
    if visitor is None or _NOTICE not in visitor.session.data:
        return None
    rest = {name: value for name, value in visitor.session.data.items() if name != _NOTICE}
    with ours.writing() as connection:
        sessions.keep(connection, visitor.session.sha256, rest)
    return str(visitor.session.data[_NOTICE])
