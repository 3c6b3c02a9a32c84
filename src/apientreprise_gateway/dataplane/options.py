"""Settings of the deployment that the data plane itself applies."""

from collections.abc import Callable
from dataclasses import dataclass

from apientreprise_gateway.contract.endpoint import Endpoint


@dataclass(frozen=True, slots=True, kw_only=True)
class Options:
    """Settings of the deployment for the data plane."""

    user_id_required: Callable[[Endpoint], bool]
    """Whether an endpoint that takes `user_id` requires it."""
    forbid_banned: bool = False
    """Whether a banned address gets 403 instead of a closed connection."""
    shadow: bool = False
    """Whether limits and bans are only counted and reported, not enforced (shadow mode)."""
    dossier_seconds: float = 10
    """Seconds that the provider calls of a dossier may take; then the missing parts become errors."""
    refuse_duplicates: bool = True
    """Whether a call already in flight is refused; it is counted either way."""
