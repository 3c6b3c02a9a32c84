"""The names of the settings' environment variables."""

from typing import Final

PREFIX: Final = "GATEWAY_"
CONFIG: Final = "GATEWAY_CONFIG"
"""The one variable that is no setting: it names the TOML file with settings."""
PROVIDER_PREFIX: Final = "GATEWAY_PROVIDERS__"
"""Prefix of the variables of single providers."""


def environment_name(field: str) -> str:
    """The environment variable of a field."""
    return PREFIX + field.upper()
