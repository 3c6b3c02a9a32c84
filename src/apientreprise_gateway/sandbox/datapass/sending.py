"""Signs events and sends them to a portal, as DataPass does."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final

import httpx
import orjson

from apientreprise_gateway.sandbox.datapass.bodies import BODIES, path, signature
from apientreprise_gateway.sandbox.datapass.requests import FictiveRequest

TIMEOUT_SECONDS: Final = 30
STORIES: Final[Mapping[str, Sequence[str]]] = {
    "approved": ("create", "submit", "request_changes", "update", "submit", "approve"),
    "renewed": ("create", "submit", "approve", "reopen", "update", "submit", "approve"),
    "refused": ("create", "submit", "refuse"),
    "revoked": ("create", "submit", "approve", "revoke"),
    "transferred": ("create", "submit", "approve", "transfer"),
    "full": (
        "create",
        "submit",
        "request_changes",
        "update",
        "submit",
        "approve",
        "reopen",
        "submit",
        "refuse",
        "reopen",
        "cancel_reopening",
        "reopen",
        "submit",
        "approve",
        "transfer",
        "revoke",
    ),
}
"""What may happen to a request, in the words of the second form."""
_FIRST_FORM: Final = {"approve": "validate"}
_ONLY_SECOND: Final = frozenset({"reopen", "cancel_reopening", "transfer"})


@dataclass(frozen=True, slots=True, kw_only=True)
class Sent:
    """An event that was sent."""

    event: str
    fired_at: int
    status: int
    answer: Mapping[str, Any] = field(default_factory=dict)

    @property
    def token_id(self) -> str | None:
        """The token that the portal answered with."""
        found = self.answer.get("token_id")
        return found if isinstance(found, str) else None


def events_of(story: str, version: int) -> tuple[str, ...]:
    """The events of a story, in the words of a form; the first knows no reopenings and no transfers."""
    told = STORIES[story]
    if version == 2:
        return tuple(told)
    return tuple(_FIRST_FORM.get(event, event) for event in told if event not in _ONLY_SECOND)


@dataclass(frozen=True, slots=True, kw_only=True)
class Sender:
    """Sends to one portal."""

    url: str
    """Of the portal, without a path."""
    secret: str
    version: int = 2

    def tell(self, request: FictiveRequest, events: Sequence[str], *, last_at: int) -> Iterator[Sent]:
        """Send events of a request, one after the other; each happened a second after the one before.

        Args:
            request: what they are about.
            events: their names.
            last_at: when the last of them happened, a Unix time in seconds.

        Raises:
            httpx.HTTPError: the portal cannot be reached.
        """
        with httpx.Client(base_url=self.url, timeout=TIMEOUT_SECONDS, trust_env=False) as client:
            for place, event in enumerate(events, 1):
                yield self._send(client, request, event, last_at - len(events) + place)

    def _send(self, client: httpx.Client, request: FictiveRequest, event: str, fired_at: int) -> Sent:
        body = orjson.dumps(BODIES[self.version](request, event, fired_at))
        headers = {
            "Content-Type": "application/json",
            "X-Hub-Signature-256": signature(body, self.secret),
            "X-App-Environment": "sandbox",
        }
        response = client.post(path(self.version, request.product), content=body, headers=headers)
        try:
            answer = response.json()
        except ValueError:
            answer = {}
        return Sent(
            event=event,
            fired_at=fired_at,
            status=response.status_code,
            answer=answer if isinstance(answer, dict) else {},
        )
