"""The page of errors, for integrators: every code with its words and what to do."""

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Final, NamedTuple

import yaml

from apientreprise_gateway.contract.codes import PROVIDER_ERRORS
from apientreprise_gateway.contract.errors import OWN_ERRORS
from apientreprise_gateway.providers.product import Product

_HEAD: Final = """# Les erreurs

Décidez d'après le statut et le code, jamais d'après les textes. Les deux premiers chiffres d'un code sont ceux du
fournisseur (`00` : la passerelle), que nomme `meta.provider`. Le détail ne répète jamais une valeur envoyée. À un
programme, `/errors` (`/api/errors` pour API Particulier) donne la même liste ; le
[guide](guide-integrateur.md#les-erreurs) dit comment espacer des réessais.

Les formes d'avant la v3 sont [plus bas](#avant-la-v3).
"""
_V2: Final = """
## Avant la v3

API Entreprise, v2 : `{"errors": ["texte"]}`, sans code, avec les mêmes statuts. API Particulier, v2 : `{"error",
"reason", "message"}`, la première erreur seule, avec des statuts à elle : [ce
tableau](guide-particulier.md#les-erreurs) les met en regard.
"""
_FILE: Final = Path(__file__).with_name("remedies.yaml")


class _Error(NamedTuple):
    code: str
    status: int
    title: str
    detail: str


def errors_page(products: tuple[Product, ...]) -> str:
    """The page in Markdown, in French.

    Raises:
        KeyError: nothing says what to do about a code.
        ValueError: something says what to do about a code that does not exist.
    """
    remedies: Mapping[str, str] = yaml.safe_load(_FILE.read_text())
    own = [_Error(code, kind.status, kind.title, kind.detail) for code, kind in OWN_ERRORS.items()]
    common = [
        _Error(f"PP{code}", kind.status, kind.title, kind.detail.format(provider="X"))
        for code, kind in PROVIDER_ERRORS.items()
    ]
    alone = [list(dict.fromkeys(_specific(product))) for product in products]
    known = {error.code for errors in (own, common, *alone) for error in errors}
    if left := {code for code in remedies if not code.endswith("xx")} - known:
        raise ValueError(f"{_FILE.name} has codes that do not exist: {', '.join(sorted(left))}")
    parts = [
        _HEAD,
        _part("De la passerelle", "", own, remedies),
        _part(
            "De tout fournisseur",
            "`PP` : les deux chiffres du fournisseur, dont [la liste](fournisseurs/README.md) donne le nom, ici X.\n\n",
            common,
            remedies,
        ),
    ]
    for product, specific in zip(products, alone, strict=True):
        parts.append(_part(f"D'un fournisseur seul : {product.title}", "", specific, remedies))
    return "".join(parts) + _V2


def _specific(product: Product) -> Iterator[_Error]:
    for provider in product.providers:
        for endpoint in provider.endpoints:
            for status, codes in endpoint.codes.items():
                for code in codes:
                    kind = provider.errors[code]
                    yield _Error(code, status, kind.title, kind.detail)


def _part(title: str, words: str, errors: list[_Error], remedies: Mapping[str, str]) -> str:
    rows = "\n".join(
        f"| {error.status} | `{error.code}` | {error.title}<br>{error.detail} | {_remedy(error, remedies)} |"
        for error in sorted(errors, key=lambda error: (error.status, error.code))
    )
    return f"\n## {title}\n\n{words}| statut | code | titre et détail | que faire |\n|---|---|---|---|\n{rows}\n"


def _remedy(error: _Error, remedies: Mapping[str, str]) -> str:
    """What to do about an error: what is written for its code, else for the range that it is in."""
    if error.code in remedies:
        return remedies[error.code]
    return remedies[error.code[:3] + "xx"]
