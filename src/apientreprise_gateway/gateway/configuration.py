"""What a gateway was configured with: its settings, and the files that are read only at a start or a reload."""

import hashlib
from collections.abc import Mapping
from pathlib import Path

from apientreprise_gateway.gateway.components.connections import TLS_FILES
from apientreprise_gateway.gateway.settings import PROVIDER_PREFIX, Settings, environment_name


class Configuration:
    """The settings of a gateway, and digests of their files at the moment it is made."""

    def __init__(self, settings: Settings) -> None:
        self.settings = settings
        self._digests = _digests(settings)

    def changes_from(self, other: "Configuration") -> list[str]:
        """The environment variables of the settings that differ from another's, in value or in file content."""
        pairs = zip(self.settings, other.settings, strict=True)
        changed = [environment_name(name) for (name, own), (_, others) in pairs if own != others]
        files = self._digests.keys() | other._digests.keys()
        return changed + sorted(
            name for name in files if name not in changed and self._digests.get(name) != other._digests.get(name)
        )


def _digests(settings: Settings) -> Mapping[str, bytes]:
    """Digests of the files that are read only at a start or a reload, by the settings that name them.

    Files of keys and tokens are left out: they are watched.
    """
    files = dict(zip(TLS_FILES, ([settings.tls_certificate], [settings.tls_key]), strict=True))
    files[environment_name("france_connect_key")] = [settings.france_connect_key]
    for provider, own in settings.providers.items():
        files[f"{PROVIDER_PREFIX}{provider.upper()}"] = [own.ca, own.client_certificate, own.client_key]
    return {name: b"".join(map(_digest, paths)) for name, paths in files.items()}


def _digest(path: Path | None) -> bytes:
    try:
        return b"" if path is None else hashlib.sha256(path.read_bytes()).digest()
    except OSError:
        return b""
