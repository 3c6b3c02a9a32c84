"""Tests of what fields mean: that nearly all say it, each in words of its own, and that nothing is said in vain."""

import re
import unicodedata
from collections import defaultdict
from collections.abc import Iterator, Sequence
from importlib.resources import files
from typing import Final, NamedTuple

import pytest
import yaml

from apientreprise_gateway.contract.notation import Path, Schema
from apientreprise_gateway.providers.fields import Words, meaning
from apientreprise_gateway.providers.product import Product
from apientreprise_gateway.providers.products import PRODUCTS

MOST_NAMES: Final = 3
"""How many different names may have the same words; `code_postal` and `codePostal` are the same name."""
FEWEST_DESCRIBED: Final = 0.9
"""Least share of leaf fields of v3 on that are described."""

each_product = pytest.mark.parametrize("product", PRODUCTS, ids=lambda product: product.key)


class Described(NamedTuple):
    """A field as OpenAPI shows it."""

    path: Path
    """From the operation, or from the shape, the envelope of v3 on included."""
    words: str | None
    """What it means; what its shape means, if nothing is said of the field itself."""
    leaf: bool
    """Whether it holds no object and no array of objects."""
    nullable: bool
    absent: bool
    """Whether it may be left out."""


class Document:
    """The schemas of a product as OpenAPI has them."""

    def __init__(self, product: Product) -> None:
        self.shapes: dict[str, Schema] = {}
        self.operations = {name: product.schemas.described(name, self._refer) for name in product.schemas.operations}

    def _refer(self, name: str, schema: Schema) -> Schema:
        assert self.shapes.setdefault(name, schema) == schema, f"two shapes are named {name}"
        return {"$ref": name}

    def fields(self, operations: Iterator[str]) -> list[Described]:
        """The fields of some operations, those of a shape once."""
        met: dict[str, Schema] = {}
        found = []
        for name in operations:
            found += list(self._fields(self.operations[name], (name,), met))
        for name in iter(lambda: next((shape for shape in met if met[shape]), None), None):
            schema, met[name] = met[name], {}
            found += list(self._fields(schema, (name,), met))
        return found

    def _fields(self, schema: Schema, path: Path, met: dict[str, Schema]) -> Iterator[Described]:
        if "$ref" in schema:
            met.setdefault(schema["$ref"], self.shapes[schema["$ref"]])
            return
        for name, field in schema.get("properties", {}).items():
            if not is_envelope((*path, name)):
                whole = self.resolved(field)
                yield Described(
                    (*path, name),
                    field.get("description") or whole.get("description"),
                    leaf=not self._holds_objects(field),
                    nullable="null" in whole.get("type", ()),
                    absent=name not in schema.get("required", ()),
                )
            yield from self._fields(field, (*path, name), met)
        if "items" in schema:
            yield from self._fields(schema["items"], path, met)

    def resolved(self, schema: Schema) -> Schema:
        """The schema, or the shape that it refers to."""
        return self.shapes[schema["$ref"]] if "$ref" in schema else schema

    def _holds_objects(self, schema: Schema) -> bool:
        whole = self.resolved(schema)
        return "properties" in whole or ("items" in whole and self._holds_objects(whole["items"]))


def is_envelope(path: Path) -> bool:
    """Whether a path is that of data, links or meta of a body of v3 on, or of an entry of it."""
    flat = re.match(r"api_[a-z]+_v2_", path[0])
    return path[0].startswith("api_") and not flat and set(path[1:]) <= {"data", "links", "meta"} and len(path) <= 3


NULL: Final = re.compile(r"\bnul(le|s|les)?\b")
OFTEN: Final = re.compile(r"\bnul(le|s|les)?\b|\bs'ils?\b|\bsi\b")
"""What speaks of null, or of a condition."""
ALL_NULL: Final = re.compile(r"tout y est nul.*|.*champs voisins.*")
"""Null is here what lies in the field, or beside it."""
ANY_FILE: Final = {"api_entreprise": "insee.yaml", "api_particulier": "cnaf.yaml"}
DOCUMENTS: Final = {product.key: Document(product) for product in PRODUCTS}


def is_flat(operation: str) -> bool:
    """Whether an operation is of v2."""
    return re.match(r"api_[a-z]+_v2_", operation) is not None


def fields_of(product: Product, *, flat: bool) -> list[Described]:
    """The fields of v2, or those of v3 on."""
    operations = product.schemas.operations
    return DOCUMENTS[product.key].fields(name for name in operations if is_flat(name) is flat)


def noted(product: Product) -> dict[str, dict[str, str]]:
    """The meanings of a product, file by file."""
    folder = files(f"apientreprise_gateway.providers.{product.key.removeprefix('api_')}.schemas").joinpath("fields")
    return {
        path.name: yaml.safe_load(path.read_text("utf-8")) for path in folder.iterdir() if path.name.endswith(".yaml")
    }


