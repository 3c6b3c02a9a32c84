"""Calls of the portal to the gateway, as a software makes them: with a token of one minute, which is not kept.

They say for whom and why, so that the journal tells of them like of any other call.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from types import TracebackType
from typing import Any, Final, Self
from uuid import uuid4

import httpx

from apientreprise_gateway.auth.issue import issue
from apientreprise_gateway.portal.settings import Settings

LIFE: Final = timedelta(minutes=1)
TIMEOUT: Final = 15.0
"""Seconds that one call may take: a little more than the gateway gives a document."""


class GatewayUnavailableError(Exception):
    """The gateway cannot be asked."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Outcome:
    """What a call has given."""

    status: int
    data: Mapping[str, Any]
    """Of a success; empty otherwise."""
    error: str | None = None
    """In French, as the gateway says it."""
    code: str | None = None
    request_id: str | None = None


class GatewayCalls:
    """Calls with one token; used as a context manager, which closes their connection."""

    def __init__(
        self, settings: Settings, *, scopes: Iterable[str], subject: str, now: datetime, said: Mapping[str, str]
    ) -> None:
        """Make the token.

        Args:
            settings: where the gateway is, and what it accepts.
            scopes: what the token opens.
            subject: who it is for, as operators read it.
            now: when it is issued.
            said: the parameters of each call: for whom, why.

        Raises:
            GatewayUnavailableError: no address or secret is set.
        """
        base = settings.gateway_url or settings.api_url
        if base is None or not settings.jwt_secrets:
            raise GatewayUnavailableError
        secret = settings.jwt_secrets[0].get_secret_value()
        string = issue(secret=secret, scopes=scopes, subject=subject, issued_at=now, expires_at=now + LIFE)
        self._said = dict(said)
        self._client = httpx.Client(base_url=str(base), timeout=TIMEOUT, headers={"Authorization": f"Bearer {string}"})

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._client.close()

    def ask(self, path: str) -> Outcome:
        """Make a call.

        Raises:
            GatewayUnavailableError: the gateway does not answer.
        """
        try:
            answer = self._client.get(path, params=self._said, headers={"X-Request-Id": str(uuid4())})
        except httpx.HTTPError:
            raise GatewayUnavailableError from None  # the chained text could show the token
        return _outcome(answer)


def _outcome(answer: httpx.Response) -> Outcome:
    try:
        body = answer.json()
    except ValueError:
        body = {}
    body = body if isinstance(body, dict) else {}
    data, errors = body.get("data"), body.get("errors")
    first = errors[0] if isinstance(errors, list) and errors and isinstance(errors[0], dict) else {}
    return Outcome(
        status=answer.status_code,
        data=data if answer.is_success and isinstance(data, dict) else {},
        error=None if answer.is_success else str(first.get("detail") or "La source n’a pas répondu."),
        code=None if answer.is_success else str(first.get("code") or ""),
        request_id=answer.headers.get("X-Request-Id"),
    )
