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

What several operations share stands under `shapes`, as YAML anchors. `fields.yaml` says what a field means where its
name does not. Lengths are not noted, nor that an object has no other fields: a provider may add one.

No file is read before it is needed, and then only the one that holds the operation.
"""

import re
from collections.abc import Mapping
from functools import cached_property
from importlib.resources.abc import Traversable
from typing import Any, Final

import yaml

from apientreprise_gateway.contract.notation import Schema, body_schema

_FIELDS: Final = "fields.yaml"
_OPERATION: Final = re.compile(r"^(?!shapes:)(\w+):$", re.MULTILINE)
_LOADER: Final = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
"""The same safe loader, in C where PyYAML was built with it."""


class Schemas:
    """The schemas of a product's operations, read from a folder of YAML files."""

    def __init__(self, folder: Traversable) -> None:
        self._folder = folder
        self._schemas: dict[str, Schema] = {}
        self._contents: dict[str, Mapping[str, Any]] = {}

    def of(self, operation: str) -> Schema:
        """The JSON Schema (2020-12) of the body of a success, envelope included; shared, so copy it before a change.

        Raises:
            KeyError: no operation has this name.
        """
        if operation not in self._schemas:
            self._schemas[operation] = body_schema(self._entry(operation), self._content(_FIELDS))
        return self._schemas[operation]

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
            if path.name.endswith(".yaml") and path.name != _FIELDS
            for operation in _OPERATION.findall(path.read_text("utf-8"))
        }

    def _content(self, name: str) -> Mapping[str, Any]:
        if name not in self._contents:
            self._contents[name] = yaml.load(self._folder.joinpath(name).read_text("utf-8"), _LOADER)  # noqa: S506
        return self._contents[name]
