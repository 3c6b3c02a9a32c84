"""The schemas of a product: what the data of each operation look like.

One YAML file per provider, one entry per operation, in a compact notation. `Schemas.of` gives it as JSON Schema.

An entry has a `description` and the parts of the body:

| part | what |
|---|---|
| `body` | the whole body (v2) |
| `data` | the data (v3 on); `links` and `meta` beside it where they have fields |
| `entries` | instead of `data`: the data of each entry of a collection; `entry_meta`, the `meta` of each entry |

Inside a part:

| notation | meaning |
|---|---|
| `name: string` | a required field; also `integer`, `number`, `boolean`, `date`, `date-time`, `url` |
| `name: /\\d{5}/` | a text of this pattern |
| `name?: string` | a field that may be absent |
| `name: string?` | a value that may be null |
| `name: [A, B]` | one of these values |
| `name: [string]`, or a list with one map | an array |
| a map | an object |
| `~` among the entries of a list, or `~: ~` in a map | an enumeration, array or object that may be null |

What several operations share stands under `shapes`, as YAML anchors; OpenAPI describes it once. What fields mean
stands apart (`fields`). Lengths are not noted, nor that an object has no other fields: a provider may add one.

No file is read before it is needed, and then only the one that holds the operation. Meanings are read for OpenAPI
alone.
"""

import re
from collections.abc import Callable, Mapping
from functools import cached_property
from importlib.resources.abc import Traversable
from typing import Any, Final

import yaml

from apientreprise_gateway.contract.notation import Notes, Path, Schema, body_schema, whole_schema
from apientreprise_gateway.providers.fields import Words, meaning

Refer = Callable[[str, Schema], Schema]
"""From the name of a shape, and its schema, to what stands in its place."""

_SHAPES: Final = "shapes"
_FIELDS: Final = "fields"
_COMMON: Final = "common.yaml"
_OPERATION: Final = re.compile(r"^(?!shapes:)(\w+):$", re.MULTILINE)
_LOADER: Final = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
"""The same safe loader, in C where PyYAML was built with it."""


class Schemas:
    """The schemas of a product's operations, read from a folder of YAML files."""

    def __init__(self, folder: Traversable) -> None:
        self._folder = folder
        self._schemas: dict[str, Schema] = {}
        self._contents: dict[str, Mapping[str, Any]] = {}
        self._words: dict[str, Words] = {}

    def of(self, operation: str) -> Schema:
        """The JSON Schema (2020-12) of the body of a success, envelope included; shared, so copy it before a change.

        It says nothing about meanings, and holds every shape in its place.

        Raises:
            KeyError: no operation has this name.
        """
        if operation not in self._schemas:
            self._schemas[operation] = body_schema(self._entry(operation))
        return self._schemas[operation]

    def described(self, operation: str, refer: Refer) -> Schema:
        """As `of`, with what each field means, and with references to the shapes.

        Shapes are named after the provider's file: `insee_adresse_sirene`.

        Raises:
            KeyError: no operation has this name.
        """
        name = self._files[operation]
        notes = _Described(name.removesuffix(".yaml"), self._content(name), self._meanings(name), refer)
        entry = self._entry(operation)
        return {"description": entry["description"], **body_schema(entry, notes, (operation,))}

    @cached_property
    def descriptions(self) -> Mapping[str, str]:
        """One line of French on what each operation answers; this reads every file."""
        return {operation: self._entry(operation)["description"] for operation in self.operations}

    @property
    def operations(self) -> tuple[str, ...]:
        """The operations that have a schema, file by file."""
        return tuple(self._files)

    def _entry(self, operation: str) -> Mapping[str, Any]:
        entry: Mapping[str, Any] = self._content(self._files[operation])[operation]
        return entry

    @cached_property
    def _files(self) -> Mapping[str, str]:
        """The file of each operation, found without parsing any."""
        return {
            operation: path.name
            for path in sorted(self._folder.iterdir(), key=lambda path: path.name)
            if path.name.endswith(".yaml")
            for operation in _OPERATION.findall(path.read_text("utf-8"))
        }

    def _content(self, name: str) -> Mapping[str, Any]:
        if name not in self._contents:
            self._contents[name] = _read(self._folder.joinpath(name))
        return self._contents[name]

    def _meanings(self, name: str) -> tuple[Words, Words]:
        """The meanings of a provider and those of all; either may be none."""
        for file in (name, _COMMON):
            if file not in self._words:
                path = self._folder.joinpath(_FIELDS, file)
                self._words[file] = _read(path) if path.is_file() else {}
        return self._words[name], self._words[_COMMON]


def _read(path: Traversable) -> Mapping[str, Any]:
    content: Mapping[str, Any] = yaml.load(path.read_text("utf-8"), _LOADER)  # noqa: S506 - a safe one
    return content


class _Described(Notes):
    """What fields of a provider mean, and where its shapes stand."""

    def __init__(self, provider: str, content: Mapping[str, Any], words: tuple[Words, Words], refer: Refer) -> None:
        self._provider = provider
        self._words = words
        self._refer = refer
        # YAML gives every alias the very object of its anchor, so that a shape is known by its identity.
        shapes = content.get(_SHAPES, {}).items()
        self._shapes = {id(shape): (name, shape) for name, shape in shapes if not isinstance(shape, str)}

    def meaning(self, path: Path) -> str | None:
        return meaning(path, self._words)

    def reference(self, node: Any) -> Schema | None:
        if id(node) not in self._shapes:
            return None
        name, shape = self._shapes[id(node)]
        schema = whole_schema(shape, self, (name,))
        words = self.meaning((name,))
        return self._refer(f"{self._provider}_{name}", schema if words is None else {"description": words, **schema})
