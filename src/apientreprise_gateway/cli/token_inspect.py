"""The command `token inspect`: shows the claims of a token, and whether this gateway would accept it."""

import argparse
import json
from typing import TYPE_CHECKING, Any

from apientreprise_gateway.cli.outcome import FAILURE, tell
from apientreprise_gateway.cli.output import iso_instant
from apientreprise_gateway.cli.redis_access import ask_redis

if TYPE_CHECKING:
    from apientreprise_gateway.auth.registry import TokenRegistry
    from apientreprise_gateway.gateway.settings import Settings


def add_to(commands: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    """Add the command to the parser."""
    parser = commands.add_parser("inspect", help="show what a token says, and whether it is valid here")
    parser.add_argument("token")
    parser.set_defaults(command=_inspect)


def _inspect(options: argparse.Namespace) -> int:
    import jwt

    from apientreprise_gateway.gateway.settings import load
    from apientreprise_gateway.observability import logs

    settings = load()
    logs.configure(level=settings.log_level)  # otherwise log lines would be mixed into the JSON
    try:
        parts = jwt.decode_complete(options.token, options={"verify_signature": False})
    except (jwt.InvalidTokenError, UnicodeError) as error:
        tell(f"this is no JWT ({error})")
        return FAILURE
    claims = parts["payload"]
    told = {
        "header": parts["header"],
        "claims": claims,
        "issued": iso_instant(claims.get("iat")),
        "expires": iso_instant(claims.get("exp")),
    }
    valid, told["verdict"], record = _verdict(options.token, settings, str(claims.get("jti", "")))
    if record:
        told["record"] = record
    print(json.dumps(told, indent=2, ensure_ascii=False))
    return 0 if valid else FAILURE


def _verdict(token: str, settings: "Settings", jti: str) -> tuple[bool, str, dict[str, Any]]:
    """Whether this gateway would accept a token (True also if it cannot verify it), why, and what its record says.

    Nothing is said of the record of a token that cannot be verified: its `jti` may be anybody's.
    """
    import asyncio

    from apientreprise_gateway.auth.records import NOTHING, shown
    from apientreprise_gateway.auth.token import TokenVerifier, authenticate
    from apientreprise_gateway.contract.errors import Refusal
    from apientreprise_gateway.gateway.components.auth import KeySetSettings, key_ring, key_set, token_registry

    if not settings.jwt_secrets and settings.jwks is None:
        return True, "not verified: neither GATEWAY_JWT_SECRETS nor GATEWAY_JWKS is set", {}
    try:
        public, registry = key_set(KeySetSettings.of(settings)), token_registry(settings)
        if public is not None:
            asyncio.run(public.start())
        verifier = TokenVerifier(key_ring(settings.jwt_secrets, public))
        unknown = None if settings.redis_url is None else _add_what_is_in_redis(registry)
        authenticate(token, verifier=verifier, registry=registry)
    except Refusal as refusal:
        return False, f"refused with {refusal.status} {refusal.errors[0].code}", {}
    record = shown(registry.records.get(jti, NOTHING))
    if unknown is not None:
        return False, f"valid, if it is not revoked: {unknown}", record
    return True, "valid", record


def _add_what_is_in_redis(registry: "TokenRegistry") -> str | None:
    """Add the revocations and records in Redis to a registry; returns why Redis cannot be asked, else None."""
    from apientreprise_gateway.auth.record_watch import published_records
    from apientreprise_gateway.auth.revocation import revocations
    from apientreprise_gateway.gateway.settings import SettingsError

    try:
        registry.revoke({jti: entry.at for jti, entry in ask_redis(revocations).items()})
        registry.publish({jti: entry.record for jti, entry in ask_redis(published_records).items()})
    except SettingsError as error:
        return str(error)
    return None
