"""The State's design system (npm `@gouvfr/dsfr`) as a theme: files of the unpacked package, which is not part of ours.

Its terms allow it on sites of the State alone. Files are served under an address with the package's version in it.
"""

import json
import mimetypes
from collections.abc import Mapping
from pathlib import Path
from typing import Final

import brotli  # type: ignore[import-untyped]  # it has no types
from fastapi import APIRouter, Request
from starlette.responses import Response

from apientreprise_gateway.config.environment import SettingsError
from apientreprise_gateway.portal.refusals import Missing
from apientreprise_gateway.portal.services import services
from apientreprise_gateway.portal.static import KEPT

SHEET: Final = "dsfr.min.css"
_ICON: Final = "favicon/favicon.svg"
_KINDS: Final = frozenset({".css", ".woff2", ".woff", ".svg", ".ico", ".png"})
_PRESSED: Final = frozenset({".css", ".svg"})
_QUALITY: Final = 9
_REMEDY: Final = "Run `make dsfr` and set PORTAL_DSFR to the folder that it prints, or use PORTAL_THEME=neutral."
router = APIRouter()


class Dsfr:
    """The unpacked package."""

    def __init__(self, folder: str | None) -> None:
        """Look into it.

        Raises:
            SettingsError: it is not there, or is no such package.
        """
        if folder is None:
            raise SettingsError(f"PORTAL_DSFR: the theme dsfr needs the files of @gouvfr/dsfr. {_REMEDY}")
        self._dist = Path(folder).resolve() / "dist"
        try:
            said = json.loads((self._dist.parent / "package.json").read_text("utf-8"))
            is_theirs = said["name"] == "@gouvfr/dsfr" and (self._dist / SHEET).is_file()
            self.prefix = f"/statique/dsfr-{said['version']}"
        except (OSError, ValueError, KeyError, TypeError):
            is_theirs = False
        if not is_theirs:
            raise SettingsError(f"PORTAL_DSFR: this is not the unpacked package @gouvfr/dsfr. {_REMEDY}")
        self._read: dict[str, tuple[bytes, Mapping[str, str]]] = {}

    @property
    def sheet(self) -> str:
        """The address of its style sheet."""
        return f"{self.prefix}/{SHEET}"

    @property
    def icon(self) -> str:
        """The address of its icon."""
        return f"{self.prefix}/{_ICON}"

    def file(self, name: str, *, pressed: bool) -> tuple[bytes, Mapping[str, str]] | None:
        """A file with the headers of its answer, compressed if the browser takes that; None if it is none of these."""
        path = (self._dist / name).resolve()
        if path.suffix not in _KINDS or not path.is_relative_to(self._dist) or not path.is_file():
            return None
        press = pressed and path.suffix in _PRESSED
        key = f"{press} {path}"
        if key not in self._read:
            content = path.read_bytes()
            kind = {".woff2": "font/woff2", ".woff": "font/woff"}.get(path.suffix) or mimetypes.guess_type(path.name)[0]
            headers = {"Cache-Control": KEPT, "Vary": "Accept-Encoding", "Content-Type": kind or ""}
            if press:
                content, headers["Content-Encoding"] = brotli.compress(content, quality=_QUALITY), "br"
            self._read[key] = content, headers
        return self._read[key]


@router.get("/statique/{folder}/{name:path}")
def asset(request: Request, folder: str, name: str) -> Response:
    """A file of the package."""
    theirs = services(request).dsfr
    if theirs is None or theirs.prefix != f"/statique/{folder}":
        raise Missing
    found = theirs.file(name, pressed="br" in request.headers.get("accept-encoding", ""))
    if found is None:
        raise Missing
    return Response(found[0], headers=dict(found[1]))
