"""The documentation says what the code does."""

import runpy
from pathlib import Path
from typing import Any

from apientreprise_gateway.call import Call, access_line
from apientreprise_gateway.documents.serving import Download, download_line
from apientreprise_gateway.observability.metrics import Metrics

ROOT = Path(__file__).resolve().parents[2]


def _first_column(page: str) -> set[str]:
    """The names in the first column of a page's tables."""
    return _names((ROOT / "docs" / page).read_text())


def _names(text: str) -> set[str]:
    rows = [line.split("|") for line in text.splitlines() if line.startswith("| `")]
    return {row[1].strip().strip("`") for row in rows}


def test_generated_files_are_current() -> None:
    """Every generated file is what `make docs` would write now."""
    pages: dict[Path, str] = runpy.run_path(str(ROOT / "scripts" / "write_docs.py"))["pages"]()
    stale = [path.name for path, content in pages.items() if not path.exists() or path.read_text() != content]
    assert stale == []


def test_every_metric_is_documented() -> None:
    """docs/metrics.md names every metric of ours, and no other."""
    families = {family.name for family in Metrics().registry.collect()}
    ours = {name for name in families if name.startswith("gateway_")}
    documented = {name.removesuffix("_total") for name in _first_column("metrics.md")}
    assert documented == ours


def test_every_access_log_field_is_documented() -> None:
    """docs/access-log.md names every field of each kind of line, and no other."""
    calls, downloads = (ROOT / "docs" / "access-log.md").read_text().split("| field of a download |")
    line: dict[str, Any] = access_line(Call({}), "access", 200, 0.1)
    assert _names(calls) == set(line)
    assert _names(downloads) == set(download_line(Call({}), Download()))
