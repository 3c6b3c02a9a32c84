"""The configuration of rsyslog: rsyslog accepts it, and feeds the journal with it."""

import shutil
import subprocess
from pathlib import Path

import pytest

CONFIGURATION = Path(__file__).resolve().parents[2] / "deploy" / "rsyslog" / "journal.conf"


def test_rsyslog_accepts_it() -> None:
    """Its own check finds nothing wrong."""
    program = shutil.which("rsyslogd", path="/usr/sbin:/usr/bin:/sbin")
    if program is None:
        pytest.skip("no rsyslogd on this machine (Debian: apt-get install rsyslog)")
    done = subprocess.run([program, "-N1", "-f", str(CONFIGURATION)], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert "error" not in done.stderr.lower().replace("no errors", "")
