"""Configuration by a file, which can change while a gateway runs."""

import json
import signal
from collections.abc import Mapping
from pathlib import Path

from support.fleet import Gateway
from support.stores import until
from support.tokens import SECRET

STAYS = dict.fromkeys(("jwt_secrets", "upstream_url", "limit_json", "limit_documents"), "")
"""Settings that are left to the file: an empty variable counts as none."""


class Configuration:
    """A TOML file that a gateway is configured by."""

    def __init__(self, folder: Path, **settings: object) -> None:
        self.path = folder / "gateway.toml"
        self._settings: dict[str, object] = {"jwt_secrets": [SECRET], **settings}
        self.change()

    def change(self, **settings: object) -> None:
        """Write the file anew, in one step; None takes a setting out."""
        self._settings |= settings
        new = self.path.with_suffix(".new")
        new.write_text(
            "".join(f"{name} = {json.dumps(value)}\n" for name, value in self._settings.items() if value is not None)
        )
        new.replace(self.path)

    @property
    def variables(self) -> Mapping[str, str]:
        """The settings that point at it."""
        return {**STAYS, "config": str(self.path)}


def hang_up(member: Gateway, *, event: str = "reloaded", number: signal.Signals = signal.SIGHUP) -> None:
    """Signal a gateway, and wait until every process has told of what it did: read its configuration anew, mostly."""
    before = len(member.logged(event))
    member.process.send_signal(number)
    until(lambda: len(member.logged(event)) >= before + member.workers, f"not {event}")