def words_of(text: str) -> list[str]:
    """The words of a name or a sentence, without accents and plurals."""
    plain = unicodedata.normalize("NFD", re.sub(r"(?<=[a-z])(?=[A-Z])", " ", text)).encode("ascii", "ignore").decode()
    return [word.removesuffix("s") for word in re.findall(r"[a-z0-9]+", plain.lower())]


EMPTY: Final = set(
    words_of(
        "a au aux d de des du en et l la le les un une ou par pour ce cet cette qui est son sa ses leur dont "
        "nom champ valeur code type ne n si"
    )
)
"""Words that say nothing beside those of a name."""


@each_product
def test_nearly_every_leaf_is_described(product: Product) -> None:
    """Nine in ten leaf fields from v3 on say what they hold."""
    leaves = [field for field in fields_of(product, flat=False) if field.leaf]
    silent = [".".join(field.path) for field in leaves if field.words is None]
    assert len(silent) <= (1 - FEWEST_DESCRIBED) * len(leaves), silent


@each_product
def test_every_object_of_v2_is_described(product: Product) -> None:
    """Each object within a body of v2 says what it is about."""
    assert [field.path for field in fields_of(product, flat=True) if not field.leaf and field.words is None] == []


@each_product
def test_each_meaning_is_a_short_sentence(product: Product) -> None:
    """A capital, a few words, a full stop, one line."""
    for name, meanings in noted(product).items():
        for key, words in meanings.items():
            assert re.fullmatch(r"[A-ZÀÂÉÊÎÔ0-9`].{8,238}[.]", words), f"{name}: {key}"


@each_product
@pytest.mark.parametrize("flat", [False, True])
def test_meanings_say_more_than_the_name(product: Product, flat: bool) -> None:
    """No description is but the words of the field's name over again."""
    repeated = [
        f"{'.'.join(field.path)}: {field.words}"
        for field in fields_of(product, flat=flat)
        if field.words is not None and not set(words_of(field.words)) - set(words_of(field.path[-1])) - EMPTY
    ]
    assert repeated == []


@each_product
@pytest.mark.parametrize("flat", [False, True])
def test_meanings_say_when_a_value_is_null(product: Product, flat: bool) -> None:
    """Each leaf that may be null says when it is or that it need not be there; none that is always there says so."""
    leaves = [field for field in fields_of(product, flat=flat) if field.leaf and field.words is not None]
    unsaid = [".".join(field.path) for field in leaves if field.nullable and not OFTEN.search(field.words or "")]
    wrong = [
        f"{'.'.join(field.path)}: {field.words}"
        for field in leaves
        if not field.nullable and not field.absent and NULL.search(ALL_NULL.sub("", field.words or ""))
    ]
    assert (unsaid, wrong) == ([], [])


@each_product
def test_no_words_serve_for_everything(product: Product) -> None:
    """The same sentence describes few fields of different names."""
    names: dict[str, set[str]] = defaultdict(set)
    for flat in (False, True):
        for field in fields_of(product, flat=flat):
            if field.words is not None:
                names[field.words].add("".join(words_of(field.path[-1])))
    assert {words: found for words, found in names.items() if len(found) > MOST_NAMES} == {}


@each_product
def test_every_meaning_is_used(product: Product, monkeypatch: pytest.MonkeyPatch) -> None:
    """Each key is the one that counts for some field or shape."""
    used: set[tuple[int, str]] = set()

    def watched(path: Path, meanings: Sequence[Words]) -> str | None:
        keys = [".".join(path[start:]) for start in range(len(path))]
        used.update([(id(file), key) for file in meanings for key in keys if key in file][:1])
        return meaning(path, meanings)

    monkeypatch.setattr("apientreprise_gateway.providers.schemas.meaning", watched)
    Document(product)
    vain = {}
    for name in noted(product):
        own, common = product.schemas._meanings(ANY_FILE[product.key] if name == "common.yaml" else name)
        file = common if name == "common.yaml" else own
        vain[name] = {key for key in file if (id(file), key) not in used}
    assert {name: keys for name, keys in vain.items() if keys} == {}


@pytest.mark.parametrize(
    ("path", "words"),
    [
        (("op", "data", "siren"), "all"),
        (("op", "meta", "siren"), "meta"),
        (("op", "data", "siege", "siren"), "siege"),
        (("op", "data", "code"), "own"),
        (("op", "data", "nom"), None),
    ],
)
def test_the_longest_key_of_the_provider_counts(path: Path, words: str | None) -> None:
    """Among the ends of a path, the longest that is noted, and the provider's before everybody's."""
    own = {"code": "own", "siege.siren": "siege"}
    common = {"siren": "all", "meta.siren": "meta", "data.code": "common", "siege.siren": "common"}
    assert meaning(path, [own, common]) == words
