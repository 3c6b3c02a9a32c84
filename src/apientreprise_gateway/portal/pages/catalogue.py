"""The catalogue of data: every operation, searched and filtered; and a page of each with all that a call needs."""

import json
import unicodedata
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import timedelta
from functools import lru_cache
from typing import Any, Final

from fastapi import APIRouter, Request
from starlette.responses import Response

from apientreprise_gateway.catalogue.document import Terms, catalogue
from apientreprise_gateway.portal.refusals import Missing
from apientreprise_gateway.portal.rendering import page
from apientreprise_gateway.portal.services import Services, services
from apientreprise_gateway.providers.product import Product
from apientreprise_gateway.status.components import components_of
from apientreprise_gateway.status.store import states_since

Operation = Mapping[str, Any]
_OPEN: Final = "open_data"
_LONGEST_QUERY: Final = 200
_MEASURED: Final = 5
"""Minutes of the status page that are looked at for what works now."""
router = APIRouter()


@dataclass(frozen=True, slots=True)
class Known:
    """The catalogue of the products, with what the pages look up in it."""

    products: Sequence[Mapping[str, Any]]
    operations: Sequence[Operation]
    texts: Mapping[str, str]
    """What is searched of each operation: without accents, in lower case."""
    examples: Mapping[str, Any]
    sources: Mapping[str, str]
    """The component of the status page that shows each operation."""

    def by_name(self, name: str) -> Operation | None:
        """An operation."""
        return next((each for each in self.operations if each["operation"] == name), None)


@dataclass(frozen=True, slots=True, kw_only=True)
class Wanted:
    """What a visitor looks for; empty for anything."""

    words: str = ""
    product: str = ""
    provider: str = ""
    use_case: str = ""
    openness: str = ""

    def takes(self, known: Known, operation: Operation) -> bool:
        """Whether an operation is looked for."""
        text = known.texts[operation["operation"]]
        return (
            all(word in text for word in plain(self.words).split())
            and self.product in ("", operation["product"])
            and self.provider in ("", operation["provider"])
            and (not self.use_case or self.use_case in [case["key"] for case in operation["use_cases"]])
            and (not self.openness or (self.openness == "ouvert") == is_open(operation))
        )


@router.get("/catalogue")
def listing(  # noqa: PLR0917 - the names are those of the form
    request: Request, q: str = "", produit: str = "", fournisseur: str = "", cas: str = "", acces: str = ""
) -> Response:
    """The operations that are looked for, by provider."""
    known = known_of(tuple(services(request).products))
    wanted = Wanted(words=q[:_LONGEST_QUERY], product=produit, provider=fournisseur, use_case=cas, openness=acces[:10])
    found = [each for each in known.operations if wanted.takes(known, each)]
    return page(
        request,
        "public/catalogue.html",
        wanted=wanted,
        current=_by_provider(each for each in found if not each["deprecated"]),
        old=_by_provider(each for each in found if each["deprecated"]),
        count=sum(not each["deprecated"] for each in found),
        products=[(each["key"], each["title"]) for each in known.products],
        providers=[(name, name) for name in sorted({each["provider"] for each in known.operations}, key=plain)],
        use_cases=[(case["key"], case["title"]) for each in known.products for case in each["use_cases"]],
        is_open=is_open,
    )


@router.get("/catalogue/{name}")
def operation(request: Request, name: str) -> Response:
    """An operation: what it gives, and what a call needs."""
    ours = services(request)
    known = known_of(tuple(ours.products))
    found = known.by_name(name)
    if found is None:
        raise Missing
    example = known.examples.get(name)
    return page(
        request,
        "public/operation.html",
        operation=found,
        example=None if example is None else json.dumps(example, ensure_ascii=False, indent=2),
        product=next(each for each in known.products if each["key"] == found["product"]),
        is_open=is_open(found),
        state=_state(ours, known.sources.get(name)),
        source=known.sources.get(name),
        curl=curl(ours, found),
    )


@router.get("/cas-usages")
def use_cases(request: Request) -> Response:
    """What the data serve for."""
    known = known_of(tuple(services(request).products))
    titles = {each["operation"]: each["summary"] for each in known.operations}
    return page(request, "public/use_cases.html", products=known.products, titles=titles)


@lru_cache(4)
def known_of(products: tuple[Product, ...]) -> Known:
    """The catalogue of some products."""
    whole = catalogue(products, Terms())
    examples = {
        name: body for each in products if each.examples is not None for name, body in each.examples.bodies.items()
    }
    sources = {name: each.id for each in components_of(products) for name in each.operations}
    texts = {each["operation"]: _searched(each) for each in whole["operations"]}
    return Known(whole["products"], whole["operations"], texts, examples, sources)


def is_open(operation: Operation) -> bool:
    """Whether every token opens an operation, or one for open data."""
    return not operation["scopes"] or _OPEN in operation["scopes"]


def plain(text: str) -> str:
    """A text without accents, in lower case."""
    parts = unicodedata.normalize("NFKD", text)
    return "".join(sign for sign in parts if not unicodedata.combining(sign)).lower()


def curl(ours: Services, operation: Operation) -> str:
    """A call of an operation, with the examples of its parameters."""
    base = str(ours.settings.api_url or "https://passerelle.exemple").rstrip("/")
    path, query = operation["path"], []
    for each in operation["parameters"]:
        if each["in"] == "path":
            path = path.replace(f"{{{each['name']}}}", str(each["example"]))
        elif each["required"]:
            query.append((each["name"], each["example"]))
    query += [(name, _TRACE.get(name, "…")) for name in operation["traceability"]]
    lines = [f"curl --get '{base}{path}' \\", '  --header "Authorization: Bearer $API_TOKEN"']
    lines += [f"  --data-urlencode '{name}={value}'" for name, value in query]
    return " \\\n".join([lines[0].removesuffix(" \\"), *lines[1:]])


_TRACE: Final = {
    "context": "Marché public",
    "object": "Dossier 2026-14",
    "recipient": "13002526500013",
    "user_id": "a1",
}


def _searched(operation: Operation) -> str:
    fields = " ".join(f"{each['path']} {each['description']}" for each in operation["fields"])
    names = ("summary", "description", "provider", "tag", "path", "operation")
    return plain(" ".join([*(str(operation[name]) for name in names), *operation["scopes"], fields]))


def _by_provider(operations: Any) -> dict[str, list[Operation]]:
    found: dict[str, list[Operation]] = {}
    for each in operations:
        found.setdefault(each["provider"], []).append(each)
    return dict(sorted(found.items(), key=lambda item: plain(item[0])))


def _state(ours: Services, source: str | None) -> str | None:
    """What the status page has measured last of a source."""
    if source is None:
        return None
    with ours.reading() as connection:
        measured = states_since(connection, ours.now() - timedelta(minutes=_MEASURED)).get(source)
    return None if not measured else list(measured.values())[-1].value
