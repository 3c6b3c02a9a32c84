"""The settings of the gateway: names, defaults, rules.

They are read at the start and at each reload, from the environment (`GATEWAY_…`) and from the TOML file that
`GATEWAY_CONFIG` names; the environment takes precedence. An unknown or wrong setting stops the start with one line that
names it.
"""

from apientreprise_gateway.config.environment import SettingsError
from apientreprise_gateway.gateway.settings.choices import (
    BanAction,
    BreakerUse,
    CacheStore,
    Duplicates,
    Limits,
    PingProbes,
    RevocationsUnknown,
    StoreFailure,
    UserIdRequired,
    ValidateUpstream,
    WindowKind,
)
from apientreprise_gateway.gateway.settings.loading import load
from apientreprise_gateway.gateway.settings.model import Settings, fields_of, scheme
from apientreprise_gateway.gateway.settings.names import CONFIG, PREFIX, PROVIDER_PREFIX, environment_name
from apientreprise_gateway.gateway.settings.requirements import remarks, require_for_serving, require_for_workers

__all__ = [
    "CONFIG",
    "PREFIX",
    "PROVIDER_PREFIX",
    "BanAction",
    "BreakerUse",
    "CacheStore",
    "Duplicates",
    "Limits",
    "PingProbes",
    "RevocationsUnknown",
    "Settings",
    "SettingsError",
    "StoreFailure",
    "UserIdRequired",
    "ValidateUpstream",
    "WindowKind",
    "environment_name",
    "fields_of",
    "load",
    "remarks",
    "require_for_serving",
    "require_for_workers",
    "scheme",
]
