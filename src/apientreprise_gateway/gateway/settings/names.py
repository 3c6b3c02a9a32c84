"""The names of the settings' environment variables."""

from typing import Final

PREFIX: Final = "GATEWAY_"
CONFIG: Final = "GATEWAY_CONFIG"
"""The one variable that is no setting: it names the TOML file that holds the others."""
PROVIDER_PREFIX: Final = "GATEWAY_PROVIDERS__"
"""What the variables of single providers begin with."""


def environment_name(field: str) -> str:
    """The environment variable of a field."""
    return PREFIX + field.upper()
