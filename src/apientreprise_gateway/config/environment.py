"""The error of settings that cannot be used, and the refusal of environment variables that name none.

All programs of the package share it; each has a prefix of its own.
"""

import difflib
import re
from collections.abc import Container, Iterable, Iterator, Mapping


class SettingsError(Exception):
    """The configuration cannot be used; the text names the setting and the remedy, a line for each problem."""


def nearest(name: str, known: Iterable[str]) -> str | None:
    """The known name that is closest to a misspelt one; None if none is close."""
    return next(iter(difflib.get_close_matches(name, list(known), n=1)), None)


def unknown(environment: Mapping[str, str], prefix: str, known: Iterable[str]) -> Iterator[str]:
    """The problems with variables that have the prefix, a value, and name no setting.

    Variables that Kubernetes adds to every pod, if a service is called as the prefix is, do not count.
    """
    names: Container[str] = (known := frozenset(known))
    link = re.compile(rf"{prefix}(\w+_)?(SERVICE_HOST|SERVICE_PORT(_\w+)?|PORT(_\d+_(TCP|UDP)(_\w+)?)?)")
    for name, value in environment.items():
        if name.startswith(prefix) and value and name not in names and not link.fullmatch(name):
            yield f"{name}: there is no such setting. {remedy(nearest(name.partition('__')[0], known))}"


def remedy(near: str | None) -> str:
    """What to do about a name that is no setting, given the known name that is closest to it."""
    return f"Did you mean {near}?" if near else "Remove it; docs/settings.md lists those that exist."
