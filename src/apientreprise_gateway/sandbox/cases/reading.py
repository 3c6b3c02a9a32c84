"""Reads a file of cases.

YAML's own ideas of what a value is would change what a user means (`no` is false, `01000` is 512, a date is no text):
here a value is what JSON would make of it, and a text otherwise. Aliases are refused: some bytes of them may stand for
terabytes.
"""

import re
from collections.abc import Iterator, Mapping
from difflib import get_close_matches
from types import MappingProxyType
from typing import Any, Final, NamedTuple

import orjson
import yaml

from apientreprise_gateway.sandbox.cases.case import Case, WrongCaseError, spelt

LARGEST: Final = 1024 * 1024
"""Bytes that a file may have."""
MOST_CASES: Final = 2000
"""Cases that a file may have."""
_DEEPEST: Final = 40
"""Levels of lists and objects in each other."""
_LOADER: Final = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
"""The safe loader, in C where PyYAML was built with it."""
_KEYS: Final = ("operation", "parameters", "status", "body")
_STATUSES: Final = range(200, 600)
_WORDS: Final[Mapping[str, Any]] = MappingProxyType({"true": True, "false": False, "null": None, "~": None, "": None})
_WHOLE: Final = re.compile(r"-?(?:0|[1-9][0-9]{0,17})")
_NUMBER: Final = re.compile(r"-?(?:0|[1-9][0-9]{0,17})(?:\.[0-9]{1,17})?(?:[eE][+-]?[0-9]{1,2})?")

Names = Mapping[str, frozenset[str]]
"""The names of parameters that a call may have, by operation."""


class _Entry(NamedTuple):
    key: str
    line: int
    value: yaml.Node


def read_cases(content: bytes, names: Names) -> tuple[Case, ...]:
    """The cases of a file: a list of them, or one.

    Args:
        content: of the file.
        names: the operations that there are, and what each may be asked with.

    Raises:
        WrongCaseError: something is wrong with it.
    """
    if len(content) > LARGEST:
        raise WrongCaseError(f"the file is larger than {LARGEST} bytes")
    root = _composed(_text_of(content))
    if root is None:
        return ()
    nodes = _items(root) if isinstance(root, yaml.SequenceNode) else [root]
    if len(nodes) > MOST_CASES:
        raise WrongCaseError(f"there are more than {MOST_CASES} cases", _line(nodes[MOST_CASES]))
    return tuple(_case(node, names) for node in nodes)


def _text_of(content: bytes) -> str:
    try:
        text = content.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise WrongCaseError("the file is not in UTF-8", content.count(b"\n", 0, error.start) + 1) from None
    if "\0" in text:
        raise WrongCaseError("the file is binary, not YAML", text.count("\n", 0, text.index("\0")) + 1)
    return text


def _composed(text: str) -> yaml.Node | None:
    """The document of a file, once nothing in it is deeper or larger than it looks; None if it is empty."""
    try:
        depth = documents = 0
        for event in yaml.parse(text, Loader=_LOADER):
            line = _line(event)
            if isinstance(event, yaml.AliasEvent):
                raise WrongCaseError("aliases (*name) are not accepted: write the value out", line)
            depth += isinstance(event, yaml.CollectionStartEvent) - isinstance(event, yaml.CollectionEndEvent)
            documents += isinstance(event, yaml.DocumentStartEvent)
            if depth > _DEEPEST:
                raise WrongCaseError(f"lists and objects are more than {_DEEPEST} levels deep", line)
            if documents > 1:
                raise WrongCaseError("there is a second document (---): write one list of cases", line)
        node: yaml.Node | None = yaml.compose(text, Loader=_LOADER)
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        line = min(mark.line + 1, len(text.splitlines())) if mark else 1  # the end is behind the last line
        raise WrongCaseError(f"this is no YAML: {error.problem}", line) from None
    except yaml.YAMLError as error:
        position = getattr(error, "position", 0)
        raise WrongCaseError("this is no YAML: a character is not allowed", text.count("\n", 0, position) + 1) from None
    return node


def _case(node: yaml.Node, names: Names) -> Case:
    given = {entry.key: entry for entry in _entries(node, "a case has operation, parameters, status and body")}
    for key, entry in given.items():
        if key not in _KEYS:
            raise WrongCaseError(f"{_shown(key)} is none of {', '.join(_KEYS)}", entry.line)
    for key in ("operation", "status"):
        if key not in given:
            raise WrongCaseError(f"{key} is missing", _line(node))
    operation = _text(given["operation"].value, "operation")
    if operation not in names:
        near = get_close_matches(operation, names, n=1)
        remedy = f": did you mean {near[0]}?" if near else ""
        raise WrongCaseError(f"there is no operation {_shown(operation)}{remedy}", _line(given["operation"].value))
    parameters = given.get("parameters")
    body = given.get("body")
    return Case(
        operation,
        {} if parameters is None else dict(_parameters(parameters.value, names[operation])),
        _status(given["status"].value),
        None if body is None else _json(body.value),
    )


