"""Masks: which fields of an answer a token may see, by its scopes.

A mask keeps what it knows and whose scopes are held, and leaves out everything else, at every depth: a field that
neither the schema nor the rules name never comes out, nor does a value of another shape than the schema says. Where
nothing has to be left out, the bytes of the answer pass as they are, unread.

Paths of fields start at the body and are written as in `data.admissions[].est_inscrit`: `[]` stands for each entry of
a list.
"""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from functools import lru_cache
from types import MappingProxyType
from typing import Any, Final

import orjson

from apientreprise_gateway.contract.notation import Schema

MOST_REMEMBERED: Final = 256
"""Sets of scopes whose filters an operation remembers; one that was forgotten is made again."""
_ENTRY: Final = "[]"
_ABSENT: Final = object()
"""What a filter gives for a value that may not be seen at all."""
_NESTED: Final = frozenset({dict, list})

_Filter = Callable[[Any], Any]
"""From a value to what may be seen of it."""
_Values = Mapping[str, str]
"""Fields of an entry of a list, and what they have to hold."""


class NotMaskableError(ValueError):
    """An answer of which something has to be left out, and that is not the JSON that its schema says."""


@dataclass(frozen=True, slots=True)
class Needs:
    """The scopes that let a field out."""

    any_of: frozenset[str] = frozenset()
    """One of these; empty if none is needed."""
    all_of: frozenset[str] = frozenset()
    """Each of these."""

    @property
    def scopes(self) -> frozenset[str]:
        """All that make a difference."""
        return self.any_of | self.all_of

    def are_met_by(self, scopes: frozenset[str]) -> bool:
        """Whether somebody who holds these scopes may see the field."""
        return self.all_of <= scopes and (not self.any_of or not self.any_of.isdisjoint(scopes))


_NO_NEEDS: Final[Mapping[str, Needs]] = MappingProxyType({})
_NO_POPULATIONS: Final[Mapping[str, Mapping[str, _Values]]] = MappingProxyType({})


@dataclass(frozen=True, slots=True, kw_only=True)
class MaskRules:
    """What an operation shows to whom."""

    fields: Mapping[str, Needs] = field(default_factory=lambda: _NO_NEEDS)
    """What each field needs, by its path; a field without a rule is seen by who sees the field that holds it."""
    populations: Mapping[str, Mapping[str, _Values]] = field(default_factory=lambda: _NO_POPULATIONS)
    """By the paths of lists: for each scope, the values by which it knows the entries that it opens. An entry that no
    scope opens becomes an empty object."""

    @property
    def scopes(self) -> frozenset[str]:
        """All that make a difference."""
        fields = (needs.scopes for needs in self.fields.values())
        return frozenset[str]().union(*fields, *self.populations.values())


class Masks:
    """The masks of an operation: a filter for each set of scopes, made when it is first needed."""

    def __init__(self, rules: MaskRules, schema: Schema) -> None:
        """Check the rules.

        Args:
            rules: what the operation shows to whom.
            schema: JSON Schema of the body of a success; it says which fields there are.

        Raises:
            ValueError: a rule is about a field that the schema does not have.
        """
        self._rules = rules
        self._schema = schema
        self._scopes = rules.scopes
        self._filter = lru_cache(MOST_REMEMBERED)(self._make)
        # A token's scopes are one object for all of its calls, whose hash is known: to look it up costs nothing.
        self._filter_of = lru_cache(MOST_REMEMBERED)(lambda scopes: self._filter(self._scopes & scopes))
        if unknown := (rules.fields.keys() | rules.populations.keys()) - set(_paths(schema)):
            raise ValueError(f"no such field: {', '.join(sorted(unknown))}")

    def apply(self, body: bytes, scopes: frozenset[str], content: Any = None) -> bytes:
        """What of the body of a success may be seen by who holds these scopes.

        Args:
            body: the body.
            scopes: those that are held.
            content: the body as orjson has parsed it, where it has been; it is not changed. None to parse it here.

        Raises:
            NotMaskableError: something has to be left out of what is not the JSON that the schema says.
        """
        visible = self._filter_of(scopes)
        if visible is None:
            return body
        try:
            seen = visible(orjson.loads(body) if content is None else content)
        except orjson.JSONDecodeError:
            raise NotMaskableError("not JSON") from None
        if seen is _ABSENT or seen is None:
            raise NotMaskableError("neither an object nor a list")
        return orjson.dumps(seen)

    def hides_from(self, scopes: frozenset[str]) -> bool:
        """Whether something has to be left out for who holds these scopes, so that `apply` needs the content."""
        return self._filter_of(scopes) is not None

    @property
    def remembered(self) -> int:
        """Filters that are kept, `MOST_REMEMBERED` at most."""
        return self._filter.cache_info().currsize

    def _make(self, scopes: frozenset[str]) -> _Filter | None:
        """What is visible to who holds these scopes; None if everything is."""
        hidden = {path for path, needs in self._rules.fields.items() if not needs.are_met_by(scopes)}
        opened = {
            path: [values for scope, values in entries.items() if scope in scopes]
            for path, entries in self._rules.populations.items()
            if not entries.keys() <= scopes
        }
        return _visible(self._schema, "", hidden, opened) if hidden or opened else None


