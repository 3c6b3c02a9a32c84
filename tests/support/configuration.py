"""A configuration file that tests change while a gateway runs."""

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
    """A TOML file that configures a gateway."""

    def __init__(self, folder: Path, **settings: object) -> None:
        self.path = folder / "gateway.toml"
        self._settings: dict[str, object] = {"jwt_secrets": [SECRET], **settings}
        self.change()

    def change(self, **settings: object) -> None:
        """Replace the file in one step; None removes a setting."""
        self._settings |= settings
        new = self.path.with_suffix(".new")
        new.write_text(
            "".join(f"{name} = {json.dumps(value)}\n" for name, value in self._settings.items() if value is not None)
        )
        new.replace(self.path)

    @property
    def variables(self) -> Mapping[str, str]:
        """The environment variables that point at the file."""
        return {**STAYS, "config": str(self.path)}


def hang_up(member: Gateway, *, event: str = "reloaded", number: signal.Signals = signal.SIGHUP) -> None:
    """Signal a gateway, and wait until every process has logged an event; by default, that it has reloaded."""
    before = len(member.logged(event))
    member.process.send_signal(number)
    until(lambda: len(member.logged(event)) >= before + member.workers, f"not {event}")
