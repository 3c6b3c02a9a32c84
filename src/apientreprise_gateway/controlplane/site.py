"""The documentation site: files of a folder, as pages below one address. `demo` serves them, `serve` does not."""

from collections.abc import Awaitable, Callable, Mapping
from pathlib import Path
from typing import Final

from apientreprise_gateway.controlplane.static import StaticAnswer
from apientreprise_gateway.net.asgi import Receive, Scope, Send

AsgiPage = Callable[[Scope, Receive, Send], Awaitable[None]]

PATH: Final = "/documentation"
BUILT: Final = Path("dist/site")
"""Where `make site` puts the site."""
_INDEX: Final = "index.html"
_TYPES: Final = {
    ".css": "text/css; charset=utf-8",
    ".html": "text/html; charset=utf-8",
    ".js": "text/javascript; charset=utf-8",
    ".json": "application/json",
    ".png": "image/png",
    ".svg": "image/svg+xml",
    ".xml": "application/xml",
}
_TEXT: Final = "text/plain; charset=utf-8"
"""The type of all other files, which are those that pages name: examples, configurations, programs."""
_HEADERS: Final = {
    "Cache-Control": "no-cache",
    # The pages hold small scripts and styles of their own; all else comes from this site.
    "Content-Security-Policy": (
        "default-src 'self'; script-src 'self' 'unsafe-inline'; style-src 'self' 'unsafe-inline'; "
        "img-src 'self' data:; object-src 'none'; base-uri 'self'; form-action 'none'; frame-ancestors 'none'"
    ),
    "Referrer-Policy": "no-referrer",
    "X-Content-Type-Options": "nosniff",
}
_ABSENT: Final = """\
<!DOCTYPE html>
<html lang="fr">
<head><meta charset="utf-8"><meta name="viewport" content="width=device-width"><title>Documentation</title></head>
<body>
<h1>La documentation n'est pas construite</h1>
<p>Dans le dossier du projet, <code>make site</code> la construit ; redémarrez ensuite
la démonstration depuis ce dossier.
<code>demo --documentation DOSSIER</code> sert une documentation construite ailleurs.</p>
<p><a href="/docs">La référence des points d'accès</a></p>
</body>
</html>
"""


def pages(folder: Path | None) -> Mapping[bytes, AsgiPage]:
    """What answers at which path: the files that are in a folder now, or a page that says how to make them."""
    if folder is None or not (folder / _INDEX).is_file():
        absent = _Page(StaticAnswer(_ABSENT.encode, media_type=_TYPES[".html"], headers=_HEADERS))
        return {PATH.encode(): absent, f"{PATH}/".encode(): absent}
    found: dict[bytes, AsgiPage] = {PATH.encode(): _to_the_index}
    for file in sorted(folder.rglob("*")):
        if file.is_file():
            path = f"{PATH}/{file.relative_to(folder).as_posix()}"
            page = _Page(_answer_of(file))
            found[path.encode()] = page
            if file.name == _INDEX:
                found[path.removesuffix(_INDEX).encode()] = page
    return found


def _answer_of(file: Path) -> StaticAnswer:
    return StaticAnswer(file.read_bytes, media_type=_TYPES.get(file.suffix, _TEXT), headers=_HEADERS)


class _Page:
    """A file, for GET and HEAD alone."""

    def __init__(self, answer: StaticAnswer) -> None:
        self._answer = answer

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["method"] in {"GET", "HEAD"}:
            await self._answer(scope, receive, send)
        else:
            await _empty(send, 405, (b"allow", b"GET, HEAD"))


async def _to_the_index(_scope: Scope, _receive: Receive, send: Send) -> None:
    """Lead to the index: the links of its page need the slash."""
    await _empty(send, 302, (b"location", f"{PATH}/".encode()))


async def _empty(send: Send, status: int, header: tuple[bytes, bytes]) -> None:
    headers = [header, (b"content-length", b"0")]
    await send({"type": "http.response.start", "status": status, "headers": headers})
    await send({"type": "http.response.body", "body": b""})
