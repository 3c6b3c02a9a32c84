"""Groups of endpoints, and how many calls a token may make on each within a window."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Limit:
    """How many calls are allowed in a window, as a setting of the deployment says."""

    setting: str
    """Name of the setting, without its prefix: `limit_json`."""
    calls: int
    """The number of calls unless the setting is given."""
    description: str
    """What the setting means, in English, for the page of settings."""


@dataclass(frozen=True, slots=True)
class Group:
    """Endpoints that share one counter per token."""

    name: str
    limit: Limit
    shared: bool = False
    """Whether endpoints of several providers share it; otherwise it protects one provider, and no token may have a
    higher limit."""
    seconds: int = 60
    """Length of the window in which calls are counted."""
