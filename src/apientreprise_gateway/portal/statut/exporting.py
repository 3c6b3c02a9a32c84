"""Writes the status page as static files: linked relatively, without scripts, whole or not at all.

The files are written into a folder of their own beside the old ones; `statut` is a link that then leads to the new one
instead, in one step. What a killed export has left is removed by a later one.
"""

import os
import secrets
import shutil
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final

import orjson

from apientreprise_gateway.portal.rendering import part
from apientreprise_gateway.portal.static import FOLDER
from apientreprise_gateway.portal.statut import making
from apientreprise_gateway.portal.statut.links import ATOM, CALENDAR, ROOT, among_files
from apientreprise_gateway.status import feeds, statuspage
from apientreprise_gateway.status.snapshot import Snapshot

NAME: Final = ROOT.strip("/")
_HIDDEN: Final = f".{NAME}-"
_LEFT_SECONDS: Final = 120.0
"""Age from which a folder that nothing leads to was left by an export that was killed."""
_STATIC: Final = "statut/static.html"
_SHEET: Final = "portail.css"


class ExportError(Exception):
    """The files cannot be written; the text says why."""


def export(snapshot: Snapshot, folder: Path, *, public_url: str) -> int:
    """Write the files; returns how many.

    Args:
        snapshot: what they tell.
        folder: where `statut` is made, or replaced.
        public_url: the address of the portal, which feeds and JSON name.

    Raises:
        ExportError: they cannot be written; those before stay.
    """
    link = folder / NAME
    if link.exists() and not link.is_symlink():
        raise ExportError(f"{link} was not made by this command. Remove it, or name another folder.")
    try:
        folder.mkdir(parents=True, exist_ok=True)
        made = folder / f"{_HIDDEN}{secrets.token_hex(8)}"
        count = _write(made, snapshot, public_url.rstrip("/") + ROOT)
        _lead_to(link, made)
        _remove_old(folder, link)
    except OSError as error:
        raise ExportError(f"{error.filename or folder}: {error.strerror}") from error
    return count


def _write(made: Path, snapshot: Snapshot, base: str) -> int:
    count = 0
    try:
        for path, content in _files(snapshot, base):
            file = made / path
            file.parent.mkdir(parents=True, exist_ok=True)
            file.write_bytes(content)
            count += 1
    except BaseException:
        shutil.rmtree(made, ignore_errors=True)
        raise
    return count


def _lead_to(link: Path, made: Path) -> None:
    """Have a link lead to a folder beside it, in one step."""
    new = link.parent / f"{made.name}.link"
    os.symlink(made.name, new)
    os.replace(new, link)


def _remove_old(folder: Path, link: Path) -> None:
    """Remove the folders that the link does not lead to; a new one may be of an export that goes on."""
    now, current = time.time(), os.readlink(link)
    for each in folder.glob(f"{_HIDDEN}*"):
        if each.name == current or now - each.lstat().st_mtime < _LEFT_SECONDS:
            continue
        if each.is_symlink():
            each.unlink(missing_ok=True)
        else:
            shutil.rmtree(each, ignore_errors=True)


def _files(snapshot: Snapshot, base: str) -> Iterator[tuple[str, bytes]]:
    """The path of each file, and what it holds."""
    top = among_files(0)
    body = part("statut/_index.html", **making.index(snapshot, top))
    yield "index.html", _page("statut/index.html", {**making.common(snapshot, top), "body": body})
    for shown in snapshot.components:
        path = f"composants/{shown.component.id}"
        yield f"{path}/index.html", _page("statut/component.html", making.component(snapshot, shown, among_files(2)))
        yield f"{path}/badge.svg", feeds.badge(shown)
    for incident in (*snapshot.incidents, *snapshot.maintenances):
        given = making.incident(snapshot, incident, among_files(2))
        yield f"incidents/{incident.id}/index.html", _page("statut/incident.html", given)
    yield ATOM, feeds.atom(snapshot, base)
    yield CALENDAR, feeds.calendar(snapshot, base)
    for name, make in statuspage.DOCUMENTS.items():
        yield f"api/v2/{name}.json", orjson.dumps(make(snapshot, base))
    yield _SHEET, (FOLDER / _SHEET).read_bytes()


def _page(template: str, given: dict[str, Any]) -> bytes:
    return part(template, layout=_STATIC, **given).encode()
