"""Style sheets and scripts: files of `static/`, under addresses that change with their content, kept by browsers."""

import gzip
import mimetypes
from collections.abc import Mapping
from functools import lru_cache
from hashlib import sha256
from pathlib import Path
from typing import Final, NamedTuple

import brotli  # type: ignore[import-untyped]  # it has no types
from fastapi import APIRouter, Request
from starlette.responses import Response

from apientreprise_gateway.portal.refusals import Missing

FOLDER: Final = Path(__file__).parent / "static"
PREFIX: Final = "/statique"
KEPT: Final = "public, max-age=31536000, immutable"
_PRESSED: Final = {".css", ".js", ".svg"}
router = APIRouter()


class Asset(NamedTuple):
    """A file, in each coding that it is sent in."""

    media_type: str
    codings: Mapping[str, bytes]


@lru_cache(1)
def _assets() -> tuple[dict[str, Asset], dict[str, str]]:
    """The files by their addresses, and the addresses by their names."""
    assets, addresses = {}, {}
    for path in sorted(FOLDER.iterdir()):
        content = path.read_bytes()
        address = f"{path.stem}-{sha256(content).hexdigest()[:12]}{path.suffix}"
        codings = {"": content}
        if path.suffix in _PRESSED:
            codings |= {"gzip": gzip.compress(content, mtime=0), "br": brotli.compress(content)}
        assets[address] = Asset(mimetypes.guess_type(path.name)[0] or "application/octet-stream", codings)
        addresses[path.name] = f"{PREFIX}/{address}"
    return assets, addresses


def address_of(name: str) -> str:
    """The address of a file of `static/`."""
    return _assets()[1][name]


@router.get(PREFIX + "/{name}")
def static(request: Request, name: str) -> Response:
    """A file."""
    asset = _assets()[0].get(name)
    if asset is None:
        raise Missing
    accepted = {part.partition(";")[0].strip() for part in request.headers.get("accept-encoding", "").split(",")}
    coding = next((each for each in ("br", "gzip") if each in accepted and each in asset.codings), "")
    headers = {"Cache-Control": KEPT, "Vary": "Accept-Encoding"}
    if coding:
        headers["Content-Encoding"] = coding
    return Response(asset.codings[coding], media_type=asset.media_type, headers=headers)
