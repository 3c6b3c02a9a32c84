"""The settings that are a choice among a few words."""

from enum import StrEnum


class WindowKind(StrEnum):
    """How the window of a limit is counted."""

    SLIDING = "sliding"
    FIRST_CALL = "first-call"


class BanAction(StrEnum):
    """How a call from a banned address is answered: its connection is closed, or it gets 403."""

    CLOSE = "close"
    FORBID = "forbid"


class UserIdRequired(StrEnum):
    """On which versions of the DGFIP endpoints `user_id` is required."""

    ALL = "all"
    V2 = "v2"
    NONE = "none"


class StoreFailure(StrEnum):
    """What happens to limits while Redis cannot be reached: each process counts alone, or calls are refused."""

    LOCAL = "local"
    REFUSE = "refuse"


class RevocationsUnknown(StrEnum):
    """What happens to tokens until the revocations are known."""

    REFUSE = "refuse"
    ACCEPT = "accept"


class Limits(StrEnum):
    """Whether limits and bans are enforced, or only counted and reported (shadow mode)."""

    ENFORCE = "enforce"
    SHADOW = "shadow"


class ValidateUpstream(StrEnum):
    """Which answers of providers are compared with their schemas."""

    SAMPLE = "sample"
    ALL = "all"
    OFF = "off"


class BreakerUse(StrEnum):
    """Whether circuit breakers stop calls to a failing provider for a while."""

    ON = "on"
    OFF = "off"


class PingProbes(StrEnum):
    """Which pings may probe their provider when there were no recent calls."""

    ALLOWED = "allowed"
    ALL = "all"
    NONE = "none"


class Duplicates(StrEnum):
    """What happens to a call that is already in flight: it is refused, or only counted."""

    REFUSE = "refuse"
    COUNT = "count"


class CacheStore(StrEnum):
    """Where answers are cached."""

    OFF = "off"
    MEMORY = "memory"
    REDIS = "redis"
