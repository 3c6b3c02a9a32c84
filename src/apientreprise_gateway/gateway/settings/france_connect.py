"""The settings about FranceConnect, and the rule that they are given together."""

from collections.abc import Iterator
from typing import Final

from pydantic import Field, FilePath
from pydantic_settings import BaseSettings

from apientreprise_gateway.gateway.settings.names import environment_name
from apientreprise_gateway.gateway.settings.values import IntrospectionAddress, KeySetAddress, SecretText


class FranceConnectFields(BaseSettings):
    """How FranceConnect is asked about access tokens."""

    france_connect_url: IntrospectionAddress | None = Field(
        default=None,
        description="Where FranceConnect is asked about access tokens (introspection): `https`, or `http` on this "
        "machine. Unset: operations by FranceConnect answer 503 `00911`. See docs/france-connect.md.",
    )
    france_connect_client_id: str | None = Field(
        default=None, min_length=1, description="Who we are for FranceConnect, as a provider of data."
    )
    france_connect_client_secret: SecretText | None = Field(
        default=None,
        description='How we prove it: the secret, or `{"env": "NAME"}`, `{"file": "/path"}`.',
    )
    france_connect_key: FilePath | None = Field(
        default=None,
        description="PEM file of our RSA key, to which FranceConnect encrypts its answers; `/api/france_connect_jwks` "
        "shows the public one. Read anew at SIGHUP.",
    )
    france_connect_jwks: KeySetAddress | None = Field(
        default=None,
        description="JWKS with the keys that sign its answers (RS256, ES256, EdDSA): a file, read anew on change, or "
        "an `https` URL, fetched as that of `GATEWAY_JWKS`.",
    )
    france_connect_timeout: float = Field(
        default=3,
        gt=0,
        le=60,
        description="Seconds that FranceConnect may take, the reading of its answer included.",
    )


TOGETHER: Final = (
    "france_connect_url",
    "france_connect_client_id",
    "france_connect_client_secret",
    "france_connect_key",
    "france_connect_jwks",
)
"""The settings that are given together, or not at all."""


def incomplete(settings: FranceConnectFields) -> Iterator[str]:
    """A line for each setting that is missing beside others."""
    given = [field for field in TOGETHER if getattr(settings, field) is not None]
    if not given:
        return
    for field in TOGETHER:
        if field not in given:
            yield (
                f"{environment_name(field)}: {environment_name(given[0])} is set without it. Set all of "
                f"{', '.join(map(environment_name, TOGETHER))} to be connected to FranceConnect, or none."
            )
