"""Lookup of the endpoint that a path names.

A tree of path segments, built once: finding an endpoint costs one dictionary look-up for what comes before its only
parameter, or one per segment, however many endpoints there are. A literal segment wins over a parameter.
"""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from typing import Final
from urllib.parse import unquote

from msgspec import Struct

from apientreprise_gateway.contract.endpoint import Endpoint, Provider

_MAX_SEGMENTS: Final = 12
_MAX_VERSION_DIGITS: Final = 4


@dataclass(frozen=True, slots=True)
class Route:
    """An endpoint, with the provider that answers for it."""

    endpoint: Endpoint
    provider: Provider


@dataclass(slots=True)
class _Node:
    literals: "dict[str, _Node]" = field(default_factory=dict)
    parameter: "_Node | None" = None
    versions: dict[int, Route] = field(default_factory=dict)

    def below(self, segment: str) -> "_Node":
        """The node of a path with one more segment, made if there is none yet."""
        if segment.startswith("{"):
            self.parameter = self.parameter or _Node()
            return self.parameter
        return self.literals.setdefault(segment, _Node())


class Match(Struct, frozen=True, gc=False):
    """The endpoint that a path names, and the values of its parameters."""

    version: int
    route: Route | None
    """None where the path is known but not at this version."""
    values: list[str]
    """The path parameters, percent-decoded, in the order of the path."""


class Routes:
    """The paths of a catalogue."""

    def __init__(self, providers: Iterable[Provider]) -> None:
        """Raise `ValueError` where two endpoints have the same path or name."""
        self._root = _Node()
        self._prefixed: dict[str, _Node] = {}
        """The trees of paths that have a prefix before their version, by that prefix without its slash."""
        self._heads: dict[bytes, tuple[int, _Node]] = {}
        """The version and the node of each path without its last segment, where no parameter comes before that."""
        self._all: list[Route] = []
        for provider in providers:
            for endpoint in provider.endpoints:
                self._add(Route(endpoint, provider))

    def __iter__(self) -> Iterator[Route]:
        return iter(self._all)

    def _add(self, route: Route) -> None:
        for path in route.endpoint.routes:
            self._place(route, path)
        if any(route.endpoint.operation == other.endpoint.operation for other in self._all):
            raise ValueError(f"two endpoints are called {route.endpoint.operation}")
        self._all.append(route)

    def _place(self, route: Route, path: str) -> None:
        prefix = route.endpoint.prefix
        node = self._prefixed.setdefault(prefix[1:], _Node()) if prefix else self._root
        head, _, last = path.rpartition("/")
        for segment in head.split("/")[1:]:
            node = node.below(segment)
        if "{" not in head:
            self._heads[f"{prefix}/v{route.endpoint.version}{head}".encode("ascii")] = (route.endpoint.version, node)
        node = node.below(last)
        if route.endpoint.version in node.versions:
            raise ValueError(f"two endpoints have the path {prefix}/v{route.endpoint.version}{path}")
        node.versions[route.endpoint.version] = route

    def find(self, raw_path: bytes) -> Match | None:
        """What a path names, or None where no version of it exists.

        Args:
            raw_path: as received, percent-encoded and without the query; an encoded slash is thus part of a value.
        """
        head, _, last = raw_path.rpartition(b"/")
        start = self._heads.get(head)  # most paths have their only parameter at their end
        if start is not None:
            (version, node), segments = start, [last.decode("latin-1")]
        else:
            segments = raw_path.decode("latin-1").split("/")
            node = self._root
            if len(segments) > 3 and not segments[0] and segments[1] in self._prefixed:
                node = self._prefixed[segments.pop(1)]
            found = _version(segments)
            if found is None or len(segments) > _MAX_SEGMENTS:
                return None
            version, segments = found, segments[2:]
        values: list[str] = []
        for segment in segments:
            child = node.literals.get(segment)
            if child is None:
                child = node.parameter
                if child is None:
                    return None
                values.append(unquote(segment) if "%" in segment else segment)
            node = child
        if not node.versions:
            return None
        return Match(version, node.versions.get(version), values)


def _version(segments: list[str]) -> int | None:
    if len(segments) < 3 or segments[0]:
        return None
    digits = segments[1][1:]
    if segments[1][:1] != "v" or not (digits.isascii() and digits.isdigit()) or len(digits) > _MAX_VERSION_DIGITS:
        return None
    if digits.startswith("0") and digits != "0":
        return None  # a version has one spelling
    return int(digits)
