"""The choices that settings offer, each with its words."""

from enum import StrEnum


class WindowKind(StrEnum):
    """How a minute is counted."""

    SLIDING = "sliding"
    FIRST_CALL = "first-call"


class BanAction(StrEnum):
    """What a banned address gets."""

    CLOSE = "close"
    FORBID = "forbid"


class UserIdRequired(StrEnum):
    """On which versions of the DGFIP endpoints `user_id` is required."""

    ALL = "all"
    V2 = "v2"
    NONE = "none"


class StoreFailure(StrEnum):
    """Who decides while Redis cannot be asked."""

    LOCAL = "local"
    REFUSE = "refuse"


class RevocationsUnknown(StrEnum):
    """What becomes of tokens as long as nobody can say which are revoked."""

    REFUSE = "refuse"
    ACCEPT = "accept"


class Limits(StrEnum):
    """What the limits and bans do."""

    ENFORCE = "enforce"
    SHADOW = "shadow"


class ValidateUpstream(StrEnum):
    """Which answers of providers are compared with their schemas."""

    SAMPLE = "sample"
    ALL = "all"
    OFF = "off"


class BreakerUse(StrEnum):
    """Whether providers in trouble are left alone for a while."""

    ON = "on"
    OFF = "off"


class PingProbes(StrEnum):
    """Which pings call their provider when no other call has told."""

    ALLOWED = "allowed"
    ALL = "all"
    NONE = "none"


class Duplicates(StrEnum):
    """What becomes of a call that is already in flight."""

    REFUSE = "refuse"
    COUNT = "count"


class CacheStore(StrEnum):
    """Where answers are kept."""

    OFF = "off"
    MEMORY = "memory"
    REDIS = "redis"
