"""The type of settings that are secrets: given as text, or by the place where they are.

`"text"`, `{ env = "NAME" }` for an environment variable, `{ file = "/run/secrets/name" }` for a file whose last line
break is ignored. Error messages never show the secret.
"""

import os
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Final

from pydantic import BeforeValidator, SecretStr

_UNPRINTABLE: Final = re.compile(r"[\x00-\x1f\x7f]")
_FORMS: Final = 'give a text, { env = "NAME" } or { file = "/path" }'


def resolved(value: object) -> str | SecretStr:
    """The secret, read from its place; error messages name the place and never the secret."""
    if isinstance(value, Mapping):
        value = _from_elsewhere(dict(value))
    if isinstance(value, SecretStr):
        return value
    if not isinstance(value, str):
        raise ValueError(_FORMS)
    if not value:
        raise ValueError("it is empty; give it a value, or leave the setting out")
    if _UNPRINTABLE.search(value):
        raise ValueError("it has a line break or another control character; remove it")
    return value


def _from_elsewhere(place: dict[str, object]) -> str:
    match place:
        case {"env": str(name), **others} if not others:
            if not os.environ.get(name):
                raise ValueError(f"the environment variable {name} is unset or empty; set it to the secret")
            return os.environ[name]
        case {"file": str(path), **others} if not others:
            return _from_file(path)
    raise ValueError(_FORMS)


def _from_file(path: str) -> str:
    try:
        text = Path(path).read_text(encoding="utf-8")
    except OSError as error:
        raise ValueError(f"the file {path} cannot be read ({error.strerror}); mount it, or correct the path") from None
    except UnicodeDecodeError:
        raise ValueError(f"the file {path} is not UTF-8 text; put the secret in it, alone on its line") from None
    text = text.removesuffix("\n").removesuffix("\r")
    if not text:
        raise ValueError(f"the file {path} is empty; put the secret in it")
    return text


Secret = Annotated[SecretStr, BeforeValidator(resolved)]
