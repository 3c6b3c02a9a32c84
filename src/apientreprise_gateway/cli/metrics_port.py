"""The port of metrics of a command that serves for long."""

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from prometheus_client import CollectorRegistry


def serve_metrics(setting: str, port: int | None, registry: "CollectorRegistry") -> None:
    """Serve the metrics of a registry on a port of their own, if one is set.

    Raises:
        SettingsError: the port cannot be used; it names the setting.
    """
    if port is None:
        return
    from prometheus_client import start_http_server

    from apientreprise_gateway.config.environment import SettingsError

    try:
        start_http_server(port, registry=registry)
    except OSError as error:
        raise SettingsError(f"{setting}: {port} cannot be used ({error.strerror}). Choose another.") from error
