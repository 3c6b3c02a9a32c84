"""The page that leads from older versions of operations to those that take their place."""

from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any, Final

import yaml

from apientreprise_gateway.contract.endpoint import AnswerKind, Endpoint
from apientreprise_gateway.providers.product import Product
from written.fields import values_of

_HEAD: Final = """# Changer de version

Chaque ressource dépréciée, et celle qui la remplace. Rien n'oblige à tout changer le même jour : les versions se
servent l'une à côté de l'autre, avec le même jeton.

## Ce qui change partout

| | v2 | v3 et suivantes |
|---|---|---|
| réponse | un objet à plat | `{"data", "links", "meta"}` |
| liste | une liste dans un champ | `data` est une liste, dont chaque élément a `data`, `links`, `meta` |
| erreur | `{"errors": ["texte"]}` | `{"errors": [{"code", "title", "detail", "source", "meta"}]}` |
| réponse incomplète | 206 | 200, et ce qui manque est nul |
| jeton | `?token=…`, l'habitude | `Authorization: Bearer …` |
| `recipient` | un texte | le SIRET de qui reçoit les données, sinon 422 `00210` |
| numéro remplacé (INSEE) | 301 vers le nouveau | les données du nouveau, et `redirect_from_…` dans `meta` |

Pour API Particulier, [ce tableau](guide-particulier.md#de-la-v2-à-la-v3) dit ce qui change partout.

Les tableaux ci-dessous mettent en regard les champs de même nom à la même place, et ceux dont un autre
nom est connu. Un champ sans équivalent connu est à chercher dans la page du fournisseur, ou n'est plus donné.
"""
_WRAPPINGS: Final = frozenset({"entreprise", "etablissement", "association", "exercices", "quotientFamilial"})
"""Objects of v2 in which the whole of what was asked stands."""
_RENAMED: Final[Mapping[str, Mapping[str, Mapping[str, str]]]] = yaml.safe_load(
    Path(__file__).with_name("renamed.yaml").read_text()
)
"""New paths of values by their old ones, by the older and the newer operation."""


def migration_page(products: tuple[Product, ...]) -> str:
    """The page in Markdown, in French."""
    return _HEAD + "".join(_product_part(product) for product in products)


def _product_part(product: Product) -> str:
    providers = {endpoint.operation: provider for provider in product.providers for endpoint in provider.endpoints}
    parts = [f"\n## {product.title}\n"]
    for endpoint in (each for each in product.endpoints if each.deprecated):
        later = product.newer_than(endpoint)
        parts.append(f"\n### {endpoint.path}\n\n{endpoint.summary.rstrip('.')}.\n")
        if not later:
            parts.append("\nRien ne la remplace : elle sera retirée sans équivalent.\n")
        for new in later:
            page = f"[{providers[new.operation].name}](fournisseurs/{providers[new.operation].key}.md)"
            parts.append(f"\nRemplacée par `{new.path}` ({page}).\n\n{_compared(endpoint, new)}")
            parts.append(_fields(endpoint, new, product, is_first=new is later[0]))
    return "".join(parts)


def _compared(old: Endpoint, new: Endpoint) -> str:
    rows = [
        ("droit", _scopes(old), _scopes(new)),
        ("paramètres du chemin", _names(old.parameters), _names(new.parameters)),
        ("paramètres de la requête", *map(_asked, (old, new))),
        ("réponse", _answer(old), _answer(new)),
        ("compteur d'appels", f"`{old.group.name}`", f"`{new.group.name}`"),
        ("attente conseillée", f"{old.client_timeout} s", f"{new.client_timeout} s"),
    ]
    changed = [f"| {name} | {before} | {after} |" for name, before, after in rows if before or after]
    return f"| | v{old.version} | v{new.version} |\n|---|---|---|\n" + "\n".join(changed) + "\n"


def _scopes(endpoint: Endpoint) -> str:
    return " ou ".join(f"`{scope}`" for scope in endpoint.scopes) or "aucun"


def _names(parameters: Iterable[Any]) -> str:
    return ", ".join(f"`{each.name}`" for each in parameters)


def _asked(endpoint: Endpoint) -> str:
    person = () if endpoint.person is None else endpoint.person.parameters
    return _names((*endpoint.query, *person))


def _answer(endpoint: Endpoint) -> str:
    return "adresse d'un document" if endpoint.answer is AnswerKind.DOCUMENT else "JSON"


def _fields(old: Endpoint, new: Endpoint, product: Product, *, is_first: bool) -> str:
    pairs, left = _paired(old, new, product, is_first=is_first)
    rows = "\n".join(f"| `{before}` | `{after}` |" for before, after in pairs.items())
    head = f"| champ de la v{old.version} | champ de la v{new.version} |\n|---|---|\n"
    table = f"{head}{rows}\n" if pairs else ""
    others = f"\nSans équivalent connu : {', '.join(f'`{path}`' for path in left)}.\n" if left and is_first else ""
    if not pairs and (new.answer is AnswerKind.DOCUMENT or not others):
        return ""
    title = f"Les champs, de la v{old.version} à la v{new.version}"
    return f'\n<details markdown="1"><summary>{title}</summary>\n\n{table}{others}\n</details>\n'


def _paired(old: Endpoint, new: Endpoint, product: Product, *, is_first: bool) -> tuple[dict[str, str], list[str]]:
    """The values of an older answer with those of the newer one that have the same place and name; and those left.

    What an answer is wrapped in counts as part of a place, but for the first of the operations that succeed it.
    """
    renamed = _renamed(old, new, product)
    later = [field.path for field in values_of(new, product)]
    places = {_place(path): path for path in reversed(later)}
    before = [field.path for field in values_of(old, product)]
    if not set(renamed) <= set(before) or not set(renamed.values()) <= set(later):
        raise ValueError(f"renamed.yaml names values of {old.operation} or {new.operation} that do not exist")
    found = {path: renamed.get(path) or places.get(_place(path, bare=is_first)) for path in before}
    pairs = {path: place for path, place in found.items() if place is not None}
    return pairs, [path for path in before if path not in pairs]


def _renamed(old: Endpoint, new: Endpoint, product: Product) -> Mapping[str, str]:
    """What is written down of values that stand elsewhere."""
    before, after = (each.operation.removeprefix(f"{product.key}_") for each in (old, new))
    return _RENAMED.get(before, {}).get(after, {})


def _place(path: str, *, bare: bool = True) -> str:
    """Where a value is, however its words are joined; bare, without the object that the whole answer is wrapped in."""
    words = [word for word in path.replace("[]", "").split(".") if word != "data"]
    inner = words[1:] if bare and len(words) > 1 and words[0] in _WRAPPINGS else words
    return ".".join(word.replace("_", "").lower() for word in inner)