def _parameters(node: yaml.Node, known: frozenset[str]) -> Iterator[tuple[str, tuple[str, ...]]]:
    """Each parameter with its values; the brackets of an array may be left out."""
    if _is_null(node):
        return
    for name, line, value in _entries(node, "parameters are names with values"):
        full = name if name in known else f"{name}[]"
        if full not in known:
            near = get_close_matches(name, known, n=1)
            remedy = f": did you mean {near[0]}?" if near else ""
            raise WrongCaseError(f"the operation has no parameter {_shown(name)}{remedy}", line)
        values = _items(value) if isinstance(value, yaml.SequenceNode) else [value]
        if len(values) != 1 and not full.endswith("[]"):
            raise WrongCaseError(f"{full} has one value", line)
        yield full, tuple(spelt(_text(each, full)) for each in values)


def _status(node: yaml.Node) -> int:
    text = _text(node, "status")
    if not _WHOLE.fullmatch(text) or int(text) not in _STATUSES:
        raise WrongCaseError("status is a whole number from 200 to 599", _line(node))
    return int(text)


def _json(node: yaml.Node) -> bytes:
    """A body in JSON; a text that is an object or a list of JSON already is taken as it is."""
    value = _value(node)
    if isinstance(value, str):
        try:
            value = orjson.loads(value)
        except orjson.JSONDecodeError:
            raise WrongCaseError("body is an object or a list, in YAML or as a text of JSON", _line(node)) from None
    if not isinstance(value, dict | list):
        raise WrongCaseError("body is an object or a list, in YAML or as a text of JSON", _line(node))
    try:
        return orjson.dumps(value)
    except TypeError:
        raise WrongCaseError("body is no JSON: half of a character is missing", _line(node)) from None


def _value(node: yaml.Node) -> Any:
    if isinstance(node, yaml.MappingNode):
        return {entry.key: _value(entry.value) for entry in _entries(node, "")}
    if isinstance(node, yaml.SequenceNode):
        return [_value(each) for each in _items(node)]
    text = _text(node, "a value")
    if getattr(node, "style", None):  # in quotes, or a block
        return text
    if text.lower() in _WORDS:
        return _WORDS[text.lower()]
    if _WHOLE.fullmatch(text):
        return int(text)
    return float(text) if _NUMBER.fullmatch(text) else text


def _entries(node: yaml.Node, expected: str) -> Iterator[_Entry]:
    """The entries of an object, each key once."""
    if not isinstance(node, yaml.MappingNode):
        raise WrongCaseError(expected, _line(node))
    _must_be_plain(node)
    seen: set[str] = set()
    for name, value in node.value:
        key = _text(name, "a key")
        if key in seen:
            raise WrongCaseError(f"{_shown(key)} is there twice", _line(name))
        seen.add(key)
        yield _Entry(key, _line(name), value)


def _text(node: yaml.Node, what: str) -> str:
    if not isinstance(node, yaml.ScalarNode):
        raise WrongCaseError(f"{what} is a text or a number", _line(node))
    _must_be_plain(node)
    return str(node.value)


def _items(node: yaml.SequenceNode) -> list[yaml.Node]:
    _must_be_plain(node)
    return list(node.value)


def _must_be_plain(node: yaml.Node) -> None:
    if node.tag not in _TAGS:
        raise WrongCaseError("tags (!name) are not accepted", _line(node))


_TAGS: Final = frozenset(
    f"tag:yaml.org,2002:{kind}"
    for kind in ("str", "int", "float", "bool", "null", "timestamp", "merge", "value", "map", "seq")
)
"""What YAML takes plain values, objects and lists for."""


def _is_null(node: yaml.Node) -> bool:
    return isinstance(node, yaml.ScalarNode) and not node.style and node.value.lower() in ("", "~", "null")


def _line(found: yaml.Node | yaml.Event) -> int:
    """Where something begins, from 1."""
    mark = found.start_mark
    return 1 if mark is None else int(mark.line) + 1


def _shown(text: str) -> str:
    """A text of a user, cut and without what a terminal would act on."""
    return repr(text[:60])
