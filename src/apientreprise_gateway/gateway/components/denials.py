"""Makes what follows the revocations, records of tokens and bans in Redis, and the copies of all in files."""

import hashlib
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Self

from pydantic import SecretStr

from apientreprise_gateway.auth.registry import TokenRegistry
from apientreprise_gateway.config.private import default_folder
from apientreprise_gateway.gateway.components.context import Context
from apientreprise_gateway.gateway.components.limits import AnyLimiter
from apientreprise_gateway.gateway.components.store import POLL_TIMEOUT
from apientreprise_gateway.gateway.copies import Copy
from apientreprise_gateway.gateway.denials import Denials
from apientreprise_gateway.gateway.lifecycle import Component
from apientreprise_gateway.gateway.settings import Limits, RevocationsUnknown, Settings
from apientreprise_gateway.gateway.workplace import shared_file
from apientreprise_gateway.ratelimit.memory import MemoryLimiter
from apientreprise_gateway.store.client import client
from apientreprise_gateway.store.url import RedisUrl, parse_url


@dataclass(frozen=True, slots=True, kw_only=True)
class DenialSettings:
    """The settings that the following of revocations and bans depends on."""

    redis_url: SecretStr | None
    limits: Limits
    copy: Path | None
    unknown: RevocationsUnknown

    @classmethod
    def of(cls, settings: Settings) -> Self:
        """Select them from all settings."""
        return cls(
            redis_url=settings.redis_url,
            limits=settings.limits,
            copy=settings.revocations_copy,
            unknown=settings.revocations_unknown,
        )


DenialsComponent = Component[DenialSettings, Denials | None]


def denials_component(
    context: Context,
    *,
    registry: TokenRegistry,
    limiter: AnyLimiter,
    former: DenialsComponent | None,
) -> DenialsComponent:
    """The component that follows revocations and bans in Redis, if there is one; made anew at each reload.

    Args:
        context: its settings must be complete enough to serve.
        registry: given the revocations and the records.
        limiter: given the bans.
        former: its predecessor, whose knowledge is taken over.
    """
    own, metrics = DenialSettings.of(context.settings), context.metrics
    metrics.revocations_known.set(1)
    if own.redis_url is None or isinstance(limiter, MemoryLimiter):
        return Component(name="revocations", part=None, made_of=own)
    before = None if former is None else former.part
    same_redis = former is not None and former.made_of.redis_url == own.redis_url
    address = parse_url(own.redis_url.get_secret_value())

    def on_state(denials: Denials) -> None:
        metrics.revocations_known.set(denials.is_known)
        metrics.revocations.set(len(registry.revoked))
        metrics.token_records.set(len(registry.published))
        metrics.token_records_unreadable.set(denials.unreadable_records)

    part = Denials(
        client(address, timeout=POLL_TIMEOUT),
        registry=registry,
        limiter=limiter,
        copies=copies_of_denials(own, address),
        refuses_unknown=own.unknown is RevocationsUnknown.REFUSE,
        known=None if before is None else before.known,
        known_records=None if before is None else before.known_records,
        is_known=before is not None and same_redis and before.is_known,
        on_state=on_state,
        on_read=metrics.revocations_read.set,
        on_copy_failure=lambda action: metrics.revocations_copy_failures(action).inc(),
    )
    return Component(
        name="revocations",
        part=part,
        made_of=own,
        start=partial(context.background.attempt, "revocations", part.start),
        background={"revocations": part.follow, "revocations_copy": part.keep},
        close=part.close,
    )


def copies_of_denials(settings: DenialSettings, address: RedisUrl) -> list[Copy]:
    """The files with copies of revocations and bans: one shared by the workers, one for later starts."""
    # The bans of a gateway in shadow mode must not reach one that enforces limits.
    of = f"{address.name} {settings.limits.value}"
    if settings.copy is None:
        name = hashlib.sha256(of.encode()).hexdigest()[:16]
        kept = Copy(default_folder("revocations") / f"{name}.json", of=of, is_private=True)
    else:
        kept = Copy(settings.copy, of=of)
    shared = shared_file("revocations.json")
    return [kept] if shared is None else [Copy(shared, of=of, is_shared=True), kept]
