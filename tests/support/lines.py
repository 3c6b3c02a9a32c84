"""Access lines for tests of the journal."""

import json
from datetime import UTC, datetime, timedelta
from typing import Any

BEGAN = datetime(2026, 11, 27, 12, 0, tzinfo=UTC)
JTI = "11111111-2222-4333-8444-555555555555"


def line(number: int = 0, **fields: Any) -> bytes:
    """The access line of a call, without its end."""
    whole: dict[str, Any] = {
        "event": "access",
        "time": (BEGAN + timedelta(milliseconds=number)).isoformat(),
        "request_id": f"request-{number}",
        "trace_id": None,
        "span_id": None,
        "product": "api_entreprise",
        "operation": "insee_unites_legales",
        "part_of": None,
        "identifier": "130025265",
        "jti": JTI,
        "client_ip": "192.0.2.1",
        "context": "tests",
        "recipient": "13002526500013",
        "object": "essai",
        "user_id": "agent-7",
        "status": 200,
        "codes": [],
        "shadow": [],
        "cached": False,
        "stale": False,
        "documents": [],
        "provider_seconds": 0.012,
        "seconds": 0.015,
    }
    return json.dumps(whole | fields, separators=(",", ":")).encode()


def lines(first: int, end: int, **fields: Any) -> bytes:
    """Access lines with these numbers, each with its end."""
    return b"".join(line(number, **fields) + b"\n" for number in range(first, end))
