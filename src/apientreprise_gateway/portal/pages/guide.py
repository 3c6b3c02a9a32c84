"""The guide: the project's own pages for who calls the API, which are Markdown, and nothing written a second time."""

from collections.abc import Mapping
from functools import lru_cache
from pathlib import Path
from types import MappingProxyType
from typing import Final

from fastapi import APIRouter, Request
from starlette.responses import Response

from apientreprise_gateway.portal.markdown import Text, rendered
from apientreprise_gateway.portal.refusals import Missing
from apientreprise_gateway.portal.rendering import page

GUIDE: Final[Mapping[str, tuple[str, str]]] = MappingProxyType(
    {
        "guide-integrateur": ("API Entreprise", "Le premier appel, le rythme, les erreurs, les documents, les jetons."),
        "guide-particulier": ("API Particulier", "La même chose pour les données de personnes."),
        "regles": ("Les règles", "L’ordre des contrôles, les formats, les réponses."),
        "erreurs": ("Les erreurs", "Chaque code, et quoi faire."),
        "limites": ("Les limites", "Combien d’appels, par qui, en combien de temps."),
        "bac-a-sable": ("Le bac à sable", "Des entreprises et des personnes fictives, et toutes les pannes."),
        "catalogue": ("Le catalogue en données", "Pour un outil, une collection de requêtes."),
        "migration": ("Changer de version", "De la v2 à la v3 ou la v4, ressource par ressource."),
        "changements": ("Ce qui change", "Pour qui appelle les API."),
        "faq": ("Questions fréquentes", "Accès, jetons, appels : les réponses courtes."),
    }
)
"""The pages, by the names of their files: title and contents."""
_PACKAGED: Final = Path(__file__).parents[1] / "guide"
_CHECKOUT: Final = Path(__file__).parents[4] / "docs"
router = APIRouter()


@router.get("/guide")
def contents(request: Request) -> Response:
    """What the guide has."""
    return page(request, "public/guide.html", guide=GUIDE)


@router.get("/guide/fournisseurs")
def providers(request: Request) -> Response:
    """The providers, with their codes."""
    return _page(request, "fournisseurs/README")


@router.get("/guide/fournisseurs/{name}")
def provider(request: Request, name: str) -> Response:
    """A provider with what it gives."""
    return _page(request, f"fournisseurs/{name}")


@router.get("/guide/{name}")
def text(request: Request, name: str) -> Response:
    """A page of the guide."""
    if name not in GUIDE:
        raise Missing
    return _page(request, name)


@router.get("/faq")
def questions(request: Request) -> Response:
    """What is often asked."""
    return _page(request, "faq")


def _page(request: Request, name: str) -> Response:
    found = _text(name)
    if found is None:
        raise Missing
    return page(request, "public/text.html", text=found, breadcrumb=(("/guide", "Guide"),))


def folder() -> Path:
    """Where the files are: in the package, or in the checkout that it runs from."""
    return _PACKAGED if _PACKAGED.is_dir() else _CHECKOUT


@lru_cache(128)
def _text(name: str) -> Text | None:
    known = _names()
    if name not in known:
        return None
    base = name.rpartition("/")[0]
    return rendered((folder() / f"{name}.md").read_text("utf-8"), lambda link: _address(link, base))


@lru_cache(1)
def _names() -> frozenset[str]:
    files = (*(folder() / f"{name}.md" for name in GUIDE), *folder().glob("fournisseurs/*.md"))
    return frozenset(str(each.relative_to(folder()).with_suffix("")) for each in files if each.is_file())


def _address(link: str, base: str) -> str | None:
    """The address of a link in a file of the folder `base`."""
    if link.startswith(("#", "https://", "mailto:", "http://127.0.0.1")):
        return link
    target, _, anchor = link.partition("#")
    parts = [part for part in base.split("/") if part]
    for part in target.split("/"):
        if part == "..":
            if not parts:
                return None
            parts.pop()
        elif part not in ("", "."):
            parts.append(part)
    name = "/".join(parts).removesuffix(".md")
    if name not in _names():
        return None
    return f"/guide/{name.removesuffix('/README')}" + (f"#{anchor}" if anchor else "")
