"""Choices of the deployment that the data plane makes itself."""

from collections.abc import Callable
from dataclasses import dataclass

from apientreprise_gateway.contract.endpoint import Endpoint


@dataclass(frozen=True, slots=True, kw_only=True)
class Options:
    """Choices of the deployment."""

    user_id_required: Callable[[Endpoint], bool]
    forbid_banned: bool = False
    """Whether a banned address gets 403 instead of a closed connection."""
    shadow: bool = False
    """Whether limits and bans are counted and reported, and refuse nothing."""
    dossier_seconds: float = 10
    """Seconds that the provider calls of a dossier may take; then it is answered with the parts that are there."""
    refuse_duplicates: bool = True
    """Whether a call already in flight is refused; it is counted either way."""