def _paths(schema: Schema, start: str = "") -> Iterator[str]:
    """The paths of all fields that a schema has."""
    for name, inner in schema.get("properties", {}).items():
        yield start + name
        yield from _paths(inner, start + name + ".")
    if "items" in schema:
        yield from _paths(schema["items"], f"{start.removesuffix('.')}{_ENTRY}.")


def _visible(schema: Schema, path: str, hidden: set[str], opened: Mapping[str, list[_Values]]) -> _Filter:
    """The filter for what a schema describes, which stands at a path."""
    if "items" in schema:
        entry = _visible(schema["items"], path + _ENTRY, hidden, opened)
        return _of_list(_of_population(entry, opened[path]) if path in opened else entry)
    if not _is_object(schema):
        return _of_scalar
    start = f"{path}." if path else ""
    seen = {name: inner for name, inner in schema.get("properties", {}).items() if start + name not in hidden}
    nested = {
        name: _visible(inner, start + name, hidden, opened)
        for name, inner in seen.items()
        if "items" in inner or _is_object(inner)
    }
    scalars = frozenset(seen.keys() - nested.keys())
    return _of_object(scalars, nested) if nested else _of_flat_object(scalars)


def _is_object(schema: Schema) -> bool:
    return "object" in schema.get("type", ())


# The filters are given what orjson has read: what is no exact `dict` or `list` is a scalar. They change nothing of it,
# and give back what they were given where all of it may be seen. No function is called for a single scalar: an answer
# has hundreds of them.


def _of_scalar(value: Any) -> Any:
    return _ABSENT if value.__class__ in _NESTED else value


def _of_flat_object(scalars: frozenset[str]) -> _Filter:
    """A filter that keeps these scalars alone, in the order in which they come."""
    are_known, are_scalars = scalars.issuperset, _NESTED.isdisjoint

    def visible(value: Any) -> Any:
        if value.__class__ is not dict:
            return None if value is None else _ABSENT
        if are_known(value) and are_scalars(map(type, value.values())):
            return value
        return {name: inner for name, inner in value.items() if name in scalars and inner.__class__ not in _NESTED}

    return visible


def _of_object(scalars: frozenset[str], nested: Mapping[str, _Filter]) -> _Filter:
    """A filter that keeps these scalars, and what is seen of these nested values, in the order in which they come."""

    def visible(value: Any) -> Any:
        if value.__class__ is not dict:
            return None if value is None else _ABSENT
        seen = {}
        for name, inner in value.items():
            if name in scalars:
                if inner.__class__ not in _NESTED:
                    seen[name] = inner
            elif name in nested:
                part = nested[name](inner)
                if part is not _ABSENT:
                    seen[name] = part
        return seen

    return visible


def _of_list(entry: _Filter) -> _Filter:
    def visible(value: Any) -> Any:
        if value.__class__ is not list:
            return None if value is None else _ABSENT
        return [seen for seen in map(entry, value) if seen is not _ABSENT]

    return visible


def _of_population(entry: _Filter, opened: list[_Values]) -> _Filter:
    """A filter for entries of which some are seen: those that hold all the values of one of `opened`."""

    def visible(value: Any) -> Any:
        if value.__class__ is not dict:
            return _ABSENT
        if any(all(value.get(name) == wanted for name, wanted in values.items()) for values in opened):
            return entry(value)
        return {}

    return visible
