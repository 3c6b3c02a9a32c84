"""The documentation page of a product: its operations, by provider, as HTML."""

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from importlib import resources
from typing import Final

import jinja2

from apientreprise_gateway.contract.endpoint import Endpoint, Provider
from apientreprise_gateway.controlplane import openapi
from apientreprise_gateway.controlplane.paths import CATALOGUE
from apientreprise_gateway.providers.product import Product, Specification

_OWN: Final = "passerelle"
"""Key of the group of what the gateway itself answers."""


@dataclass(frozen=True, slots=True)
class _Line:
    """An operation in the list."""

    name: str
    path: str
    summary: str
    theme: str
    version: int | None = None
    newer: tuple[Endpoint, ...] = ()
    """What takes the place of a deprecated operation."""


@dataclass(frozen=True, slots=True)
class _Group:
    """The operations of one provider."""

    key: str
    name: str
    about: str
    current: list[_Line]
    deprecated: list[_Line]


def html(
    product: Product, products: tuple[Product, ...], *, docs: str, address: str, guides: str | None = None
) -> bytes:
    """The page.

    Args:
        product: what it shows.
        products: what it offers besides.
        docs: path of the documentation.
        address: path of this page.
        guides: path of the documentation site; None where there is none.
    """
    groups = [*(_group(provider, product) for provider in product.providers), _own_group(product)]
    current = sum(len(group.current) for group in groups)
    text = _template().render(
        product=product,
        products=products,
        docs=docs,
        address=address,
        guides=guides,
        catalogue=CATALOGUE,
        files=[(each.path, _words(each)) for each in product.specifications],
        france_connect=bool(product.texts.france_connect),
        groups=groups,
        current=current,
        total=current + sum(len(group.deprecated) for group in groups),
    )
    return text.encode()


@cache
def _template() -> jinja2.Template:
    environment = jinja2.Environment(
        autoescape=True, trim_blocks=True, lstrip_blocks=True, undefined=jinja2.StrictUndefined
    )
    return environment.from_string(resources.files(__package__).joinpath("page.html").read_text("utf-8"))


def _words(specification: Specification) -> str:
    kind = "JSON" if specification.is_json else "YAML"
    return f"{kind} sans ce qui est déprécié" if specification.is_current else kind


def _group(provider: Provider, product: Product) -> _Group:
    lines = [(endpoint.deprecated, _line(endpoint, product)) for endpoint in _newest_first(provider.endpoints)]
    return _Group(
        key=f"fournisseur-{provider.key}",
        name=provider.name,
        about=", ".join(dict.fromkeys(endpoint.tag for endpoint in provider.endpoints)),
        current=[line for is_deprecated, line in lines if not is_deprecated],
        deprecated=[line for is_deprecated, line in lines if is_deprecated],
    )


def _newest_first(endpoints: tuple[Endpoint, ...]) -> list[Endpoint]:
    return sorted(endpoints, key=lambda endpoint: -endpoint.version)


def _line(endpoint: Endpoint, product: Product) -> _Line:
    return _Line(
        name=endpoint.operation,
        path=endpoint.path,
        summary=endpoint.summary,
        theme=endpoint.tag,
        version=endpoint.version,
        newer=product.newer_than(endpoint),
    )


def _own_group(product: Product) -> _Group:
    return _Group(
        key=_OWN,
        name="La passerelle elle-même",
        about="Ce qu'aucun fournisseur ne dit.",
        current=list(_own_lines(product)),
        deprecated=[],
    )


def _own_lines(product: Product) -> Iterator[_Line]:
    for name, (path, operation) in openapi.own_operations(product).items():
        yield _Line(name=name, path=path, summary=operation["summary"], theme=", ".join(operation["tags"]))
