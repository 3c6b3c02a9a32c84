"""Settings of providers with several workers."""

import signal
from pathlib import Path

from support.fleet import gateway
from support.site import fresh
from support.stores import Server, until
from support.stub import Stub

MAINTENANCE = """
[[providers.insee.maintenance]]
start = 2020-01-01T00:00:00Z
end = 2100-01-01T00:00:00Z
"""


def test_a_hangup_reads_the_settings_anew(tmp_path: Path, store: Server, provider: Stub) -> None:
    """What the file says of providers is in force once SIGHUP has replaced the workers; breakers are those of both."""
    file = tmp_path / "gateway.toml"
    file.touch()
    with gateway(tmp_path, 2, upstream=provider.url, redis_url=store.url, config=str(file)) as both:
        assert {both.ask(token=fresh()).status for _ in range(10)} == {200}
        closed = 'gateway_breaker_state{provider="insee",state="closed"}'
        until(lambda: both.metrics()[closed] == 2, "not each shows its breaker")
        file.write_text(MAINTENANCE)
        both.process.send_signal(signal.SIGHUP)
        until(lambda: {both.ask(token=fresh()).status for _ in range(20)} == {503}, "no maintenance", seconds=120)
        assert both.ask(token=fresh()).codes == ["01020"]
